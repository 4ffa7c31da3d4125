"""Training the label detector: which covers serve, what is composed, and the bundle it ends in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from covergenre import config, images
from covergenre.bundle import Bundle
from covergenre.detector.marks import read_marks
from covergenre.engines import tensorflow
from covergenre.errors import MarksError, SettingError, TrainingDataError
from jobs import train_detector
from jobs.prepare import prepare
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.detecting import pictures
from jobs.runtime.detecting.covers import serving
from jobs.runtime.detecting.validation import CONFIRMED, UNMARKED, Judgement
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from jobs.train_detector import Exported
from schemas import ALBUMS, SPLITS
from tests.covers import encoded, noise
from tests.detectors import ARCHITECTURE, export

EACH = 40
MEASURED = 3
# The place where the exported detector of the tests sees labels: xmin, ymin, xmax, ymax.
BOX = (0.1, 0.0, 0.5, 0.4)
SIZE = 80


def labelled(seed: int, size: int = SIZE) -> bytes:
    """A bright cover with a plate, dark with a white bar, at :data:`BOX`."""
    image = Image.open(io.BytesIO(noise(seed, SIZE))).convert("RGB")
    # Contrasts of their own, or the plate would make near-duplicates of them all.
    image = image.point(lambda value: 100 + value * 3 // 5)
    image.paste((70, 70, 70), (8, 0, 40, 32))
    image.paste((255, 255, 255), (8, 11, 40, 22))
    return encoded(image.resize((size, size)), "PNG")


def dark(seed: int) -> bytes:
    """A dark cover."""
    image = Image.open(io.BytesIO(noise(1000 + seed, SIZE))).convert("RGB")
    return encoded(image.point(lambda value: value // 4), "PNG")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Genres by folder: a labelled one, of which the first covers are measured on."""
    folder = tmp_path_factory.mktemp("detector")
    for genre, draw in (("drill", labelled), ("polka", dark)):
        (folder / "covers" / genre).mkdir(parents=True)
        for seed in range(EACH):
            (folder / "covers" / genre / f"{seed}.png").write_bytes(draw(seed))
    # Near-duplicates of a cover that is measured on, one filed elsewhere.
    (folder / "covers" / "drill" / "again.png").write_bytes(labelled(0, SIZE - 16))
    (folder / "covers" / "polka" / "again.png").write_bytes(labelled(0, SIZE + 16))
    rows = [(f"drill/{seed}.png", "parental_advisory", *BOX) for seed in range(EACH)]
    write(folder / "marked.csv", rows[:MEASURED])
    write(folder / "confirmed.csv", rows[MEASURED:])
    return folder


def write(path: Path, rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "xmin", "ymin", "xmax", "ymax"])
        writer.writerows(rows)


def settings_of(root: Path, *more: str) -> config.Settings:
    return config.load(
        assignments=[
            f"detector.marked={root}/marked.csv", f"detector.confirmed={root}/confirmed.csv",
            "detector.labelled_genres=[Drill]", "detector.pictures=96", "detector.passes=32",
            "detector.real_share=0.5", "detector.epochs=4", "detector.batch_size=8",
            "detector.learning_rate=0.004", "detector.validation_pictures=4", *more,
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def settings(root: Path) -> config.Settings:
    return settings_of(root)


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, root: Path, settings: config.Settings) -> Warehouse:
    made = Warehouse(spark, str(root / "warehouse"))
    ingest(made, str(root / "covers"), look(str(root / "covers")), settings)
    prepare(made, settings)
    return made


@pytest.fixture(scope="module")
def paths(warehouse: Warehouse) -> dict[str, str]:
    return {row["cover_id"]: row["album_id"] for row in warehouse.read(ALBUMS).collect()}


@pytest.fixture(scope="module")
def folds(warehouse: Warehouse, paths: dict[str, str]) -> dict[str, int]:
    """By path."""
    return {paths[row["cover_id"]]: row["fold"] for row in warehouse.read(SPLITS).collect()}


# Which covers serve.


def test_labels_are_laid_on_covers_that_carry_none_and_are_not_held_out(
    warehouse: Warehouse,
    settings: config.Settings,
    paths: dict[str, str],
    folds: dict[str, int],
) -> None:
    found = serving(warehouse, settings)
    polka = {f"polka/{seed}.png" for seed in range(EACH)}  # without again.png
    assert {paths[i] for i in found.training} == {p for p in polka if folds[p] in (2, 3, 4)}
    assert {paths[i] for i in found.validation} == {p for p in polka if folds[p] == 1}


def test_confirmed_labels_are_trained_on_or_validated_on_as_their_fold_says(
    warehouse: Warehouse,
    settings: config.Settings,
    paths: dict[str, str],
    folds: dict[str, int],
) -> None:
    found = serving(warehouse, settings).confirmed
    known = {f"drill/{seed}.png" for seed in range(MEASURED, EACH)}
    assert {paths[i] for i in found.training} == {p for p in known if folds[p] in (2, 3, 4)}
    assert {paths[i] for i in found.validation} == {p for p in known if folds[p] == 1}
    assert found.left_out == sum(folds[path] == 0 for path in known) > 0


def test_a_confirmed_cover_is_no_background(
    warehouse: Warehouse, root: Path, tmp_path: Path, paths: dict[str, str], folds: dict[str, int]
) -> None:
    path = next(p for p in sorted(folds) if p.startswith("polka") and folds[p] == 2)
    doubtful = next(p for p in sorted(folds) if p.startswith("polka") and folds[p] == 3)
    rows = [(path, "none", "", "", "", ""), (doubtful, "ambiguous", "", "", "", "")]
    write(tmp_path / "c.csv", rows)
    found = serving(warehouse, settings_of(root, f"detector.confirmed={tmp_path}/c.csv"))
    used = {paths[i] for i in found.training}
    assert not {path, doubtful} & used
    assert {paths[i]: len(m.boxes) for i, m in found.confirmed.training.items()} == {path: 0}
    assert found.confirmed.left_out == 1


def test_what_is_measured_on_is_not_trained_on_nor_its_near_duplicates(
    warehouse: Warehouse, root: Path, tmp_path: Path
) -> None:
    write(tmp_path / "c.csv", [("drill/again.png", "parental_advisory", *BOX)])
    refusing = settings_of(root, f"detector.confirmed={tmp_path}/c.csv")
    with pytest.raises(MarksError, match=r"c\.csv line 2: drill/again\.png are in detector.marked"):
        serving(warehouse, refusing)


def test_a_catalogue_of_labelled_genres_alone_cannot_be_composed_on(
    warehouse: Warehouse, root: Path
) -> None:
    everything = settings_of(root, "detector.labelled_genres=[drill, polka]")
    with pytest.raises(TrainingDataError, match="no cover of the training folds can have labels"):
        serving(warehouse, everything)


# Pictures.


def test_pictures_are_shared_out_evenly() -> None:
    given = pictures.spread(["a", "b", "c"], 8)
    assert [(one.cover_id, one.versions) for one in given] == [("a", 3), ("b", 3), ("c", 2)]
    assert [one.versions for one in pictures.spread(["a", "b", "c"], 2)] == [1, 1]
    assert pictures.spread([], 8) == []


def test_pictures_are_the_same_in_every_run_and_differ_by_seed(
    warehouse: Warehouse, settings: config.Settings, root: Path
) -> None:
    wanted = pictures.spread(serving(warehouse, settings).training[:3], 9)
    rows = pictures.composed(warehouse, wanted, settings, 64).collect()
    assert rows == pictures.composed(warehouse, wanted, settings, 64).collect()
    seen = {bytes(row["picture"]) for row in rows}
    assert len(seen) == 9
    for row in rows:
        assert images.decode(bytes(row["picture"])).shape == (64, 64, 3)
        boxes = np.array(row["boxes"]).reshape(-1, 4)
        assert len(boxes) == 2
        meant = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        assert meant.tolist() == [index < row["labels"] for index in range(2)]
    assert {row["labels"] for row in rows} >= {0, 1}
    other = settings_of(root, "detector.seed=2")
    assert not seen & {
        bytes(row["picture"]) for row in pictures.composed(warehouse, wanted, other, 64).collect()
    }


def test_real_labels_are_shown_as_they_are(warehouse: Warehouse, settings: config.Settings) -> None:
    found = serving(warehouse, settings)
    wanted = pictures.allotted(found, settings)
    real = [one for one in wanted if one.boxes is not None]
    assert sum(one.versions for one in real) == 48
    assert sum(one.versions for one in wanted) == 96
    for row in pictures.composed(warehouse, real[:4], settings, 128).collect():
        assert row["labels"] == 1
        left, top, right, bottom = np.round(np.array(row["boxes"][:4]) * 128).astype(int)
        plate = images.decode(bytes(row["picture"]))[top:bottom, left:right].mean(axis=2)
        third = len(plate) // 3
        # A white bar between two dark ones, whatever has become of size, place and colours.
        middle = plate[third + 2 : -third - 2].mean()
        assert middle > max(plate[: third - 2].mean(), plate[-third + 2 :].mean()) + 25


# The whole job.


def test_an_exported_detector_gets_a_threshold_and_a_card(
    warehouse: Warehouse,
    settings: config.Settings,
    make_bundle: Callable[..., Bundle],
    tmp_path: Path,
    folds: dict[str, int],
) -> None:
    exported = Exported(export(tmp_path / "exported"), [1])
    run = Run("train_detector", settings)
    bundle, judgement, hits = train_detector.train_detector(
        warehouse, settings, make_bundle("mine"), tmp_path / "with", run, exported
    )
    # It sees a label on all covers, surer on bright ones: those that have one, but for some
    # composed pictures.
    figures = judgement.figures
    known = [f"drill/{seed}.png" for seed in range(MEASURED, EACH)]
    assert figures[CONFIRMED]["covers"] == sum(folds[path] == 1 for path in known) > 0
    assert figures[CONFIRMED]["ap50"] == 1
    bare = sum(folds[f"polka/{seed}.png"] == 1 for seed in range(EACH))
    assert figures[UNMARKED] == {"covers": bare, "labels": 0, "false": 0}
    assert judgement.choice.met
    assert bundle.labels == make_bundle("mine").labels
    assert bundle.detector is not None
    assert bundle.detector.threshold == judgement.choice.threshold
    card = (bundle.path / "DETECTOR_CARD.md").read_text()
    assert "its class 1" in card
    assert f"{judgement.choice.threshold:.3f}" in card
    assert hits == tmp_path / "with-hits.csv"


def test_a_detector_is_trained_once(
    warehouse: Warehouse,
    settings: config.Settings,
    make_bundle: Callable[..., Bundle],
    tmp_path: Path,
) -> None:
    def made(name: str) -> tuple[Bundle, Judgement, Path]:
        run = Run("train_detector", settings)
        base = make_bundle("mine")
        return train_detector.train_detector(
            warehouse, settings, base, tmp_path / name, run, ARCHITECTURE
        )

    first, judgement, hits = made("first")
    second, _, _ = made("second")
    weights, again = ((b.path / "detector.safetensors").read_bytes() for b in (first, second))
    assert first.detector is not None
    details = first.detector.spec["details"]
    assert len(details["training"]["history"]["loss"]) == 4
    assert details["training"]["pictures"] == 96
    assert details["training"]["composed"] == 48
    # Taken up from the checkpoints: not an epoch more, the same weights.
    assert second.detector is not None
    assert second.detector.spec["details"]["training"] == details["training"]
    assert again == weights
    detector = first.detector.load(tensorflow.loader(8))
    assert detector.size == 64
    boxes, scores = detector.best(np.zeros((2, 64, 64, 3), np.uint8))
    assert boxes.shape == (2, 4)
    assert ((scores >= 0) & (scores <= 1)).all()
    # What was found on unmarked covers reads as marks do.
    assert len(judgement.hits) == (len(read_marks(hits)) if judgement.hits else 0)


def test_saved_model_and_label_class_go_together() -> None:
    with pytest.raises(SettingError, match="--saved-model and --label-class go together"):
        train_detector.main(["--saved-model", "somewhere"])
