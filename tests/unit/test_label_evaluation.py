"""Figures about labels: four covers worked by hand, resamples, what is not defined; pictures."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from covergenre import config
from covergenre.bundle import Bundle
from covergenre.detector.average_precision import average_precision, curve, judge
from covergenre.detector.boxes import Boxes, Detections
from covergenre.errors import BundleError
from covergenre.evaluation.labels import (
    METRICS,
    WIDTHS,
    Ranked,
    differences,
    false_labels,
    label_says_genre,
    part,
    spread,
    with_intervals,
)
from covergenre.plots import gallery, precision_recall, recall_by_width
from covergenre.plots.style import BLUE, ORANGE
from jobs.runtime.evaluation.label_report import check_unseen

WIDE, MIDDLE, NARROW = (0.1, 0.1, 0.3, 0.2), (0.5, 0.8, 0.6, 0.85), (0.9, 0.9, 0.95, 0.95)
FALSE_NARROW, FALSE_MIDDLE = (0.0, 0.5, 0.05, 0.55), (0.4, 0.4, 0.55, 0.5)


def boxes(*corners: tuple[float, ...]) -> Boxes:
    return np.array(corners, np.float32).reshape(-1, 4)


def found(**scored: tuple[float, ...]) -> Detections:
    """Boxes by score in hundredths: ``s90=BOX``."""
    scores = np.array([int(name[1:]) / 100 for name in scored], np.float32)
    return Detections(boxes(*scored.values()), scores, np.ones(len(scores), np.int32))


TRUTH = [boxes(WIDE), boxes(MIDDLE), boxes(), boxes(NARROW)]
FOUND = [
    found(s90=WIDE),
    found(s80=FALSE_NARROW, s60=MIDDLE),
    found(s70=FALSE_MIDDLE),
    found(),
]


def test_four_covers_by_hand() -> None:
    figures = with_intervals(spread(TRUTH, FOUND, 0.65, samples=200))
    assert list(figures) == list(METRICS)
    # Above 0.65 one right detection and two false ones, of three labels.
    assert figures["precision"]["value"] == pytest.approx(1 / 3)
    assert figures["recall"]["value"] == pytest.approx(1 / 3)
    # Right, false, false, right: precision 1 up to a recall of 1/3 (34 of the 101), 1/2 up to 2/3
    # (33 further ones). The boxes are exact, so a higher overlap changes nothing.
    assert figures["ap50"]["value"] == pytest.approx((34 + 33 / 2) / 101)
    assert figures["ap50_95"]["value"] == pytest.approx((34 + 33 / 2) / 101)
    # Highest scores 0.9, 0.8 and 0 on covers with a label, 0.7 on one without: each a bin.
    assert figures["ece"]["value"] == pytest.approx((0.1 + 0.2 + 1 + 0.7) / 4)
    for name in ("precision", "recall", "ap50"):
        low, high = figures[name]["interval"]
        assert 0 <= low < figures[name]["value"] < high <= 1


def test_a_cover_that_is_drawn_twice_counts_twice() -> None:
    ranked = Ranked(TRUTH, FOUND)
    once, other = ranked.average_precision(np.array([[1, 1, 1, 1], [1, 2, 0, 1]], np.float64))
    assert once == average_precision(judge(TRUTH, FOUND))
    # Of four labels: right (1), false (2), right (2): precision 1, 1/3, 3/5 at 1/4, 1/4, 3/4.
    assert other == pytest.approx((26 + 50 * 3 / 5) / 101)
    assert other == pytest.approx(
        average_precision(judge([TRUTH[k] for k in (0, 1, 1, 3)], [FOUND[k] for k in (0, 1, 1, 3)]))
    )
    assert ranked.counts(0.65).tolist() == [[1, 1, 0], [1, 0, 1], [0, 0, 1], [1, 0, 0]]


def test_a_looser_box_counts_at_the_overlaps_that_it_reaches() -> None:
    truth, looser = [boxes((0, 0, 0.4, 0.5))], [found(s90=(0, 0, 0.4, 0.4))]
    figures = with_intervals(spread(truth, looser, 0.5, samples=100))
    # Four fifths of the label: right at 0.5, 0.55, ... 0.8, seven of the ten.
    assert figures["ap50"] == {"value": 1, "interval": [1, 1]}
    assert figures["ap50_95"]["value"] == pytest.approx(0.7)


def test_widths_and_other_parts() -> None:
    rows = [part(TRUTH, FOUND, 0.65, widths, samples=100) for widths in pairwise(WIDTHS)]
    assert [row["labels"] for row in rows] == [1, 1, 0, 1]
    assert [row["found"] for row in rows] == [0, 0, 0, 1]
    assert [row["false"] for row in rows] == [1, 0, 1, 0]
    assert [row["covers"] for row in rows] == [4] * 4
    assert rows[1]["ap50"]["value"] == pytest.approx(1)  # found, but below the threshold
    assert np.isnan(rows[1]["precision"]["value"])
    assert np.isnan(rows[2]["recall"]["value"])
    assert rows[3]["recall"] == {"value": 1, "interval": [1, 1]}


def test_a_detector_is_no_better_than_itself_but_than_a_worse_one() -> None:
    truth, good = TRUTH * 20, FOUND * 20
    nothing = [found()] * len(truth)
    one, other = (spread(truth, f, 0.65, samples=200) for f in (good, nothing))
    itself = differences(one, one)["recall"]
    assert (itself["difference"], itself["interval"], itself["significant"]) == (0, [0, 0], False)
    better = differences(one, other)
    assert better["recall"]["difference"] == pytest.approx(1 / 3)
    assert better["recall"]["significant"] and better["recall"]["interval"][0] > 0
    assert np.isnan(better["precision"]["difference"])  # of nothing found there is none


def test_false_labels_have_an_interval_even_where_there_are_none() -> None:
    none = false_labels([found(s40=WIDE)] * 500, 0.5)
    assert (none["covers"], none["false"]) == (500, 0)
    # Exact limits of a Poisson count, from tables: 0: 0 to 3.689; 2: 0.242 to 7.225.
    assert none["per_thousand"]["value"] == 0
    assert none["per_thousand"]["interval"] == pytest.approx([0, 7.378], abs=0.001)
    two = false_labels([found(s90=WIDE, s80=NARROW), *[found()] * 999], 0.5)
    assert two["per_thousand"]["value"] == 2
    assert two["per_thousand"]["interval"] == pytest.approx([0.242, 7.225], abs=0.001)
    nowhere = false_labels([], 0.5)
    assert nowhere["covers"] == nowhere["false"] == 0
    assert np.isnan(nowhere["per_thousand"]["value"])


def test_how_much_a_label_says_of_the_genre() -> None:
    labelled = np.array([True, True, False, False, True])
    rap = np.array([True, True, True, False, False])
    said = label_says_genre(labelled, rap, samples=200)
    assert (said["covers"], said["labelled"], said["of_genre"]) == (5, 3, 3)
    assert said["precision"]["value"] == pytest.approx(2 / 3)
    assert said["recall"]["value"] == pytest.approx(2 / 3)
    assert said["share"]["value"] == pytest.approx(3 / 5)
    low, high = said["precision"]["interval"]
    assert low < 2 / 3 < high
    # The last two stand for four and two covers of the catalogue.
    weighted = label_says_genre(labelled, rap, np.array([1.0, 1, 1, 4, 2]), samples=100)
    assert weighted["precision"]["value"] == pytest.approx(2 / 4)
    assert weighted["recall"]["value"] == pytest.approx(2 / 3)
    assert weighted["share"]["value"] == pytest.approx(3 / 9)


def test_no_covers_are_refused() -> None:
    with pytest.raises(ValueError, match="no covers"):
        spread([], [], 0.5)


def said(figure: Any) -> str:
    """All that can be read in a figure."""
    return "\n".join(t.get_text() for t in figure.findobj(lambda part: hasattr(part, "get_text")))


def test_precision_and_recall_are_drawn() -> None:
    figures = with_intervals(spread(TRUTH, FOUND, 0.65, samples=100))
    figure = precision_recall(curve(judge(TRUTH, FOUND)), figures, 0.65)
    x, y = figure.axes[0].lines[0].get_data()
    assert list(x) == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 2 / 3])
    assert list(y) == pytest.approx([1, 1, 1 / 2, 1 / 3, 1 / 2])
    assert "threshold 0.650:\nrecall 0.333, precision 0.333" in said(figure)
    assert figure.axes[0].get_xlim()[0] == 0
    # What is found always is shown from near, what is found never has no point.
    good = with_intervals(spread(TRUTH[:1], FOUND[:1], 0.65, samples=100))
    near = precision_recall(curve(judge(TRUTH[:1], FOUND[:1])), good, 0.65)
    assert near.axes[0].get_xlim()[0] == 0.6
    none = with_intervals(spread(TRUTH, FOUND, 0.99, samples=100))
    assert "threshold" not in said(precision_recall(curve(judge(TRUTH, FOUND)), none, 0.99))


def test_recall_by_width_is_drawn() -> None:
    rows = [
        {"widths": w, **part(TRUTH, FOUND, 0.65, w, samples=100)} for w in pairwise(WIDTHS)
    ]  # fmt: skip
    figure = recall_by_width(rows)
    points = [line.get_ydata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert points == [0, 0, 1]  # none of the class without a label
    heights = [[bar.get_height() for bar in bars] for bars in figure.axes[1].containers]
    assert heights == [[0, 0, 0, 1], [1, 1, 0, 0]]
    for words in ("below 8 %", "8\u201312 %", "12\u201318 %", "from 18 %"):
        assert words in said(figure)


def test_a_sheet_shows_covers_whole_and_near() -> None:
    cover = np.full((300, 300, 3), 100, np.uint8)
    cover[240:270, 30:90] = (0, 255, 0)  # the label, 20 % wide
    label, other = boxes((0.1, 0.8, 0.3, 0.9)), boxes((0.5, 0.1, 0.7, 0.2))
    panel = gallery.Panel(cover, label, other, label[0], ("a name " * 20, "0.93"))
    sheet = gallery.sheet("Seven", [panel] * 7)
    assert sheet.mode == "RGB"
    pixels = np.asarray(sheet).astype(int)

    def count(colour: tuple[float, ...], of: np.ndarray) -> int:
        return int((np.abs(of - np.round(np.array(colour) * 255)).max(axis=-1) < 12).sum())

    # Six a row, so the seventh is alone in the second; its parts are 150 pixels a side.
    assert count((0, 1, 0), pixels[-160:, 320:]) == 0
    last = pixels[-200:, :320]
    rows, columns = np.nonzero((last == (0, 255, 0)).all(axis=-1))
    whole, near = columns < 150 + 8, columns >= 150 + 8
    # 30 of 150 pixels wide; cut to 1.6 times its width it is 94 of 150.
    assert np.ptp(columns[whole]) + 1 == pytest.approx(30, abs=2)
    assert np.ptp(columns[near]) + 1 == pytest.approx(94, abs=4)
    assert np.ptp(rows[near]) + 1 == pytest.approx(47, abs=4)
    # The frame of the label, 4 (30 + 15 / 2) pixels round, in both; that of the other in one.
    assert count(to_rgb(BLUE), last) > count(to_rgb(ORANGE), last) > 40


def test_a_label_at_the_edge_is_shown_near() -> None:
    cover = np.zeros((40, 40, 3), np.uint8)
    corner = boxes((0.95, 0.95, 1.0, 1.0))
    panel = gallery.Panel(cover, boxes(), corner, corner[0], ("",))
    sheet = gallery.sheet("One", [panel])
    assert isinstance(sheet, Image.Image) and sheet.width >= 640


def test_a_detector_that_may_have_seen_the_covers_is_told(settings: config.Settings) -> None:
    def bundle(training: dict[str, Any] | None) -> Bundle:
        spec = {"details": {"training": training}}
        return Bundle(Path("mine"), {"name": "mine", "detector": spec}, "0" * 64)

    splits = settings.splits.model_dump()
    assert check_unseen(bundle({"splits": splits, "measured": True}), settings) is None
    told = check_unseen(bundle({"splits": splits, "measured": False}), settings)
    assert told is not None and "trained without detector.marked" in told
    told = check_unseen(bundle(None), settings)
    assert told is not None and "does not say which covers it was trained on" in told
    other = bundle({"splits": {**splits, "salt": "other"}, "measured": True})
    with pytest.raises(BundleError, match=r"another salt of splits.*--set splits\.salt=other"):
        check_unseen(other, settings)
