"""What the combined model learns from, and how it is judged on that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import functions as F

from covergenre import evaluation
from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.errors import BundleError, TrainingDataError
from covergenre.fusion.fitting import Covers, Recipe, cross_fitted
from covergenre.fusion.inputs import ADVISORY, APPEARANCE, CONCEPTS, Floats
from covergenre.fusion.pool import subsets
from jobs.runtime.progress import shown
from jobs.runtime.scoring import infer
from jobs.runtime.warehouse import Warehouse
from schemas import COVERS, SPLITS

_VALIDATION, _OUT_OF_FOLD = "validation.parquet", "out_of_fold.parquet"


@dataclass(frozen=True)
class Learnt:
    """Covers of all folds but the test fold.

    Attributes:
        cover_ids: n of them.
        covers: with what the bundle's models say of them. The classifier's probabilities are
            those of its own validation fold; NaN elsewhere, as it has learnt those covers.
        folds: int64 (n,).
        out_of_fold: (n, classes), what other networks, that had not seen the cover, said of it;
            NaN where there is none.
    """

    cover_ids: list[str]
    covers: Covers
    folds: npt.NDArray[np.int64]
    out_of_fold: Floats

    @property
    def validated(self) -> npt.NDArray[np.bool_]:
        """(n,), of which covers the classifier says what it makes of them unseen."""
        return np.asarray(~np.isnan(self.covers.probabilities).any(axis=1))


def recipe(settings: Settings) -> Recipe:
    """As the settings want it."""
    own = settings.fusion
    return Recipe(tuple(own.parts), own.strength.model_dump(), own.least_covers, own.least_score)


def learnt(warehouse: Warehouse, bundle: Bundle, settings: Settings) -> Learnt:
    """Show the covers to the bundle's models, in the pass that scores catalogues.

    Args:
        warehouse: with splits.
        bundle: whose classifier and detector are to be combined.
        settings: of fusion, splits, scoring, concepts and describe.

    Raises:
        BundleError: it does not hold what its classifier said of covers it had not seen.
        TrainingDataError: fewer than two folds can be learnt from.
    """
    asked = settings.score.model_copy(
        update={"describe": [part for part in settings.fusion.parts if part != ADVISORY]}
    )
    chosen = (
        warehouse.read(SPLITS)
        .where(F.col("representative") & (F.col("fold") != settings.splits.test_fold))
        .where(F.col("genre").isin(bundle.labels))
        .select("cover_id", "genre", "fold")
    )
    covers = warehouse.read(COVERS).select("cover_id", "content")
    wanted = covers.join(F.broadcast(chosen.select("cover_id")), "cover_id", "left_semi")
    with shown(warehouse.spark, "looking at covers", chosen.count()):
        said = infer(wanted, bundle, settings.model_copy(update={"score": asked}))
        found = said.where("reason IS NULL").select(
            "cover_id", "advisory_score", "appearance", "concepts"
        )
        # Sorted here: Spark would show each cover twice, once to see how the ids are spread.
        frame = chosen.toPandas().merge(found.toPandas(), on="cover_id")
    frame = frame.sort_values("cover_id", ignore_index=True)
    if frame["fold"].nunique() < 3:
        raise TrainingDataError(
            f"{warehouse.location} has covers of known genre in {frame['fold'].nunique()} of the "
            "training folds: a combined model needs three; it takes a larger catalogue"
        )
    validation = _probabilities(bundle, _VALIDATION, frame["cover_id"])
    if np.isnan(validation).all():
        raise BundleError(
            f"bundle {bundle.path} has no {_VALIDATION} of covers in {warehouse.location}: it does "
            "not say what its classifier makes of covers it had not seen; train it on this "
            "catalogue, with these splits"
        )
    labels = np.array([bundle.labels.index(genre) for genre in frame["genre"]], np.int64)
    return Learnt(
        frame["cover_id"].to_list(),
        Covers(labels, validation, known(frame)),
        frame["fold"].to_numpy(np.int64),
        _probabilities(bundle, _OUT_OF_FOLD, frame["cover_id"]),
    )


def known(said: pd.DataFrame) -> dict[str, list[Any]]:
    """What :func:`jobs.runtime.scoring.infer` said of covers, as a combined model reads it.

    Args:
        said: ``advisory_score``, ``appearance``, ``concepts``, one row a cover.
    """
    return {
        ADVISORY: [None if pd.isna(score) else float(score) for score in said["advisory_score"]],
        APPEARANCE: list(said["appearance"]),
        CONCEPTS: [
            None if rows is None else [(row["name"], row["score"]) for row in rows]
            for rows in said["concepts"]
        ],
    }


def ablation(learnt: Learnt, recipe: Recipe, settings: Settings) -> list[dict[str, Any]]:
    """Each choice of parts, cross-fitted over the folds, against the classifier alone.

    The classifier's part is ``out_of_fold``.

    Returns:
        one dict a choice: ``parts``, ``figures`` and, but for the classifier alone,
        ``difference`` as :func:`covergenre.evaluation.compare` gives it; none where the bundle
        does not say what networks made of covers that they had not seen.
    """
    there = ~np.isnan(learnt.out_of_fold).any(axis=1)
    if not there.any():
        return []
    drawn = {"samples": settings.evaluate.bootstrap_samples, "seed": settings.evaluate.seed}
    truth, alone, rows = learnt.covers.labels[there], learnt.out_of_fold[there], []
    covers = Covers(learnt.covers.labels, learnt.out_of_fold, learnt.covers.known).where(there)
    names = [str(k) for k in range(alone.shape[1])]
    for parts in subsets(recipe.parts):
        chosen = Recipe(parts, recipe.strength, recipe.least_covers, recipe.least)
        combined = cross_fitted(covers, learnt.folds[there], chosen)
        row: dict[str, Any] = {"parts": list(parts)}
        row["figures"] = evaluation.evaluate(truth, combined, names, **drawn)
        if parts:
            row["difference"] = evaluation.compare(truth, combined, alone, **drawn)
        else:
            alone = combined
        rows.append(row)
    return rows


def _probabilities(bundle: Bundle, name: str, cover_ids: pd.Series) -> Floats:
    columns = [f"p_{label}" for label in bundle.labels]
    path = bundle.path / name
    if not path.is_file():
        return np.full((len(cover_ids), len(columns)), np.nan)
    rows = pd.read_parquet(path).set_index("cover_id")[columns].reindex(cover_ids)
    return np.asarray(rows.to_numpy(np.float64))
