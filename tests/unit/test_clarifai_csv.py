"""Published concepts: what the CSVs say, what they keep back, and what is said of wrong ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from covergenre.concepts.clarifai_csv import PublishedConcepts, picture_of, read_folder
from covergenre.concepts.tagger import Concept, TaggerFailure
from covergenre.errors import ConceptsError

FOLK = ",img,music,man\n0,image7.jpg,0.5,0.75\n1,image12.jpg,,\n"
RAP = ",img,man,bill\n0,image7.jpg,,0.25\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folk.csv").write_text(FOLK)
    (tmp_path / "rap.csv").write_text(RAP)
    (tmp_path / "notes.txt").write_text("not a CSV")
    return tmp_path


def test_a_file_is_read_as_a_row_a_cover_and_a_column_a_concept(folder: Path) -> None:
    folk, rap = read_folder(folder)
    assert (folk.genre, rap.genre) == ("folk", "rap")
    assert folk.digest == hashlib.sha256(FOLK.encode()).hexdigest()
    assert list(folk.scores.columns) == ["music", "man"]
    assert list(folk.scores.index) == [7, 12]
    np.testing.assert_array_equal(folk.scores, [[0.5, 0.75], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("rap/0_12.jpg", ("rap", 12)),
        ("all/hard rock/2_1897.jpeg", ("hard rock", 1897)),
        ("rap/image7-small.jpg", ("rap", 7)),
        ("0_12.jpg", None),
        ("rap/cover.jpg", None),
    ],
)
def test_a_picture_is_known_by_folder_and_number(
    name: str, picture: tuple[str, int] | None
) -> None:
    assert picture_of(name) == picture


def test_a_cover_has_what_was_seen_and_unknown_where_its_file_has_no_column(folder: Path) -> None:
    contents = [b"folk 7", b"folk 12", b"rap 7", b"of another catalogue"]
    ids = [hashlib.sha256(content).hexdigest() for content in contents]
    pictures = [("folk", 7), ("folk", 12), ("rap", 7), ("rap", 99)]
    tagger = PublishedConcepts(read_folder(folder), dict(zip(pictures, ids, strict=True)))
    assert tagger.tag(contents) == [
        [Concept("man", 0.75), Concept("music", 0.5), Concept("bill", None)],
        [Concept("bill", None)],
        [Concept("bill", 0.25), Concept("music", None)],
        TaggerFailure("unpublished", "no published picture is this cover"),
    ]


def test_the_name_changes_with_the_files(folder: Path) -> None:
    before = PublishedConcepts(read_folder(folder), {}).name
    assert PublishedConcepts(read_folder(folder), {}).name == before
    (folder / "rap.csv").write_text(RAP.replace("0.25", "0.5"))
    assert PublishedConcepts(read_folder(folder), {}).name != before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read as a CSV"),
        (",name,man\n0,image1.jpg,0.5\n", "has no column img"),
        (",img,man\n", "holds no concepts"),
        (",img\n0,image1.jpg\n", "holds no concepts"),
        (",img,man,man\n0,image1.jpg,0.5,0.5\n", "has the column man twice"),
        (",img,man\n0,cover.jpg,0.5\n", "line 2: img 'cover.jpg' has no number"),
        (",img,man\n0,,0.5\n", "line 2: img '' has no number"),
        (
            ",img,man\n0,image1.jpg,0.5\n1,image1.jpg,0.5\n",
            "line 3: img 'image1.jpg' is there twice",
        ),
        (",img,man\n0,image1.jpg,0.5\n1,image2.jpg,yes\n", "line 3, column man: 'yes' is no score"),
        (",img,man\n0,image1.jpg,0\n", "line 2, column man: '0' is no score"),
        (",img,man\n0,image1.jpg,1.5\n", "line 2, column man: '1.5' is no score"),
        (",img,man\n0,image1.jpg,nan\n", "line 2, column man: 'nan' is no score"),
        (",img,man\n0,image1.jpg,0.5,0.7,0.9\n", "cannot be read as a CSV"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(folder: Path, text: str, said: str) -> None:
    file = folder / "folk.csv"
    file.write_text(text)
    with pytest.raises(ConceptsError) as raised:
        read_folder(folder)
    assert str(file) in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize("name", [".", "missing"])
def test_a_folder_without_files_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConceptsError, match="holds no CSV of concepts"):
        read_folder(tmp_path / name)


def test_a_file_that_is_not_text_is_named(folder: Path) -> None:
    (folder / "folk.csv").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\n\xff")
    with pytest.raises(ConceptsError, match=r"folk\.csv cannot be read as a CSV"):
        read_folder(folder)


def test_the_studys_covers_are_found_by_their_names(shared: Path) -> None:
    names = ["rap/0_100.jpg", "folk/1_0.jpg"]
    contents = [(shared / "covers" / name).read_bytes() for name in names]
    covers = {
        picture: hashlib.sha256(content).hexdigest()
        for name, content in zip(names, contents, strict=True)
        if (picture := picture_of(name))
    }
    rap, folk = PublishedConcepts(read_folder(shared / "clarifai"), covers).tag(contents)
    assert isinstance(rap, list) and isinstance(folk, list)
    assert [c.name for c in rap if c.score] == [
        "music", "people", "man", "one", "adult", "indoors", "woman",
    ]  # fmt: skip
    assert rap[0].score == pytest.approx(0.98975730)
    assert [c.name for c in folk if c.score] == [
        "music", "musician", "man", "people", "adult", "woman",
    ]  # fmt: skip
    # Each of the 30 concepts that any file has is seen, not seen, or unknown.
    assert sum(c.score is None for c in rap) == 30 - 18
    assert sum(c.score is None for c in folk) == 30 - 22
