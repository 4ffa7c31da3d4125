"""Every figure of an evaluation, from what bundles said of the covers held out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from covergenre import evaluation
from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.evaluation import baselines, origin
from covergenre.evaluation.statistics import Labels, Probabilities
from jobs.runtime.evaluation.held_out import Colours


@dataclass(frozen=True)
class Judged:
    """Covers of genres the model knows, and what it says of them.

    Attributes:
        cover_ids: n of them.
        labels: genres the model knows.
        truth: int64 (n,), index into labels.
        probabilities: float64 (n, len(labels)).
        years: of release; None where not known.
    """

    cover_ids: list[str]
    labels: list[str]
    truth: Labels
    probabilities: Probabilities
    years: list[int | None]

    @classmethod
    def of(cls, said: pd.DataFrame, labels: list[str]) -> Judged:
        """The rows that can be judged of what :func:`held_out.scored` gives."""
        rows = said[said["reason"].isna() & said["genre"].isin(labels)]
        values = rows[[f"p_{label}" for label in labels]].to_numpy(np.float64)
        years = [None if pd.isna(year) else int(year) for year in rows["release_year"]]
        return cls(
            cover_ids=rows["cover_id"].to_list(),
            labels=labels,
            truth=np.array([labels.index(genre) for genre in rows["genre"]], np.int64),
            probabilities=values / values.sum(axis=1, keepdims=True),
            years=years,
        )

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """(n,)"""
        confidence: npt.NDArray[np.float64] = self.probabilities.max(axis=1)
        return confidence

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """(n,)"""
        return np.asarray(self.probabilities.argmax(axis=1) == self.truth)


def judge(judged: Judged, bundle: Bundle, settings: Settings) -> dict[str, Any]:
    """The figures of a bundle on covers, by themselves.

    Args:
        judged: at least one cover.
        bundle: whose abstention threshold is held against them.
        settings: of evaluate.

    Returns:
        ``model`` (see :func:`covergenre.evaluation.evaluate`), ``per_year`` (empty where no year is
        known), ``risk_coverage`` and ``abstention`` (None for a bundle that never abstains).
    """
    drawn = {"samples": settings.evaluate.bootstrap_samples, "seed": settings.evaluate.seed}
    truth, probabilities = judged.truth, judged.probabilities
    years = evaluation.accuracy_by(judged.years, truth, probabilities, **drawn)
    fitted = bundle.abstention
    return {
        "model": evaluation.evaluate(truth, probabilities, judged.labels, **drawn),
        "per_year": years if any(row["group"] is not None for row in years) else [],
        "risk_coverage": evaluation.risk_coverage(judged.confidence, judged.correct, **drawn),
        "abstention": fitted
        and {
            "threshold": fitted.threshold,
            "target_accuracy": fitted.target_accuracy,
            "validation": {"coverage": fitted.coverage, "accuracy": fitted.accuracy},
            **evaluation.at_threshold(judged.confidence, judged.correct, fitted.threshold, **drawn),
        },
    }


def beside(
    judged: Judged, others: Mapping[str, Probabilities], settings: Settings
) -> dict[str, Any]:
    """Other classifiers on the same covers, each with its figures and how much better or worse
    the model is (see :func:`covergenre.evaluation.compare`)."""
    drawn = {"samples": settings.evaluate.bootstrap_samples, "seed": settings.evaluate.seed}
    return {
        name: {
            "figures": evaluation.evaluate(judged.truth, other, judged.labels, **drawn),
            "difference": evaluation.compare(judged.truth, judged.probabilities, other, **drawn),
        }
        for name, other in others.items()
    }


def baseline_probabilities(
    judged: Judged, counts: Mapping[str, int], colours: Colours | None
) -> dict[str, Probabilities]:
    """What the baselines say of the covers.

    Args:
        judged: the covers.
        counts: genre to covers of the training folds; all 0 where there are none, then there are no
            baselines.
        colours: None where fewer than two genres can be learnt.
    """
    labels = judged.labels
    learnt = np.repeat(np.arange(len(labels)), [counts.get(label, 0) for label in labels])
    if len(learnt) == 0:
        return {}
    said = {"majority": baselines.majority(learnt, len(labels), len(judged.truth))}
    if colours is not None:
        known = np.array([labels.index(genre) for genre in colours.genres], np.int64)
        said["colour"] = baselines.colour(colours.learnt, known, colours.judged, len(labels))
    return said


def unknown_genres(
    said: pd.DataFrame, labels: list[str], threshold: float | None
) -> list[dict[str, Any]]:
    """What the model says of covers whose genre it does not know: not judged, but told.

    Args:
        said: as :func:`held_out.scored` gives it.
        labels: genres the model knows.
        threshold: of abstention; None for a model that never abstains.

    Returns:
        One dict a genre, by name, covers without one last: ``genre``, ``covers``, ``predicted``
        (genre to covers, most first), ``mean_confidence``, ``abstained_share`` or None.
    """
    rows = said[said["reason"].isna() & ~said["genre"].isin(labels)]
    values = rows[[f"p_{label}" for label in labels]].to_numpy(np.float64)
    table = pd.DataFrame({"genre": rows["genre"].to_numpy()})
    if table.empty:
        return []
    table["predicted"] = np.array(labels)[values.argmax(axis=1)]
    table["confidence"] = values.max(axis=1)
    found = []
    for genre, part in table.groupby("genre", dropna=False):
        share = None if threshold is None else float((part["confidence"] < threshold).mean())
        found.append(
            {
                "genre": None if pd.isna(genre) else str(genre),
                "covers": len(part),
                "predicted": {str(k): int(n) for k, n in part["predicted"].value_counts().items()},
                "mean_confidence": float(part["confidence"].mean()),
                "abstained_share": share,
            }
        )
    return found


def against_origin(model: dict[str, Any], labels: list[str]) -> list[dict[str, Any]]:
    """The origin's figures beside the model's: ``figure``, ``origin``, ``model``.

    Recalls of the genres that the model knows, too; figures over all genres only for a model of the
    same genres, judged on covers of all of them.
    """
    rows: list[dict[str, Any]] = []
    if origin.comparable(labels) and all(row["covers"] for row in model["per_genre"]):
        rows = [
            {"figure": "accuracy", "origin": origin.ACCURACY, "model": model["accuracy"]},
            {"figure": "accuracy of people", "origin": origin.PEOPLE_ACCURACY,
             "model": model["accuracy"]},
            *(
                {"figure": f"macro {name}", "origin": value, "model": model[name]}
                for name, value in origin.MACRO.items()
            ),
        ]  # fmt: skip
    return rows + [
        {"figure": f"recall of {row['genre']}", "origin": origin.RECALL[row["genre"]],
         "model": row["recall"]}
        for row in model["per_genre"]
        if row["genre"] in origin.RECALL and row["covers"]
    ]  # fmt: skip


def plain(value: Any) -> Any:
    """Figures as JSON has them: what is not defined (NaN) is null."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value
