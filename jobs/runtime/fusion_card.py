"""The card of a combined model: what it is, what each part is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from covergenre.calibration import Abstention


def render(
    details: Mapping[str, Any], weights: Sequence[Mapping[str, float]], abstention: Abstention
) -> str:
    """The card as Markdown.

    Args:
        details: as the manifest's ``fusion.details`` holds them.
        weights: of the parts, one mapping for each choice of them.
        abstention: when it does not know.
    """
    return "\n".join(
        [
            "# Classifier, label, colour and concepts combined",
            "",
            "A logarithmic opinion pool: each part says how probable each genre is, and their "
            "logarithms are added with a weight each. The opinion of a part beside the classifier "
            "is a multinomial logistic regression on what is known of it alone. All of it is "
            "linear, so what moved a prediction is told exactly.",
            "",
            f"Opinions are fitted on {details['covers']} covers, weights on {details['weighed']} "
            "that neither classifier nor opinions had seen. What is missing of a cover is left "
            "out: there are weights for each choice of parts.",
            "",
            "| parts that are known | " + " | ".join(weights[-1]) + " |",
            "|---|" + "---|" * len(weights[-1]),
            *(_weights(one, weights[-1]) for one in weights),
            "",
            f"It abstains below a confidence of {abstention.threshold:.3f}.",
            "",
            *_ablation(details["ablation"]),
        ]
    )


def _weights(one: Mapping[str, float], parts: Mapping[str, float]) -> str:
    cells = [f"{one[part]:.2f}" if part in one else "-" for part in parts]
    return f"| {', '.join(one)} | {' | '.join(cells)} |"


def _ablation(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    return [
        "## What each part is worth",
        "",
        f"Cross-fitted over the training folds ({rows[0]['figures']['covers']} covers; the "
        "classifier's part by networks that had not seen the cover and are weaker than the one in "
        "the bundle), differences to the classifier alone by a paired bootstrap, 95 %:",
        "",
        "| parts | accuracy | difference | macro AUC | difference |",
        "|---|---|---|---|---|",
        *(_row(row) for row in rows),
        "",
    ]


def _row(row: Mapping[str, Any]) -> str:
    cells = [", ".join(["classifier", *row["parts"]])]
    for name in ("accuracy", "macro_auc"):
        cells.append(f"{row['figures'][name]['value']:.3f}")
        cells.append(_difference(row["difference"][name]) if "difference" in row else "-")
    return f"| {' | '.join(cells)} |"


def _difference(found: Mapping[str, Any]) -> str:
    low, high = found["interval"]
    return f"{found['difference']:+.4f} ({low:+.4f} to {high:+.4f})"
