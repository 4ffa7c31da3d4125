"""Where the composer's labels and backgrounds come from: art files, wordings, usable covers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covergenre.composer import label, negatives
from covergenre.composer.background import usable
from covergenre.composer.compose import Composition, compose
from covergenre.composer.glyphs import Face, set_line
from covergenre.composer.label import CONTENT, draw_label, read_art
from covergenre.composer.plates import bars
from covergenre.errors import TrainingDataError


def a_plate() -> Image.Image:
    """200 x 100: a black bar over a white one over a black one."""
    pixels = np.zeros((100, 200), np.uint8)
    pixels[30:60] = 255
    return Image.fromarray(pixels).convert("RGBA")


def test_art_loses_its_transparent_or_white_margin(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (260, 180), (0, 0, 0, 0))
    clear.paste(a_plate(), (30, 50))
    clear.save(tmp_path / "clear.png")
    white = Image.new("RGB", (220, 140), "white")
    white.paste(a_plate(), (10, 20))
    white.save(tmp_path / "white.jpg", quality=95)
    (tmp_path / "drawing.svg").write_text("<svg/>")

    art = read_art(tmp_path)

    assert len(art) == 2
    for mark in art:
        assert mark.light.shape == pytest.approx((160, 320), abs=2)
        assert mark.plate == (0, 0, mark.light.shape[1], mark.light.shape[0])
        assert mark.light[10:40, 20:300].max() < 30
        assert mark.light[58:86, 20:300].min() > 225
        assert (mark.light + mark.dark == 255).all()


def test_art_that_cannot_serve_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="no picture of the label"):
        read_art(tmp_path)
    with pytest.raises(TrainingDataError, match="no picture of the label"):
        read_art(tmp_path / "missing")
    (tmp_path / "a.png").write_bytes(b"<html>not here</html>")
    with pytest.raises(TrainingDataError, match=r"a\.png cannot be read"):
        read_art(tmp_path)
    Image.new("RGBA", (50, 40), (0, 0, 0, 0)).save(tmp_path / "a.png")
    with pytest.raises(TrainingDataError, match=r"a\.png shows no label"):
        read_art(tmp_path)


def test_art_is_used_beside_our_own_drawing(tmp_path: Path) -> None:
    a_plate().save(tmp_path / "plate.png")
    art = read_art(tmp_path)
    labels = [draw_label(np.random.default_rng(seed), art) for seed in range(120)]
    from_art = [
        mark for mark in labels if np.array_equal(mark.light[_plate(mark.plate)], art[0].light)
    ]
    assert 35 < len(from_art) < 75
    cover = np.full((300, 300, 3), 120, np.uint8)
    drawn = [compose(cover, seed, Composition(1, 0, 0))[0] for seed in range(12)]
    mixed = [compose(cover, seed, Composition(1, 0, 0), art)[0] for seed in range(12)]
    assert any(not np.array_equal(one, other) for one, other in zip(drawn, mixed, strict=True))


def _plate(plate: tuple[int, int, int, int]) -> tuple[slice, slice]:
    left, top, right, bottom = plate
    return slice(top, bottom), slice(left, right)


@pytest.mark.parametrize("seed", range(6))
def test_the_drawn_plate_has_the_proportions_of_the_standard_mark(seed: int) -> None:
    mark = bars(CONTENT, np.random.default_rng(seed))
    height, width = mark.light.shape
    assert 1.4 < width / height < 1.8
    edge = mark.light[:, 2] > 127  # no letter reaches the left edge
    assert np.flatnonzero(edge)[[0, -1]] / height == pytest.approx((0.273, 0.689), abs=0.04)
    # White capitals on a fifth to a half of the black bars, black ones on the white bar.
    top, bottom = np.flatnonzero(edge)[[0, -1]]
    assert 0.08 < (mark.light[:top] > 127).mean() < 0.45
    assert 0.2 < (mark.dark[top + 2 : bottom - 2] > 127).mean() < 0.5
    assert 0.08 < (mark.light[bottom + 2 :] > 127).mean() < 0.45


def test_letters_fill_the_box_that_they_are_set_in() -> None:
    page = np.zeros((60, 300), np.uint8)
    set_line(page, "A B", Face(), (40, 10, 240, 50), ink=0.6)
    rows, columns = np.nonzero(page > 127)
    assert (rows.min(), rows.max() + 1) == pytest.approx((10, 50), abs=1)
    assert (columns.min(), columns.max() + 1) == pytest.approx((40, 240), abs=1.5)
    with pytest.raises(ValueError, match="no letter"):
        set_line(page, "\u200b", Face(), (40, 10, 240, 50))


def test_no_negative_says_what_a_label_says() -> None:
    own = {
        word
        for wording in (label.CONTENT, label.LYRICS, *label.FOREIGN, *label.NOTICES)
        for line in wording
        for word in line.split()
    }
    others = {
        word
        for wording in (
            *negatives.THREE_LINES,
            *negatives.FEW_LINES,
            *negatives.COMPANIONS,
            negatives.PRICES,
            *(meaning for _, meaning in negatives.RATINGS),
        )
        for line in wording
        for word in line.split()
    }
    assert "ADVISORY" in own
    assert "STEREO" in others
    assert not own & others


def test_usable_backgrounds_are_far_from_everything_measured_or_unmarked() -> None:
    groups = {
        "folk": "g1", "marked": "g2", "marked-copy": "g2", "rap": "g3", "rap-filed-as-rock": "g3",
        "held-out": "g4", "held-out-copy": "g4", "both": "g5", "no-genre": "g6", "jazz": "g7",
    }  # fmt: skip
    genres = {
        "folk": {"folk"}, "marked": {"folk"}, "marked-copy": {"rock"}, "rap": {"rap"},
        "rap-filed-as-rock": {"rock"}, "held-out": {"disco"}, "held-out-copy": {"disco"},
        "both": {"disco", "rap"}, "jazz": {"jazz"},
    }  # fmt: skip
    serve = usable(groups, genres, {"rap"}, marked=["marked"], held_out=["held-out"])
    assert serve == {"folk", "no-genre", "jazz"}
    with pytest.raises(KeyError, match="unknown"):
        usable(groups, genres, {"rap"}, marked=["unknown"], held_out=[])


# The first three made bars that were all thin, and too few for the whole width.
@pytest.mark.parametrize("seed", [473, 665, 762, *range(8)])
def test_a_barcode_has_bars_and_gaps_from_end_to_end(seed: int) -> None:
    mark = negatives._barcode(np.random.default_rng(seed))
    line = mark.light[mark.light.shape[0] // 2] > 127
    changes = np.flatnonzero(line[1:] != line[:-1])
    width = len(line)
    # EAN-13 has 30 bars in 95 modules; a quiet zone at either end is at most 9 % wide.
    assert 30 <= len(changes) <= 94
    assert changes[0] < 0.15 * width
    assert changes[-1] > 0.85 * width
    assert np.diff(changes).max() < 0.06 * width
