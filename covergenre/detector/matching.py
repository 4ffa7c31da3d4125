"""Which anchor answers for which box in training.

W. Liu et al., "SSD" (ECCV 2016), section 2.2: a box has its best anchor whatever their overlap, and
every anchor that overlaps it enough. T.-Y. Lin et al., "Focal Loss for Dense Object Detection"
(ICCV 2017), section 4: between two thresholds of overlap an anchor is neither taught that there is
something nor that there is nothing.
"""

from __future__ import annotations

from typing import Any

from covergenre.detector.boxes import iou

BACKGROUND, IGNORED = -1, -2


def match(anchors: Any, boxes: Any, positive: float = 0.5, negative: float = 0.4) -> Any:
    """The box of every anchor.

    Of boxes that overlap an anchor equally the first has it. Each box has at least one anchor: the
    pair that overlaps most is matched first, then the next of the boxes and anchors that are left.
    Of equal overlaps the first box and the first anchor win.

    Args:
        anchors: float32 (a, 4), xmin, ymin, xmax, ymax.
        boxes: float32 tensor (n, b, 4), b known and at least 1; padded with boxes without area,
            which have no anchors.
        positive: least overlap (IoU) of an anchor with its box.
        negative: overlap below which an anchor sees background; between them it is ignored.

    Returns:
        int32 (n, a): index of a box, :data:`BACKGROUND` or :data:`IGNORED`.
    """
    import tensorflow as tf

    overlaps = iou(tf.constant(anchors), boxes, tf)
    highest = tf.reduce_max(overlaps, -1)
    nearest = tf.argmax(overlaps, -1, tf.int32)
    none = tf.where(highest < negative, BACKGROUND, IGNORED)
    matched = tf.where(highest >= positive, nearest, none)
    left = overlaps
    for _ in range(boxes.shape[1]):
        box = tf.argmax(tf.reduce_max(left, 1), -1, tf.int32)
        column = tf.gather(left, box, axis=-1, batch_dims=1)
        anchor = tf.one_hot(tf.argmax(column, -1), column.shape[-1], True, False)
        own = anchor & (tf.reduce_max(column, -1, keepdims=True) > 0)
        matched = tf.where(own, box[:, None], matched)
        used = own[..., None] | tf.one_hot(box, boxes.shape[1], True, False)[:, None]
        left = tf.where(used, 0.0, left)
    return matched
