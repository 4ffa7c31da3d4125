"""Pictures of an evaluation: of two genres and of thirty, with all there is and with little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from sklearn.metrics import auc

from covergenre import plots
from covergenre.evaluation import accuracy_by, at_threshold, evaluate, risk_coverage


def texts(figure: Figure) -> str:
    """All that can be read in a figure."""
    found = [t.get_text() for t in figure.findobj(lambda part: hasattr(part, "get_text"))]
    return "\n".join(found)


def saved(figure: Figure, path: Path) -> np.ndarray:
    plots.save(figure, path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


@pytest.fixture(params=[2, 30])
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    classes = request.param
    random = np.random.default_rng(classes)
    labels = [f"genre number {k}" for k in range(classes)]
    probabilities = random.dirichlet(np.full(classes, 0.4), 200)
    truth = np.array([random.choice(classes - (classes > 2), p=_shares(row, classes))
                      for row in probabilities])  # fmt: skip
    return {
        "labels": labels,
        "truth": truth,
        "probabilities": probabilities,
        "confidence": probabilities.max(axis=1),
        "correct": probabilities.argmax(axis=1) == truth,
        "figures": evaluate(truth, probabilities, labels, samples=20),
    }


def _shares(row: np.ndarray, classes: int) -> np.ndarray:
    """Of thirty genres the last has no covers."""
    kept = row[: classes - (classes > 2)]
    return np.asarray(kept / kept.sum())


def test_roc_curves(case: dict[str, Any], tmp_path: Path) -> None:
    per_genre = case["figures"]["per_genre"]
    figure = plots.roc_curves(case["truth"], case["probabilities"], per_genre)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels] == case["labels"]
    assert f"AUC {per_genre[0]['auc']['value']:.2f}" in texts(figure)
    for axes, row in zip(panels, per_genre, strict=True):
        own = [line for line in axes.lines if line.get_linewidth() > 1]
        assert len(own) == (1 if row["covers"] else 0)
        if own:  # The area under what is drawn is what is written.
            assert auc(*own[0].get_data()) == pytest.approx(row["auc"]["value"])
    assert saved(figure, tmp_path / "a.png").shape[0] > 400


def test_confusion(case: dict[str, Any], tmp_path: Path) -> None:
    counts = case["figures"]["confusion"]
    figure = plots.confusion(counts, case["labels"])
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == case["labels"]
    names = [t.get_text() for t in axes.get_yticklabels()]
    assert names == [f"{n} ({sum(row)})" for n, row in zip(case["labels"], counts, strict=True)]
    written = [t.get_text() for t in axes.texts]
    assert len(written) == np.count_nonzero(counts)
    if len(counts) == 2:
        share = counts[0][0] / sum(counts[0])
        assert written[0] == f"{share:.0%}\n{counts[0][0]}"
    image = saved(figure, tmp_path / "a.png")
    # Every cell has room for its number.
    assert image.shape[1] > 50 * len(counts)


def test_reliability(case: dict[str, Any], tmp_path: Path) -> None:
    figure = plots.reliability(case["confidence"], case["correct"], case["figures"])
    points = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    bins = np.unique(np.minimum(case["confidence"] * 10 // 1, 9))
    assert len(points) == len(bins)
    bars = figure.axes[1].patches
    assert sum(bar.get_height() for bar in bars) == 200
    assert f"{case['figures']['ece_debiased']['value']:.3f}" in texts(figure)
    assert saved(figure, tmp_path / "a.png").std() > 5


@pytest.mark.parametrize("abstains", [True, False])
def test_risk_and_coverage(case: dict[str, Any], abstains: bool, tmp_path: Path) -> None:
    curve = risk_coverage(case["confidence"], case["correct"], samples=20)
    middle = float(np.median(case["confidence"]))
    kept = at_threshold(case["confidence"], case["correct"], middle, samples=20)
    fitted = {"threshold": middle, "target_accuracy": 0.8, **kept} if abstains else None
    figure = plots.risk_and_coverage(curve, fitted)
    assert (f"threshold {middle:.2f}:\nkeeps 50%" in texts(figure)) is abstains
    assert saved(figure, tmp_path / "a.png").std() > 5


def test_a_threshold_that_keeps_nothing_has_no_point_on_the_curve(case: dict[str, Any]) -> None:
    curve = risk_coverage(case["confidence"], case["correct"], samples=20)
    kept = at_threshold(case["confidence"], case["correct"], 1.0, samples=20)
    figure = plots.risk_and_coverage(curve, {"threshold": 1.0, "target_accuracy": 0.8, **kept})
    assert "keeps" not in texts(figure)


@pytest.mark.parametrize("years", [[1999], list(range(1950, 2023))])
def test_accuracy_by_year(case: dict[str, Any], years: list[int], tmp_path: Path) -> None:
    groups = [years[k % len(years)] for k in range(200)]
    rows = accuracy_by(groups, case["truth"], case["probabilities"], samples=20)
    figure = plots.accuracy_by_year(rows, 0.5)
    assert sum(bar.get_height() for bar in figure.axes[1].patches) == 200
    assert "all 0.50" in texts(figure)
    assert saved(figure, tmp_path / "a.png").std() > 5


@pytest.mark.parametrize(
    ("history", "panels", "lines"),
    [
        ({"loss": [1.0, 0.5], "val_loss": [1.1, 0.9], "accuracy": [0.4, 0.6]}, 2, 3),
        ({"loss": [1.0]}, 1, 1),
        ({"val_loss": [1.0, 0.8]}, 1, 1),
    ],
)
def test_learning_curves(
    history: dict[str, list[float]], panels: int, lines: int, tmp_path: Path
) -> None:
    figure = plots.learning_curves(history)
    assert len(figure.axes) == panels
    assert sum(len(axes.lines) for axes in figure.axes) == lines
    assert saved(figure, tmp_path / "a.png").std() > 5


@pytest.mark.parametrize("count", [1, 8])
def test_contact_sheet(count: int, tmp_path: Path) -> None:
    red = np.full((48, 48, 3), (200, 30, 30), np.uint8)
    mistakes = [plots.Mistake(red, "hard rock", "folk", 0.9 - k / 100) for k in range(count)]
    figure = plots.contact_sheet(mistakes)
    assert "hard rock\n\u2192 folk 0.90" in texts(figure)
    image = saved(figure, tmp_path / "a.png").astype(int)
    shown = (np.abs(image - (200, 30, 30)).max(axis=2) < 3).sum()
    assert shown > count * 100 * 100
