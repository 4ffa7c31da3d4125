"""Boxes as a network predicts them: relative to anchors.

S. Ren et al., "Faster R-CNN" (NIPS 2015), equation 2: shift of the centre in the anchor's sides and
logarithm of the growth, here multiplied by 10 and 5 so that they vary about as much as 1 (the
"variances" 0.1 and 0.2 of SSD, scale factors of the TensorFlow Object Detection API's box coder).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from covergenre.detector.boxes import Boxes

SHIFT, GROWTH = 10.0, 5.0
# No box grows beyond 1000 pixels from an anchor of 16 (Detectron's BBOX_XFORM_CLIP): exp overflows.
_MOST_GROWTH = math.log(1000 / 16)
# Padding has no sides; their logarithm must stay finite, for a weight of zero times it to be zero.
_LEAST_SIDE = 1e-6


def encode(boxes: Any, anchors: Any) -> Any:
    """Boxes, one an anchor, as codes; in TensorFlow, for training.

    Args:
        boxes, anchors: float32 tensors (..., 4), xmin, ymin, xmax, ymax.

    Returns:
        float32 (..., 4): shifts across and down, growth across and down.
    """
    import tensorflow as tf

    centres, sides = _centred(boxes)
    anchor_centres, anchor_sides = _centred(anchors)
    shifts = (centres - anchor_centres) / anchor_sides * SHIFT
    growth = tf.math.log(tf.maximum(sides, _LEAST_SIDE) / anchor_sides) * GROWTH
    return tf.concat([shifts, growth], -1)


def decode(codes: Boxes, anchors: Boxes) -> Boxes:
    """The inverse of :func:`encode`, of arrays; boxes may reach beyond the image."""
    anchor_centres, anchor_sides = _centred(anchors)
    centres = codes[..., :2] / SHIFT * anchor_sides + anchor_centres
    sides = np.exp(np.minimum(codes[..., 2:] / GROWTH, _MOST_GROWTH)) * anchor_sides
    return np.concatenate([centres - sides / 2, centres + sides / 2], -1, dtype=np.float32)


def _centred(boxes: Any) -> tuple[Any, Any]:
    sides = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + sides / 2, sides
