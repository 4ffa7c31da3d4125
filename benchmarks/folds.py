"""A frozen recipe on every fold, and the leak of a random split, from kept embeddings.

    python benchmarks/folds.py --output WAREHOUSE [--config conf/recipes/frozen.yaml] [--leak 3]

Each fold is the test fold once, the next one the validation fold. WAREHOUSE must have been
prepared; covers without an embedding are embedded into it first. Nothing is chosen by the figures.

The leak: every album is judged once, by a network that was not trained on its fold; first with
folds drawn album by album, as if nobody had looked for duplicates, then with folds that keep the
copies of a cover together. Same albums, same recipe, same number of folds: the rest is the leak.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame

from covergenre import backbones, evaluation, tensorflow_runtime
from covergenre.config import Settings, load
from jobs.runtime import session
from jobs.runtime.recipes import frozen
from jobs.runtime.recipes.trained import Training, genres
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, SPLITS

SHOWN = {"accuracy": "accuracy", "macro_auc": "macro AUC", "ece_debiased": "ECE, debiased"}


@dataclass(frozen=True)
class Split(Training):
    """A training whose covers are given.

    Attributes:
        rows: ``cover_id``, ``label``, ``fold``; a cover may be there several times.
    """

    rows: DataFrame

    def covers(self) -> DataFrame:
        return self.rows


@dataclass(frozen=True)
class OutOfFold:
    """Covers, each judged by the network that was not trained on its fold.

    Attributes:
        cover_ids: n of them.
        labels, folds: int64 (n,).
        probabilities: float64 (n, classes), calibrated on the validation fold.
    """

    cover_ids: npt.NDArray[np.str_]
    labels: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]

    def of(self, chosen: npt.NDArray[Any]) -> OutOfFold:
        """Some of them: a mask or indices."""
        return OutOfFold(
            self.cover_ids[chosen],
            self.labels[chosen],
            self.folds[chosen],
            self.probabilities[chosen],
        )


def trained_on_each(split: Split) -> OutOfFold:
    """Train as often as there are folds."""
    count = split.settings.splits.folds
    parts = []
    for fold in range(count):
        chosen = {"test_fold": fold, "validation_fold": (fold + 1) % count}
        splits = split.settings.splits.model_copy(update=chosen)
        settings = split.settings.model_copy(update={"splits": splits})
        with tempfile.TemporaryDirectory() as scratch:
            trained = frozen.train(replace(split, settings=settings, scratch=Path(scratch)))
        test = trained.test
        parts.append(
            OutOfFold(
                np.array(test.cover_ids),
                test.labels,
                np.full(len(test.labels), fold),
                test.probabilities(trained.temperature),
            )
        )
    return OutOfFold(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))


_FIELDS = ("cover_ids", "labels", "folds", "probabilities")


def report(split: Split) -> list[str]:
    """A row of a table: means over folds, and all covers pooled."""
    found = trained_on_each(split)
    each = [
        evaluation.evaluate(part.labels, part.probabilities, split.labels, samples=2)
        for part in (found.of(found.folds == fold) for fold in np.unique(found.folds))
    ]
    pooled = evaluation.evaluate(found.labels, found.probabilities, split.labels)
    sizes = " and ".join(map(str, split.backbone.preprocessing.sizes))
    cells = [split.backbone.name, sizes, str(len(found.labels))]
    for name in SHOWN:
        values = [figures[name]["value"] for figures in each]
        low, high = pooled[name]["interval"]
        cells.append(f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}")
        cells.append(f"{pooled[name]['value']:.3f} ({low:.3f} to {high:.3f})")
    return cells


def leak(split: Split, albums: pd.DataFrame, seeds: Sequence[int]) -> Iterator[list[str]]:
    """Rows of a table, two a seed: folds at random, folds that keep copies together.

    Args:
        split: its rows are replaced.
        albums: ``album_id``, ``cover_id``, ``duplicate_id``, ``group_id``, ``label``; one row an
            album.
        seeds: each another split.
    """
    sizes = albums.groupby("duplicate_id")["album_id"].transform("size")
    copied = dict(zip(albums["cover_id"], sizes > 1, strict=True))
    for seed in seeds:
        for name, key in (("at random", "album_id"), ("copies together", "group_id")):
            folds = [_fold(f"{seed}:{value}", split.settings) for value in albums[key]]
            rows = albums[["cover_id", "label"]].assign(fold=folds)
            given = split.warehouse.spark.createDataFrame(rows)
            found = trained_on_each(replace(split, rows=given))
            has_copy = np.array([copied[cover_id] for cover_id in found.cover_ids])
            cells = [str(seed), name]
            for part in (found, found.of(has_copy), found.of(~has_copy)):
                figures = evaluation.evaluate(
                    part.labels, part.probabilities, split.labels, samples=2
                )
                values = (figures[name]["value"] for name in ("accuracy", "macro_auc"))
                cells += [f"{value:.3f}" for value in values]
            yield [*cells, str(int(has_copy.sum())), str(int((~has_copy).sum()))]


def _fold(key: str, settings: Settings) -> int:
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % settings.splits.folds


def _albums(warehouse: Warehouse, labels: list[str]) -> pd.DataFrame:
    albums = warehouse.read(ALBUMS).where("cover_id IS NOT NULL").select(
        "album_id", "cover_id", "genre"
    )  # fmt: skip
    groups = warehouse.read(SPLITS).select("cover_id", "duplicate_id", "group_id")
    frame = albums.join(groups, "cover_id").orderBy("album_id").toPandas()
    frame = frame[frame["genre"].isin(labels)].reset_index(drop=True)
    return frame.assign(label=frame["genre"].map(labels.index)).drop(columns="genre")


def _print(header: Sequence[str], rows: Iterator[list[str]] | list[list[str]]) -> None:
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, train, print tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, metavar="DIR", help="a prepared warehouse")
    parser.add_argument("--config", type=Path, help="of the recipe")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--leak", type=int, default=0, metavar="N", help="the leak, on N seeds")
    args = parser.parse_args(argv)
    settings = load(args.config, args.set)
    recipe = settings.train
    backbone = backbones.resolve(recipe.backbone, recipe.input_size, recipe.preprocessing)
    warehouse = Warehouse(session.build("folds"), args.output)
    tensorflow_runtime.start()
    labels, run = genres(warehouse), Run("folds", settings)
    given = Training(warehouse, backbone, labels, settings, Path(), run)
    split = Split(warehouse, backbone, labels, settings, Path(), run, given.covers())
    print(json.dumps({"processor": session.processor(), "recipe": recipe.model_dump()}))
    if args.leak:
        parts = ("all", "with a copy", "without")
        header = ["seed", "folds", *(f"{p}: {f}" for p in parts for f in ("accuracy", "AUC"))]
        rows = leak(split, _albums(warehouse, labels), range(args.leak))
        _print([*header, "albums with a copy", "without"], rows)
    else:
        figures = [f"{title}, {how}" for title in SHOWN.values() for how in ("folds", "pooled")]
        _print(["backbone", "size", "covers", *figures], [report(split)])


if __name__ == "__main__":
    main()
