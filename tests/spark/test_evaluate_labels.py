"""Judging and mining labels: drawn rectangles, a detector that sees them, figures by hand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from pyspark.sql import Row, SparkSession

from covergenre import config
from covergenre.bundle import DEFAULT, Bundle, open_bundle, with_part
from covergenre.detector.marks import read_marks
from covergenre.detector.stored import DetectorPart
from covergenre.errors import BundleError, CatalogueError, MarksError, SettingError
from jobs import evaluate as job
from jobs import mine_labels
from jobs.runtime.evaluation import label_report, labels
from jobs.runtime.marks import marked
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, SPLITS
from tests.covers import encoded, noise

SIDE = 64


@dataclass(frozen=True)
class Rectangle:
    """In pixels; the detector's score is its green, in hundredths."""

    x: int
    y: int
    width: int
    height: int
    score: int = 0

    @property
    def sides(self) -> str:
        """As a CSV of marks has them."""
        corners = (self.x, self.y, self.x + self.width, self.y + self.height)
        return ",".join(str(side / SIDE) for side in corners)


BIG, MIDDLE, SMALL, TINY = (20, 12), (10, 6), (7, 4), (4, 3)
# What the detector sees: of two rectangles the second is turquoise, not magenta.
DRAWN = {
    "grime/g0": [Rectangle(40, 50, *BIG, 95)],
    "grime/g1": [Rectangle(5, 50, *MIDDLE, 94)],
    "grime/g2": [Rectangle(50, 55, *SMALL, 85), Rectangle(2, 2, *MIDDLE, 30)],
    "grime/g3": [Rectangle(30, 58, *TINY, 75)],
    "grime/g4": [],
    "grime/g5": [Rectangle(20, 30, *MIDDLE, 80)],
    "grime/g6": [],
    "grime/g7": [Rectangle(20, 30, *BIG, 99)],
    "polka/p0": [Rectangle(10, 10, *MIDDLE, 90)],
    "polka/p1": [Rectangle(10, 10, *MIDDLE, 40)],
    "polka/p2": [],
    "polka/p3": [Rectangle(44, 52, *BIG, 60)],
    # Nobody marked these.
    **{f"grime/u{k}": [Rectangle(30, 40, *BIG, 70 + k)] for k in range(8)},
    **{f"polka/u{k}": [Rectangle(30, 40, *BIG, 60 + k)] if k % 2 else [] for k in range(24)},
}
MARKS = {
    **{name: DRAWN[name][0].sides for name in ("grime/g0", "grime/g1", "grime/g2", "polka/p3")},
    "grime/again": DRAWN["grime/g0"][0].sides,
    "grime/g3": DRAWN["grime/g3"][0].sides,
    "grime/g4": Rectangle(50, 50, *TINY).sides,
    # What is drawn there overlaps this by less than half.
    "grime/g5": Rectangle(25, 33, *MIDDLE).sides,
    **dict.fromkeys(("grime/g6", "polka/p0", "polka/p1", "polka/p2", "polka/away"), "none"),
    "grime/g7": "ambiguous",
}
THRESHOLD = 0.5


class Rectangles(tf.Module):
    """Finds a magenta rectangle and a turquoise one, as exported detectors say it."""

    @tf.function(input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), tf.uint8, "input_tensor")])
    def say(self, input_tensor: Any) -> dict[str, Any]:
        red, green, blue = tf.unstack(tf.cast(input_tensor[0], tf.float32), axis=-1)
        boxes, scores = [], []
        for inside in ((red > 250) & (blue > 250), (red < 5) & (blue > 250)):
            rows = tf.where(tf.reduce_any(inside, 1))[:, 0]
            columns = tf.where(tf.reduce_any(inside, 0))[:, 0]
            low = [tf.reduce_min(rows), tf.reduce_min(columns)]
            high = [tf.reduce_max(rows) + 1, tf.reduce_max(columns) + 1]
            boxes.append(tf.cast(tf.stack([*low, *high]), tf.float32) / SIDE)
            scores.append(tf.reduce_max(tf.where(inside, green, 0.0)) / 255)
        order = tf.argsort(tf.stack(scores), direction="DESCENDING")
        return {
            "detection_boxes": tf.gather(tf.stack(boxes), order)[None],
            "detection_scores": tf.gather(tf.stack(scores), order)[None],
            "detection_classes": tf.ones((1, 2)),
            "num_detections": tf.math.count_nonzero(scores, dtype=tf.float32)[None],
        }


def cover(seed: int, drawn: list[Rectangle]) -> bytes:
    """A dark cover, another for every seed."""
    with Image.open(io.BytesIO(noise(seed, SIDE))) as image:
        pixels = np.asarray(image) // 2
    for one, red in zip(drawn, (255, 0), strict=False):
        rows, columns = slice(one.y, one.y + one.height), slice(one.x, one.x + one.width)
        pixels[rows, columns] = (red, round(one.score * 2.55), 255)
    return encoded(Image.fromarray(pixels), "PNG")


def marks_csv(path: Path, marks: dict[str, str]) -> Path:
    rows = ["path,label,xmin,ymin,xmax,ymax,variant"]
    for name, said in marks.items():
        variant = "lyrics" if name in ("grime/g3", "grime/g4") else "content"
        box = f"parental_advisory,{said},{variant}"
        rows.append(f"{name}.png,{f'{said},,,,,' if said.isalpha() else box}")
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("labels")


@pytest.fixture(scope="module")
def covers(root: Path) -> Path:
    for seed, (name, drawn) in enumerate(DRAWN.items()):
        file = root / "covers" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(cover(seed, drawn))
    # The same file once more, and a near-duplicate of a marked cover.
    (root / "covers/grime/again.png").write_bytes((root / "covers/grime/g0.png").read_bytes())
    with Image.open(root / "covers/polka/p0.png") as image:
        brighter = np.maximum(np.asarray(image), 8)
    (root / "covers/polka/copy.png").write_bytes(encoded(Image.fromarray(brighter), "PNG"))
    return root / "covers"


@pytest.fixture(scope="module")
def marks(root: Path) -> Path:
    return marks_csv(root / "boxes.csv", MARKS)


@pytest.fixture(scope="module")
def bundle(root: Path) -> Bundle:
    module = Rectangles()
    tf.saved_model.save(module, str(root / "exported"), {"serving_default": module.say})
    part = DetectorPart.of_exported(root / "exported", [1], THRESHOLD, {})
    return with_part(open_bundle(DEFAULT), root / "rectangles", part)


@pytest.fixture(scope="module")
def words(spark: SparkSession, root: Path, covers: Path, bundle: Bundle) -> list[str]:
    return [
        "--covers", str(covers), "--output", str(root / "warehouse"), "--model", str(bundle.path),
        "--set", "detector.labelled_genres=[Grime]", "--set", "evaluate.bootstrap_samples=100",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def evaluated(words: list[str], marks: Path, bundle: Bundle, root: Path) -> dict[str, Any]:
    (root / "report").mkdir()
    (root / "report" / "label_false_9.png").write_bytes(b"of an evaluation before")
    report = ["--only", "labels", "--report", str(root / "report"), "--against", str(bundle.path)]
    return job.main([*words, "--labels", str(marks), *report])


@pytest.fixture(scope="module")
def figures(evaluated: dict[str, Any]) -> dict[str, Any]:
    text = (Path(evaluated["report"]) / label_report.FIGURES).read_text()
    return dict(json.loads(text))


@pytest.fixture(scope="module")
def splits(evaluated: dict[str, Any], spark: SparkSession, root: Path) -> dict[str, Row]:
    """Of each file below the covers, without its suffix."""
    held = Warehouse(spark, str(root / "warehouse"))
    rows = held.read(ALBUMS).select("album_id", "cover_id").join(held.read(SPLITS), "cover_id")
    return {row["album_id"].removesuffix(".png"): row for row in rows.collect()}


def test_figures_on_marked_covers(figures: dict[str, Any], evaluated: dict[str, Any]) -> None:
    # Two of the fourteen rows are one cover, one is in doubt and one is not in the catalogue.
    assert figures["marked"] == {"covers": 11, "labels": 7, "in_doubt": 1, "unusable": 0}
    own = figures["detector"]
    # Above a half: g0, g1, g2, g3 and p3 right, g5 and p0 not; g4 and g5 missed.
    assert own["precision"]["value"] == pytest.approx(5 / 7)
    assert own["recall"]["value"] == pytest.approx(5 / 7)
    # By score: right, right, false, right, false, right, right, false, false.
    area = (29 * 1 + 14 * 3 / 4 + 29 * 5 / 7) / 101
    assert own["ap50"]["value"] == own["ap50_95"]["value"] == pytest.approx(area)
    low, high = own["recall"]["interval"]
    assert 0.2 < low < 5 / 7 < high <= 1
    assert "does not say which covers it was trained on" in figures["remarks"][0]
    assert evaluated["labels"]["ap50"] == own["ap50"]["value"]
    itself = next(iter(figures["beside"].values()))
    assert itself["difference"]["ap50"]["interval"] == [0, 0]


def test_figures_of_parts(figures: dict[str, Any]) -> None:
    def counts(rows: list[dict[str, Any]]) -> list[list[int]]:
        return [[row[name] for name in ("covers", "labels", "found", "false")] for row in rows]

    # Up to 8 % wide g3 and g4, up to 12 % g2, up to 18 % g1 and g5 (and the false ones), g0, p3.
    widths = [[0, 0.08], [0.08, 0.12], [0.12, 0.18], [0.18, None]]
    assert [row["widths"] for row in figures["by_width"]] == widths
    assert counts(figures["by_width"]) == [[11, 2, 1, 0], [11, 1, 1, 0], [11, 2, 1, 2],
                                           [11, 2, 2, 0]]  # fmt: skip
    assert [row["variant"] for row in figures["by_variant"]] == ["content", "lyrics"]
    assert counts(figures["by_variant"]) == [[5, 5, 4, 1], [2, 2, 1, 0]]
    assert [row["genre"] for row in figures["by_genre"]] == ["grime", "polka"]
    assert counts(figures["by_genre"]) == [[7, 6, 4, 1], [4, 1, 1, 1]]


def test_false_labels(figures: dict[str, Any], splits: dict[str, Row]) -> None:
    marked_bare, not_grime, further = figures["false_labels"]
    assert (marked_bare["covers"], marked_bare["false"]) == (4, 1)
    assert (not_grime["covers"], not_grime["false"]) == (3, 1)
    assert not_grime["per_thousand"]["value"] == pytest.approx(1000 / 3)
    # Of the test fold, nobody marked them or their near-duplicates, and they are no grime.
    tested = [name for name, row in splits.items() if row["fold"] == 0 and "polka/u" in name]
    seen = sum(len(DRAWN[name]) for name in tested)
    assert (further["covers"], further["false"]) == (len(tested), seen)
    assert 0 < seen < len(tested)


def test_how_much_the_label_tells(figures: dict[str, Any]) -> None:
    rows = {(row["on"], row["by"]): row for row in figures["says_genre"]}
    assert {row["genre"] for row in rows.values()} == {"grime"}
    person, machine = rows["marked", "a person"], rows["marked", "the detector"]
    assert (person["covers"], person["labelled"], person["of_genre"]) == (11, 7, 7)
    assert person["precision"]["value"] == person["recall"]["value"] == pytest.approx(6 / 7)
    # It sees one on g0, g1, g2, g3, g5, p0 and p3.
    assert machine["precision"]["value"] == machine["recall"]["value"] == pytest.approx(5 / 7)
    # 16 covers of grime stand behind 7, 29 of polka behind 4.
    catalogue = rows["marked, for the catalogue", "a person"]
    grime, polka = 6 * 16 / 7, 1 * 29 / 4
    assert catalogue["precision"]["value"] == pytest.approx(grime / (grime + polka))
    assert catalogue["recall"]["value"] == pytest.approx(6 / 7)
    assert catalogue["share"]["value"] == pytest.approx(16 / 45)
    assert rows["test fold", "the detector"]["recall"]["value"] is not None


def test_the_report(evaluated: dict[str, Any], figures: dict[str, Any]) -> None:
    report = Path(evaluated["report"])
    sheets = {"label_hits", "label_misses", "label_false", "label_further"}
    plots = {"label_calibration", "label_precision_recall", "label_widths"}
    assert {path.stem for path in report.glob("*.png")} == sheets | plots
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in report.glob("*.png"))
    text = (report / label_report.REPORT).read_text()
    assert "11 covers marked by hand (7 labels) are judged; 1 with labels in doubt" in text
    assert "| below 8 % | 11 | 2 | 1 | 0.500" in text
    assert "| marked, no label on them, not grime | 3 | 1 | 333.33" in text
    assert all(f"]({path.name})" in text for path in report.glob("*.png"))
    assert not (report / job.REPORT).exists()  # of the genres


def test_what_cannot_be_judged_is_told(
    words: list[str], marks: Path, root: Path, spark: SparkSession, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], evaluated: dict[str, Any],
    make_bundle: Callable[..., Bundle],
) -> None:  # fmt: skip
    with pytest.raises(MarksError, match=r"name a CSV of them, --labels or detector\.marked"):
        job.main([*words, "--only", "labels"])
    with pytest.raises(BundleError, match="holds no detector"):
        job.main([*words, "--model", str(make_bundle().path), "--labels", str(marks)])
    warehouse = Warehouse(spark, str(root / "warehouse"))
    assert len(marked(warehouse, marks)) == 12
    assert "1 of 14 covers" in (told := capsys.readouterr().err) and "polka/away.png" in told
    unlike = marks_csv(tmp_path / "unlike.csv", {**MARKS, "grime/again": "none"})
    with pytest.raises(MarksError, match=r"g0\.png and grime/again\.png are the same image"):
        marked(warehouse, unlike)
    with pytest.raises(MarksError, match="names none of the covers"):
        marked(warehouse, marks_csv(tmp_path / "away.csv", {"a/b": "none"}))
    doubt = marks_csv(tmp_path / "doubt.csv", {"grime/g7": "ambiguous"})
    with pytest.raises(MarksError, match="all of its labels are in doubt"):
        labels.choose(warehouse, doubt, config.load())


def test_mining(
    words: list[str], marks: Path, splits: dict[str, Row], tmp_path: Path
) -> None:  # fmt: skip
    free = [n for n, row in splits.items() if n.startswith("grime/u") and row["fold"] != 0]
    known = marks_csv(tmp_path / "known.csv", {free[0]: "none"})
    words = [*words, "--set", f"detector.marked={marks}", "--set", f"detector.confirmed={known}"]
    found = mine_labels.main([*words, "--report", str(tmp_path), "--least-score", "0.65"])
    with (tmp_path / mine_labels.CANDIDATES).open() as file:
        rows = list(csv.DictReader(file))
    expected = sorted(free[1:], reverse=True)  # the surest first
    assert 0 < len(expected) < 7
    assert [row["album"] for row in rows] == [f"{name}.png" for name in expected]
    assert [row["number"] for row in rows] == [str(k + 1) for k in range(len(rows))]
    assert found["candidates"] == found["looked_at"] == len(rows)
    score = DRAWN[expected[0]][0].score / 100
    assert float(rows[0]["score"]) == pytest.approx(score, abs=0.003)
    # What is left of it is a CSV of marks.
    confirmed = read_marks(tmp_path / mine_labels.CANDIDATES)
    box = np.array([30, 40, 30 + BIG[0], 40 + BIG[1]]) / SIDE
    np.testing.assert_allclose(confirmed[0].boxes, [box], atol=5e-5)
    with Image.open(tmp_path / "candidates.png") as sheet:
        assert sheet.width >= 640


def test_which_covers_are_mined(
    spark: SparkSession, root: Path, marks: Path, splits: dict[str, Row]
) -> None:
    warehouse = Warehouse(spark, str(root / "warehouse"))
    settings = config.load(assignments=[f"detector.marked={marks}"])
    # The near-duplicate of a marked cover is none of them.
    free = {r["cover_id"] for n, r in splits.items() if n.startswith("polka/u") and r["fold"] != 0}
    assert set(mine_labels.unmarked(warehouse, {"polka", "tango"}, settings)) == free
    with pytest.raises(CatalogueError, match="no covers of tango outside the test fold"):
        mine_labels.unmarked(warehouse, {"tango"}, settings)
    with pytest.raises(SettingError, match="name some with --genres"):
        mine_labels.main(
            ["--model", str(root / "rectangles"), "--set", "detector.labelled_genres=[]"]
        )
