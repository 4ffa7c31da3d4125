"""Pictures of an analysis: of two genres and of thirty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from covergenre import plots
from covergenre.appearance.palette import PaletteColour


def words(figure: Figure) -> list[str]:
    """All that can be read in a figure."""
    return [t.get_text() for t in figure.findobj(lambda part: hasattr(part, "get_text"))]


def saved(figure: Figure, path: Path) -> np.ndarray:
    plots.save(figure, path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("count", [1, 30])
def test_concept_shares(count: int, tmp_path: Path) -> None:
    genres = [f"genre {k}" for k in range(count)]
    shares = pd.DataFrame(0.004, ["guitar", "no person"], genres).astype("Float64")
    shares.iloc[0, 0], shares.iloc[1, 0] = 0.5, pd.NA
    above = shares.fillna(0) > 0.1
    figure = plots.concept_shares(shares, above.astype(bool), pd.Series(7, genres))
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == [f"{g} (7)" for g in genres]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["guitar", "no person"]
    # Every cell but the unknown one says its share.
    assert [t.get_text() for t in axes.texts] == ["50%", *["<1%"] * (2 * count - 2)]
    assert axes.texts[0].get_fontweight() == "bold"
    (unknown,) = axes.patches
    assert unknown.get_hatch() and unknown.get_y() == 0.5
    assert any("hatched: not known" in text for text in words(figure))
    assert saved(figure, tmp_path / "a.png").std() > 5


@pytest.mark.parametrize("count", [1, 30])
def test_concept_lifts(count: int, tmp_path: Path) -> None:
    genres = [f"genre {k}" for k in range(count)] + ["of nothing"]
    rows = pd.DataFrame(
        [(genre, concept, lift, 0.25) for genre in genres[:-1]
         for concept, lift in (("guitar", 3.0), ("hat", 1.5))],
        columns=["genre", "concept", "lift", "share"],
    )  # fmt: skip
    figure = plots.concept_lifts(rows, genres)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels] == genres
    assert [bar.get_x() + bar.get_width() for bar in panels[0].patches] == [3.0, 1.5]
    assert [t.get_text() for t in panels[0].get_yticklabels()] == ["guitar", "hat"]
    assert " 3.0x, on 25%" in words(figure) and "none" in words(figure)
    assert saved(figure, tmp_path / "a.png").std() > 5


def test_palette_stripes(tmp_path: Path) -> None:
    colours = [PaletteColour("#000000", "black", 0.7), PaletteColour("#ff0000", "red", 0.28),
               PaletteColour("#ffffff", "white", 0.02)]  # fmt: skip
    figure = plots.palette_stripes([("rap", 12, colours), ("folk", 3, colours[:1])], "Colours")
    axes = figure.axes[0]
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches[:3]] == [c.hex for c in colours]
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([0.7, 0.28, 0.02, 0.7])
    # What is narrow has no room for a number.
    assert [t.get_text() for t in axes.texts] == ["70%", "28%", "70%"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["rap (12)", "folk (3)"]
    image = saved(figure, tmp_path / "a.png")
    assert (image == [255, 0, 0]).all(axis=2).sum() > 1000


@pytest.mark.parametrize("count", [2, 30])
def test_measures(count: int, tmp_path: Path) -> None:
    genres = [f"genre {k}" for k in range(count)]
    rows = pd.DataFrame(
        [(name, genre, k + 1.0, k + 0.5, k + 1.5) for name in ("near_black", "faces")
         for k, genre in enumerate(genres)],
        columns=["name", "genre", "mean", "low", "high"],
    )  # fmt: skip
    figure = plots.measures(rows, pd.Series({"faces": 1.5, "near_black": 2.0}), genres)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["faces", "near black"]
    points = figure.axes[0].lines[1]
    assert list(points.get_xdata()) == [k + 1.0 for k in range(count)]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == genres
    assert saved(figure, tmp_path / "a.png").std() > 5


@pytest.mark.parametrize("count", [1, 9])
def test_changes(count: int, tmp_path: Path) -> None:
    names = [f"concept_{k}" for k in range(count)]
    rows = pd.DataFrame(
        [(name, *period) for name in names
         for period in ((1950, 1980, 1970.0, 0.1, 0.05, 0.2), (1981, 1981, 1981.0, 0.4, 0.3, 0.5))],
        columns=["name", "first", "last", "middle", "mean", "low", "high"],
    )  # fmt: skip
    figure = plots.changes(rows, dict.fromkeys(names, "+1.0 points a decade *"), "Change",
                           percent=True)  # fmt: skip
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left").strip() for axes in panels] == [
        name.replace("_", " ") for name in names
    ]
    assert list(panels[0].lines[0].get_xdata()) == [1970.0, 1981.0]
    assert words(figure).count("+1.0 points a decade *") == count
    assert saved(figure, tmp_path / "a.png").std() > 5
    assert any(text.endswith("%") for text in words(figure))
