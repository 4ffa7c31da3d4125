"""Labels marked by hand: what a CSV of them says, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from covergenre.detector.marks import Candidate, is_cover_id, read_marks, write_candidates
from covergenre.errors import MarksError, OutputError

HEADER = "path,label,xmin,ymin,xmax,ymax,variant"
COVER_ID = "0123456789abcdef" * 4


def table(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "boxes.csv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def test_covers_with_labels_without_and_in_doubt(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "rap/b.jpg,parental_advisory,0.1,0.8,0.25,0.9,explicit_lyrics",
        "rap/a.jpg,none,,,,,",
        "./rap//b.jpg,parental_advisory,0,0,1,0.5,sticker",
        "rap/c.jpg,ambiguous,,,,,",
        "rap/d.jpg,ambiguous,0.5,0.5,0.75,0.625,other",
    )
    b, a, c, d = read_marks(path)
    assert [m.cover for m in (b, a, c, d)] == ["rap/b.jpg", "rap/a.jpg", "rap/c.jpg", "rap/d.jpg"]
    np.testing.assert_array_equal(
        b.boxes, np.array([[0.1, 0.8, 0.25, 0.9], [0, 0, 1, 0.5]], np.float32)
    )
    assert b.boxes.dtype == np.float32
    assert (b.variant, b.line, b.has_label) == ("explicit_lyrics", 2, True)

    assert (a.boxes.shape, a.ambiguous, a.variant, a.has_label) == ((0, 4), False, "", False)
    assert (c.boxes.shape, c.ambiguous, c.has_label) == ((0, 4), True, False)
    np.testing.assert_array_equal(d.boxes, np.array([[0.5, 0.5, 0.75, 0.625]], np.float32))
    assert (d.ambiguous, d.has_label) == (True, False)


def test_a_cover_is_named_by_its_id_where_that_is_filled_in(tmp_path: Path) -> None:
    header = "score,cover_id,path,label,xmin,ymin,xmax,ymax"
    rows = [f"0.9,{COVER_ID},rap/a.jpg,none,,,,", "0.8,,rap/b.jpg,none,,,,"]
    first, second = read_marks(table(tmp_path, *rows, header=header))
    assert (first.cover, second.cover) == (COVER_ID, "rap/b.jpg")
    assert is_cover_id(first.cover) and not is_cover_id(second.cover)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a.jpg,label,,,,,", "line 3: label is 'label': use parental_advisory, none or ambiguous"),
        ("a.jpg,parental_advisory,,,,,", "line 3: xmin is empty: a label needs its whole box"),
        ("a.jpg,parental_advisory,0.1,0.1,0.2,,", "line 3: ymax is empty"),
        ("a.jpg,ambiguous,0.1,,0.2,0.3,", "line 3: ymin is empty"),
        ("a.jpg,none,,,0.2,,", "line 3: label is none but xmax is given"),
        ("a.jpg,parental_advisory,0.1,0.1,0.2,1.01,", "line 3: ymax is 1.01, not within 0-1"),
        ("a.jpg,parental_advisory,-0.1,0.1,0.2,0.3,", "line 3: xmin is -0.1, not within 0-1"),
        ("a.jpg,parental_advisory,nan,0.1,0.2,0.3,", "line 3: xmin is nan, not within 0-1"),
        ("a.jpg,parental_advisory,left,0.1,0.2,0.3,", "line 3: xmin is 'left', not a number"),
        ("a.jpg,parental_advisory,0.2,0.1,0.2,0.3,", "line 3: xmin 0.2 is not below xmax 0.2"),
        ("a.jpg,parental_advisory,0.1,0.4,0.2,0.3,", "line 3: ymin 0.4 is not below ymax 0.3"),
        (",none,,,,,", "line 3: no cover is named"),
        ("a.jpg,none", "line 3 has not as many fields"),
        ("a.jpg,none,,,,,,,", "line 3 has not as many fields"),
        ('"a.jpg,none,,,,,', "line 3 is not CSV"),
        ("z.jpg,none,,,,,", "lines 2 and 3 say the same of z.jpg"),
        ("z.jpg,parental_advisory,0.1,0.1,0.2,0.3,", "lines 2 and 3 contradict each other"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_is_named(tmp_path: Path, row: str, said: str) -> None:
    path = table(tmp_path, "z.jpg,none,,,,,", row)
    with pytest.raises(MarksError) as error:
        read_marks(path)
    assert str(error.value).startswith(str(path))
    assert said in str(error.value)


def test_a_file_that_cannot_be_read_as_marks_is_named(tmp_path: Path) -> None:
    with pytest.raises(MarksError, match=r"away.csv cannot be read: No such file"):
        read_marks(tmp_path / "away.csv")
    with pytest.raises(MarksError, match=r"no column path \(or cover_id\), xmax \(it has: label"):
        read_marks(table(tmp_path, header="label,xmin,ymin,ymax"))
    with pytest.raises(MarksError, match="marks no cover"):
        read_marks(table(tmp_path))
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"\n\xe9.jpg,none,,,,,\n")
    with pytest.raises(MarksError, match="is not UTF-8"):
        read_marks(tmp_path / "latin.csv")


def test_the_real_marks(shared: Path) -> None:
    marks = read_marks(shared / "advisory" / "boxes.csv")
    labelled = [m for m in marks if m.has_label]
    assert (len(marks), len(labelled), sum(m.ambiguous for m in marks)) == (1220, 214, 2)
    assert sum(m.cover.startswith("rap/") for m in labelled) == 205
    assert all(len(m.boxes) == 1 for m in labelled)


def test_candidates_that_are_left_are_marks(tmp_path: Path) -> None:
    path = tmp_path / "candidates.csv"
    box = np.array([0.5, 0.80001, 0.625, 0.9], np.float32)
    other = np.array([0.0, 0.0, 1.0, 0.25], np.float32)
    write_candidates(
        path,
        [
            Candidate(COVER_ID, "rap/a, b.jpg", box, 0.97),
            Candidate(COVER_ID, "rap/a, b.jpg", other, 0.5),
            Candidate(COVER_ID[::-1], "rap/c.jpg", other, 0.25),
        ],
    )
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == "cover_id,label,xmin,ymin,xmax,ymax,score,number,album"
    row = f"{COVER_ID},parental_advisory,0.5000,0.8000,0.6250,0.9000,0.9700,1,"
    assert lines[1] == f'{row}"rap/a, b.jpg"'
    # A person takes the second out.
    path.write_text("\n".join([*lines[:2], lines[3]]), "utf-8")
    first, second = read_marks(path)
    assert (first.cover, second.cover) == (COVER_ID, COVER_ID[::-1])
    np.testing.assert_allclose(first.boxes, [box], atol=5e-5)
    with pytest.raises(OutputError, match=r"away/candidates\.csv cannot be written: No such file"):
        write_candidates(tmp_path / "away" / "candidates.csv", [])
