"""The card of a label detector: what it is, what it was trained on, how good it is."""

from __future__ import annotations

from typing import Any

_KINDS = {
    "composed": "composed pictures",
    "confirmed": "real covers looked at",
    "unmarked": "real covers nobody has looked at",
}


def render(details: dict[str, Any]) -> str:
    """The card as Markdown.

    Args:
        details: as the manifest's ``detector.details`` holds them: ``what``, ``training`` (None
            where the detector comes from elsewhere), ``threshold``, ``calibration``,
            ``validation``.
    """
    return "\n".join(
        [
            "# Parental Advisory label",
            "",
            "Says where on a cover the Parental Advisory label is, and how sure it is.",
            "",
            "## What it is",
            "",
            *(f"- {line}" for line in details["what"]),
            *_calibration(details["calibration"]),
            "",
            *_training(details["training"]),
            "## How good it is",
            "",
            "On covers of the validation fold, which no weight has seen (the threshold was chosen "
            "on them):",
            "",
            "| covers | number | labels | AP50 | recall at the threshold | false labels |",
            "|---|---|---|---|---|---|",
            *(_row(kind, row) for kind, row in details["validation"].items()),
            "",
            *_threshold(details["threshold"]),
            "",
            "## Limits",
            "",
            "Labels narrower than 4 % of the cover are not learnt. It knows the label's printed "
            "variants, not every imitation. Nobody has marked every real cover: about one in a "
            "hundred of those counted as without a label may carry one.",
            "",
        ]
    )


def _calibration(fitted: dict[str, float]) -> list[str]:
    return [
        f"- Scores are sigmoid({fitted['scale']:.3f} · logit {fitted['bias']:+.3f}): chances that "
        "a cover carries the label, fitted on the validation fold (Platt scaling)."
    ]


def _training(training: dict[str, Any] | None) -> list[str]:
    if training is None:
        return []
    confirmed = training["confirmed"]
    lines = [
        "## Trained on",
        "",
        f"{training['pictures']} pictures, each seen {training['passes']:g} times in "
        f"{training['epochs']} epochs. {training['composed']} are composed: labels and hard "
        f"negatives drawn on {training['backgrounds']} covers of the training folds. "
        f"{training['pictures'] - training['composed']} show {confirmed['training']} real covers "
        "whose labels, or their lack, a person has confirmed.",
    ]
    before = training.get("went_on_from")
    if before is not None:
        lines.append(
            f"It went on from a detector trained on {before['pictures']} pictures, each seen "
            f"{before['passes']:g} times in {before['epochs']} epochs, from random weights; that "
            "one found the labels that were then confirmed."
        )
    if training["measured"]:
        lines.append("No cover marked for measuring, nor a near-duplicate of one, is among them.")
    return [*lines, ""]


def _row(kind: str, row: dict[str, float]) -> str:
    def shown(name: str) -> str:
        return f"{row[name]:.3f}" if name in row else "-"

    return (
        f"| {_KINDS[kind]} | {row['covers']} | {row['labels']} | {shown('ap50')} | "
        f"{shown('recall')} | {row['false']} |"
    )


def _threshold(choice: dict[str, Any]) -> list[str]:
    asked = (
        f"a precision of {choice['asked_precision']:.0%} and at most "
        f"{choice['asked_false_per_thousand']:g} false labels on 1000 real covers"
    )
    if not choice["met"]:
        return [f"No threshold gives {asked}: the detector reports no label at all."]
    return [
        f"A cover carries the label from a score of {choice['threshold']:.3f} on, the lowest with "
        f"{asked}. There, precision is {choice['precision']:.3f}, recall {choice['recall']:.3f}, "
        f"and there are {choice['false_per_thousand']:.2f} false labels on 1000 real covers."
    ]
