"""What a detector's training makes small, from Keras' losses.

T.-Y. Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017): the focal loss of every
anchor that is not ignored, and the smooth L1 loss (R. Girshick, "Fast R-CNN", ICCV 2015; Huber's)
of those with a box, both summed over a batch and divided by the number of anchors with a box. The
division is in the weights of :func:`targets`, so that Keras' losses only add up.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from covergenre.detector.coding import encode
from covergenre.detector.matching import BACKGROUND, match


class Targets(NamedTuple):
    """What a network should say of a batch, and how much each anchor counts.

    Attributes:
        values: ``logits`` float32 (n, a, 1), 1 where there is a box, and ``codes`` (n, a, 4).
        weights: float32 (n, a) of each; of ``codes`` they sum to 1, or to 0 without boxes.
    """

    values: dict[str, Any]
    weights: dict[str, Any]


def focal_loss(balance: float = 0.25, focus: float = 2.0) -> Any:
    """Binary focal loss on logits.

    Args:
        balance: weight of anchors with a box, of those without 1 less it (alpha).
        focus: power of the gap that makes easy anchors count less (gamma).
    """
    import keras

    return keras.losses.BinaryFocalCrossentropy(
        True, balance, focus, from_logits=True, reduction="sum"
    )


def box_loss() -> Any:
    """Smooth L1 loss, the mean over a box's four codes, quadratic below 1."""
    import keras

    return keras.losses.Huber(1.0, reduction="sum")


def targets(anchors: Any, boxes: Any, positive: float, negative: float) -> Targets:
    """Targets of one class of thing.

    Args:
        anchors: float32 (a, 4).
        boxes: float32 tensor (n, b, 4), padded with boxes without area, b known.
        positive, negative: thresholds of :func:`covergenre.detector.matching.match`.
    """
    import tensorflow as tf

    matched = match(anchors, boxes, positive, negative)
    found = matched >= 0
    own = tf.gather(boxes, tf.maximum(matched, 0), batch_dims=1)
    present = tf.cast(found, tf.float32)
    count = tf.maximum(tf.reduce_sum(present), 1.0)
    taught = tf.cast(found | (matched == BACKGROUND), tf.float32)
    return Targets(
        {"logits": present[..., None], "codes": encode(own, tf.constant(anchors))},
        {"logits": taught / count, "codes": present / count},
    )
