"""Training pictures of the label detector: what the boxes say, and what a seed fixes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from covergenre.composer.background import background
from covergenre.composer.capture import capture
from covergenre.composer.compose import LEAST_WIDTH, Composition, compose, scene
from covergenre.composer.inks import Inks, Wear, choose_inks
from covergenre.composer.label import CONTENT, draw_label
from covergenre.composer.mark import outlined
from covergenre.composer.negatives import draw_negative
from covergenre.composer.overlay import lay
from covergenre.composer.plates import bars
from covergenre.composer.pose import Pose, choose_pose, choose_width, corners, hull

LABELLED = Composition(labelled=1, second=0, negatives=0)
BARE = Composition(labelled=0, second=0, negatives=0)
BENT = np.array([[0.03, -0.02], [-0.04, 0.03], [0.02, 0.05], [-0.03, -0.03]], np.float32)


def a_cover(seed: int = 0, height: int = 280, width: int = 300) -> npt.NDArray[np.uint8]:
    """Soft patches of colour with some grain."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (7, 7, 3)).repeat(60, 0).repeat(60, 1)[:height, :width]
    grain = rng.integers(-12, 13, (height, width, 1))
    return np.clip(patches + grain, 0, 255).astype(np.uint8)


def changed(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> tuple[int, ...]:
    """Left, top, right and bottom of the pixels that differ by much."""
    rows, columns = np.nonzero(np.abs(after - before).max(axis=2) > 25)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize(
    "pose",
    [
        Pose(0.14, 0.83, 0.9),
        Pose(0.05, 0.3, 0.2),
        Pose(0.35, 0.5, 0.5),
        Pose(0.2, 0.5, 0.5, angle=12),
        Pose(0.2, 0.5, 0.5, angle=-90),
        Pose(0.2, 0.5, 0.5, angle=-7, bend=BENT),
        Pose(0.2, 0.02, 0.5),
        Pose(0.2, 0.97, 0.98, angle=15),
    ],
)
def test_the_box_is_what_was_printed(pose: Pose) -> None:
    mark = bars(CONTENT, np.random.default_rng(3))
    before = np.full((240, 300, 3), (200.0, 0.0, 90.0), np.float32)
    after = before.copy()

    lay(after, mark, pose, Inks(), Wear())

    box = hull(corners(mark, pose, (240, 300)), (240, 300))
    assert box is not None
    assert np.array(box) * (300, 240, 300, 240) == pytest.approx(changed(before, after), abs=1.2)


def test_an_outline_is_printed_around_the_box() -> None:
    plate = bars(CONTENT, np.random.default_rng(3))
    pose = Pose(0.3, 0.5, 0.5)
    before = np.full((300, 300, 3), (200.0, 0.0, 90.0), np.float32)
    after = before.copy()

    mark = outlined(plate, rim=32)  # a tenth of the plate's width
    lay(after, mark, pose, Inks(), Wear())

    assert corners(mark, pose, (300, 300)) == pytest.approx(corners(plate, pose, (300, 300)))
    left, _, right, _ = changed(before, after)
    assert (left, right) == pytest.approx((105 - 9, 195 + 9), abs=1)


def test_hull_of_a_quarter_turned_square_cut_by_the_border() -> None:
    diamond = np.array([[50, -20], [80, 10], [50, 40], [20, 10]], np.float32)
    assert hull(diamond, (100, 200)) == pytest.approx((0.1, 0.0, 0.4, 0.4))


@pytest.mark.parametrize(
    ("left", "expected"),
    [(40, (0.4, 0.1, 0.8, 0.3)), (80, (0.8, 0.1, 1.0, 0.3)), (83, (0.83, 0.1, 1, 0.3)), (85, None)],
)
def test_a_plate_must_be_on_the_cover_by_two_fifths(
    left: float, expected: tuple[float, ...] | None
) -> None:
    right = left + 40
    quad = np.array([[left, 10], [right, 10], [right, 30], [left, 30]], np.float32)
    box = hull(quad, (100, 100))
    assert box == (expected if expected is None else pytest.approx(expected))


def test_the_same_seed_gives_the_same_picture() -> None:
    first, boxes = compose(a_cover(), 2**63 + 11)
    again, same = compose(a_cover(), 2**63 + 11)
    signed, _ = compose(a_cover(), 11 - 2**63)
    other, _ = compose(a_cover(), 12)
    assert np.array_equal(first, again)
    assert np.array_equal(boxes, same)
    assert np.array_equal(first, signed)
    assert not np.array_equal(first, other)


def test_boxes_are_within_the_picture_wide_enough_and_apart() -> None:
    composition = Composition(labelled=1, second=0.5, negatives=0.5)
    counts, widths = [], []
    for seed in range(80):
        pixels, boxes = compose(a_cover(seed), seed, composition)
        assert (pixels.shape, pixels.dtype) == ((320, 320, 3), np.uint8)
        assert (boxes.shape[1:], boxes.dtype) == ((4,), np.float32)
        assert boxes.min(initial=0) >= 0
        assert boxes.max(initial=1) <= 1
        assert (boxes[:, 2] - boxes[:, 0] >= np.float32(LEAST_WIDTH)).all()
        assert (boxes[:, 3] > boxes[:, 1]).all()
        if len(boxes) == 2:
            overlap = np.minimum(boxes[0, 2:], boxes[1, 2:]) - np.maximum(
                boxes[0, :2], boxes[1, :2]
            )
            assert overlap.min() <= 0
        counts.append(len(boxes))
        widths += list(boxes[:, 2] - boxes[:, 0])
    assert set(counts) >= {1, 2}
    assert 0.1 < np.median(widths) < 0.18


def test_labels_change_the_cover_where_their_boxes_are() -> None:
    seen = []
    for seed in range(60):
        bare, none = scene(a_cover(seed), seed, BARE)
        labelled, boxes = scene(a_cover(seed), seed, LABELLED)
        assert none == []
        if not boxes:
            continue
        height, width = bare.shape[:2]
        inside = np.zeros((height, width), bool)
        left, top, right, bottom = (np.array(boxes[0]) * (width, height, width, height)).round()
        inside[int(top) : int(bottom), int(left) : int(right)] = True
        difference = np.abs(labelled - bare).max(axis=2)
        seen.append(difference[inside].mean())
        # Beside the plate there is at most its outline and a further box below.
        assert (difference[~inside] > 2).sum() < 1.2 * inside.sum()
    assert len(seen) >= 55
    assert np.quantile(seen, 0.05) > 20


def test_pictures_without_labels_have_negatives_and_no_boxes() -> None:
    changes = []
    for seed in range(40):
        bare, _ = scene(a_cover(seed), seed, BARE)
        crowded, boxes = scene(a_cover(seed), seed, Composition(0, 0, 3))
        assert boxes == []
        assert compose(a_cover(seed), seed, Composition(0, 0, 3))[1].shape == (0, 4)
        changes.append((np.abs(crowded - bare).max(axis=2) > 25).mean())
    assert np.median(changes) > 0.01


@pytest.mark.parametrize("draw", [draw_label, draw_negative])
def test_marks_ink_every_pixel_at_most_once(draw) -> None:  # type: ignore[no-untyped-def]
    for seed in range(80):
        mark = draw(np.random.default_rng(seed))
        assert mark.light.dtype == mark.dark.dtype == np.uint8
        assert (mark.light.astype(int) + mark.dark).max() <= 255
        left, top, right, bottom = mark.plate
        assert 0 <= left < right <= mark.light.shape[1]
        assert 0 <= top < bottom <= mark.light.shape[0]
        inked = (mark.light.astype(int) + mark.dark)[top:bottom, left:right]
        assert (inked > 127).mean() > 0.02


def test_widths_are_those_of_real_labels_and_some_beyond() -> None:
    rng = np.random.default_rng(5)
    widths = np.array([choose_width(rng) for _ in range(3000)])
    assert widths.min() >= 0.04
    assert widths.max() <= 0.35
    assert 0.12 < np.median(widths) < 0.15
    assert (widths < 0.12).mean() > 0.35


def test_most_poses_are_upright_and_low_on_the_cover() -> None:
    rng = np.random.default_rng(6)
    mark = bars(CONTENT, rng)
    poses = [choose_pose(rng, mark, 0.14, (300, 300)) for _ in range(1500)]
    assert np.mean([pose.y > 2 / 3 for pose in poses]) > 0.65
    assert np.mean([pose.angle == 0 for pose in poses]) > 0.7
    assert 0.01 < np.mean([abs(pose.angle) > 80 for pose in poses]) < 0.04
    visible = [hull(corners(mark, pose, (300, 300)), (300, 300)) for pose in poses]
    assert np.mean([box is not None for box in visible]) > 0.99


def test_a_single_ink_is_used_only_where_it_shows() -> None:
    rng = np.random.default_rng(7)
    for ground in (0.0, 60.0, 128.0, 200.0, 255.0):
        for _ in range(400):
            inks = choose_inks(rng, ground)
            light = inks.light_opacity * np.mean(inks.light) + (1 - inks.light_opacity) * ground
            dark = inks.dark_opacity * np.mean(inks.dark) + (1 - inks.dark_opacity) * ground
            assert light - dark > 30


def test_a_background_is_another_picture_each_time() -> None:
    cover = a_cover()
    first = background(cover, np.random.default_rng(1))
    assert (first.dtype, first.shape[2]) == (np.float32, 3)
    assert np.array_equal(first, background(cover, np.random.default_rng(1)))
    for seed in range(40):
        other = background(a_cover(seed, 20, 33), np.random.default_rng(seed))
        assert 240 <= max(other.shape[:2]) <= 320
        assert other.flags.c_contiguous
        assert 0 <= other.min() <= other.max() <= 255
        assert other.shape != first.shape or not np.array_equal(other, first)


def test_capture_keeps_the_picture_it_compresses() -> None:
    picture = background(a_cover(), np.random.default_rng(1))
    kept = picture.copy()
    correlations = []
    for seed in range(40):
        pixels = capture(picture, np.random.default_rng(seed), narrowest=0.1)
        assert (pixels.shape, pixels.dtype) == (picture.shape, np.uint8)
        correlations.append(np.corrcoef(pixels.ravel(), picture.ravel())[0, 1])
    assert np.array_equal(picture, kept)
    assert min(correlations) > 0.95
    assert max(correlations) < 1
