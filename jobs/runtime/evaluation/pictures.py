"""Which pictures an evaluation has, and what goes into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from covergenre import images, plots
from covergenre.bundle import Bundle
from covergenre.config import Settings
from jobs.runtime.evaluation.held_out import contents_of
from jobs.runtime.evaluation.judgement import Judged
from jobs.runtime.warehouse import Warehouse

NAMES = ("roc", "confusion", "reliability", "risk_coverage", "years", "learning", "errors")
_THUMBNAIL = 192


def draw(
    figures: dict[str, Any],
    judged: Judged,
    bundle: Bundle,
    warehouse: Warehouse,
    settings: Settings,
) -> Iterator[tuple[str, Figure]]:
    """Each picture that there is something to show in, by name.

    Args:
        figures: as :func:`jobs.runtime.evaluation.judgement.judge` gives them.
        judged: at least one cover.
        bundle: whose learning curves are shown.
        warehouse: holds the covers of the contact sheet.
        settings: ``evaluate.shown_errors``.
    """
    model = figures["model"]
    yield "roc", plots.roc_curves(judged.truth, judged.probabilities, model["per_genre"])
    yield "confusion", plots.confusion(model["confusion"], judged.labels)
    yield "reliability", plots.reliability(judged.confidence, judged.correct, model)
    curve = plots.risk_and_coverage(figures["risk_coverage"], figures["abstention"])
    yield "risk_coverage", curve
    years = [row for row in figures["per_year"] if row["group"] is not None]
    if years:
        yield "years", plots.accuracy_by_year(years, model["accuracy"]["value"])
    history = bundle.manifest.get("training", {}).get("history")
    if history:
        yield "learning", plots.learning_curves(history)
    mistakes = _mistakes(judged, warehouse, settings)
    if mistakes:
        yield "errors", plots.contact_sheet(mistakes)


def _mistakes(judged: Judged, warehouse: Warehouse, settings: Settings) -> list[plots.Mistake]:
    wrong = np.flatnonzero(~judged.correct)
    surest = wrong[np.argsort(-judged.confidence[wrong], kind="stable")]
    chosen = surest[: settings.evaluate.shown_errors]
    if len(chosen) == 0:
        return []
    contents = contents_of(warehouse, [judged.cover_ids[k] for k in chosen])
    limits = settings.images.limits
    return [
        plots.Mistake(
            thumbnail=images.load(contents[judged.cover_ids[k]], _THUMBNAIL, limits),
            truth=judged.labels[judged.truth[k]],
            predicted=judged.labels[int(judged.probabilities[k].argmax())],
            confidence=float(judged.confidence[k]),
        )
        for k in chosen
    ]
