"""Train a genre classifier and write it as a bundle.

spark-submit jobs/train.py --covers FOLDER [--set train.backbone=resnet101]
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre import backbones, evaluation, tensorflow_runtime
from covergenre.backbones import Backbone
from covergenre.bundle import Bundle, write_bundle
from covergenre.classifier import Head
from covergenre.config import Settings
from covergenre.errors import TrainingDataError
from jobs.prepare import prepare
from jobs.runtime import arguments, model_card
from jobs.runtime.catalogue import opened
from jobs.runtime.embeddings import embed, views_of
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import EMBEDDINGS, SPLITS

_BATCH = 256


@dataclass(frozen=True)
class Set:
    """Covers with what is known of them, in memory: a set held out is small.

    Attributes:
        cover_ids: n of them.
        features: float32 (n, features).
        labels: int64 (n,).
    """

    cover_ids: list[str]
    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def examples(
    warehouse: Warehouse, backbone: Backbone, settings: Settings
) -> tuple[DataFrame, list[str]]:
    """Labelled embeddings, and the genres.

    Returns:
        rows ``cover_id``, ``view``, ``features`` array<float>, ``label`` bigint, ``fold``; labels.

    Raises:
        TrainingDataError: fewer than two genres.
    """
    usable = warehouse.read(SPLITS).where("representative AND genre IS NOT NULL")
    labels = [r["genre"] for r in usable.select("genre").distinct().orderBy("genre").collect()]
    if len(labels) < 2:
        raise TrainingDataError(
            f"{warehouse.location} has covers of {len(labels)} genre(s), training needs two or "
            "more: put covers into one folder a genre, or name genres in a CSV"
        )
    index = F.array_position(F.array(*(F.lit(label) for label in labels)), F.col("genre")) - 1
    # The table may hold views and backbones of other trainings.
    wanted = (F.col("backbone") == backbone.digest) & F.col("view").isin(views_of(settings))
    embedded = warehouse.read(EMBEDDINGS).where(wanted)
    rows = usable.join(embedded, "cover_id").select(
        "cover_id",
        "view",
        F.col("vector").alias("features"),
        index.cast("bigint").alias("label"),
        "fold",
    )
    return rows, labels


def _held(rows: DataFrame, fold: int, labels: list[str]) -> Set:
    frame = (
        rows.where((F.col("fold") == fold) & (F.col("view") == "original"))
        .orderBy("cover_id")
        .select("cover_id", "features", "label")
        .toPandas()
    )
    if frame["label"].nunique() < len(labels):
        raise TrainingDataError(
            f"fold {fold} has {len(frame)} covers and lacks a genre of {', '.join(labels)}: "
            "training needs more covers of each genre"
        )
    features = np.stack(frame["features"].to_list()).astype(np.float32)
    return Set(frame["cover_id"].to_list(), features, frame["label"].to_numpy(np.int64))


def train(
    rows: DataFrame, labels: list[str], settings: Settings, cache: Path
) -> tuple[Head, dict[str, Any]]:
    """Train the head: Spark rows, through petastorm, to Keras.

    Args:
        rows: as :func:`examples` gives them.
        labels: genres.
        settings: recipe and folds.
        cache: where petastorm's files lie meanwhile.

    Returns:
        the head, and what is to be remembered of its training.
    """
    from covergenre import dataset
    from covergenre.training import fit_head

    folds, recipe = settings.splits, settings.train
    validation = _held(rows, folds.validation_fold, labels)

    def fit(without: list[int], epochs: int, held: Any) -> Any:
        chosen = rows.where(~F.col("fold").isin(without)).orderBy("cover_id", "view")
        # One file in one order: the same training on every machine.
        with (
            dataset.converted(chosen.select("features", "label").coalesce(1), cache) as converter,
            dataset.examples(converter, _BATCH) as stream,
        ):
            pairs = stream.map(lambda row: (row.features, row.label))
            return fit_head(_with_shape(pairs, validation), len(labels), recipe, epochs, held)

    test, held_fold = folds.test_fold, folds.validation_fold
    first = fit([test, held_fold], recipe.max_epochs, (validation.features, validation.labels))
    last = fit([test], first.epochs, None) if recipe.refit else first
    figures = evaluation.evaluate(validation.labels, _probabilities(first.head, validation), labels)
    training = {
        "epochs": first.epochs,
        "refit": recipe.refit,
        "history": first.history,
        "validation": figures,
    }
    return last.head, training


def _with_shape(pairs: Any, example: Set) -> Any:
    """Tell TensorFlow the number of features, which a list column does not say."""
    import tensorflow as tf

    width = example.features.shape[1]
    return pairs.map(lambda x, y: (tf.ensure_shape(x, (None, width)), y))


def _probabilities(head: Head, held: Set) -> npt.NDArray[np.float64]:
    import tensorflow as tf

    return np.asarray(tf.nn.softmax(head.logits(held.features)), np.float64)


def _held_out_file(held: Set, probabilities: npt.NDArray[np.float64], labels: list[str]) -> bytes:
    import pandas as pd

    frame = pd.DataFrame({"cover_id": held.cover_ids, "genre": [labels[k] for k in held.labels]})
    for index, label in enumerate(labels):
        frame[f"p_{label}"] = probabilities[:, index].astype(np.float32)
    return bytes(frame.to_parquet(index=False))


def train_bundle(
    warehouse: Warehouse, settings: Settings, backbone: Backbone, target: Path, run: Run
) -> tuple[Bundle, dict[str, Any]]:
    """Embed, train, judge on the test fold and write the bundle; returns it and the figures."""
    tensorflow_runtime.start()
    run.counts.update(prepare(warehouse, settings))
    run.counts["embedded"] = embed(warehouse, backbone, settings)
    rows, labels = examples(warehouse, backbone, settings)
    rows = rows.persist()
    with tempfile.TemporaryDirectory() as scratch:
        head, training = train(rows, labels, settings, Path(scratch))
        test = _held(rows, settings.splits.test_fold, labels)
        probabilities = _probabilities(head, test)
        figures = evaluation.evaluate(test.labels, probabilities, labels)
        details = {
            "training": {
                "recipe": settings.train.model_dump(exclude={"bundles"}),
                "splits": settings.splits.model_dump(),
                "data_versions": warehouse.versions(),
                "covers_per_genre": _covers_per_genre(rows, labels, settings),
                **training,
            },
            "test": figures,
            "versions": model_card.versions(),
        }
        card = model_card.render(target.name, labels, backbone, details)
        files = {
            "held_out.parquet": _held_out_file(test, probabilities, labels),
            "MODEL_CARD.md": card.encode(),
        }
        shipped = backbone.saved(Path(scratch))
        bundle = write_bundle(target, target.name, labels, shipped, head, details, files)
    rows.unpersist()
    return bundle, figures


def _covers_per_genre(rows: DataFrame, labels: list[str], settings: Settings) -> dict[str, int]:
    trained = (F.col("view") == "original") & (F.col("fold") != settings.splits.test_fold)
    counted = {
        r["label"]: r["count"] for r in rows.where(trained).groupBy("label").count().collect()
    }
    return {label: counted.get(index, 0) for index, label in enumerate(labels)}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, train, write the bundle, print its figures."""
    parser = arguments.parser("train", "Train a genre classifier on a catalogue with genres.")
    parser.add_argument("--backbone", help="as train.backbone: a name, or a Keras file")
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="where the bundle is written")
    args = parser.parse_args(argv)
    if args.backbone:
        args.set.append(f"train.backbone={args.backbone}")
    settings = arguments.settings(args)
    recipe = settings.train
    backbone = backbones.resolve(recipe.backbone, recipe.input_size, recipe.preprocessing)
    default_name = f"{backbone.name}-{backbone.preprocessing.size}".replace("_", "-")
    target = args.bundle or Path(recipe.bundles) / default_name
    run = Run("train", settings, engine="tensorflow", precision="f32")
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        bundle, figures = train_bundle(warehouse, settings, backbone, target, run)
        run.model_version = bundle.model_version
    return _print_summary(bundle, figures, run, args.json)


def _print_summary(
    bundle: Bundle, figures: dict[str, Any], run: Run, machine: bool
) -> dict[str, Any]:
    lines: dict[str, Any] = {
        "bundle": bundle.path,
        "model": bundle.model_version,
        "genres": ", ".join(bundle.labels),
        "embedded now": run.counts["embedded"],
        "held-out covers": figures["covers"],
    }
    for name in evaluation.METRICS:
        low, high = figures[name]["interval"]
        lines[f"held-out {name}"] = f"{figures[name]['value']:.3f} (95 % {low:.3f} to {high:.3f})"
    result = {
        "bundle": str(bundle.path),
        "model_version": bundle.model_version,
        "run_id": run.run_id,
        **{name: figures[name]["value"] for name in evaluation.METRICS},
    }
    arguments.summarise("trained", lines, result if machine else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
