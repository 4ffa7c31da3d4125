"""Figures about labels: four covers worked by hand, resamples, what is not defined."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from covergenre.detector.average_precision import average_precision, judge
from covergenre.detector.boxes import Boxes, Detections
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
