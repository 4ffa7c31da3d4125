"""Where on a cover a classifier looks."""

from __future__ import annotations

from typing import Any

import numpy as np

from covergenre.backbones import Backbone
from covergenre.classifier import Head
from covergenre.engines import Floats, Pixels


def activation_map(backbone: Backbone, head: Head, pixels: Pixels, genre: int) -> Floats | None:
    """What speaks for a genre, place by place: Grad-CAM.

    The channels of the last feature map, each weighted by the mean gradient of the genre's logit
    with respect to it, summed, what is below zero cut off (R. Selvaraju et al., "Grad-CAM: Visual
    explanations from deep networks via gradient-based localization", ICCV 2017). For one Dense
    layer on averaged features that is the class activation map itself (B. Zhou et al., "Learning
    deep features for discriminative localization", CVPR 2016).

    Args:
        backbone: of a bundle; TensorFlow computes it.
        head: of that bundle.
        pixels: uint8 (size, size, 3), RGB, of the backbone's size.
        genre: its number among the labels.

    Returns:
        float32 (height, width) of the feature map, 0-1, its largest value 1 (all are 0 where
        nothing speaks for the genre); None for a network whose features are no map's average.
    """
    import tensorflow as tf
    from keras import Model, layers

    network = backbone.load()
    pools = [one for one in network.layers if isinstance(one, layers.GlobalAveragePooling2D)]
    if not pools:
        return None
    # A network that looks at several sizes is asked about the largest, the first.
    looking: Any = Model(network.input, [pools[0].input, network.output])
    with tf.GradientTape() as tape:
        maps, features = looking(backbone.preprocessing.apply(pixels[None]), training=False)
        tape.watch(maps)
        logits = head.logits(_behind(pools[0], maps, features))
        logit = logits[0, genre]
    weights = tf.reduce_mean(tape.gradient(logit, maps), axis=(1, 2), keepdims=True)
    # A root has no slope at 0, where the channel's map is 0 everywhere, too.
    weights = tf.where(tf.math.is_finite(weights), weights, 0.0)
    found = np.maximum(tf.reduce_sum(weights * maps, axis=-1)[0].numpy(), 0)
    most = float(found.max())
    return np.asarray(found / most if most > 0 else found, np.float32)


def _behind(pool: Any, maps: Any, features: Any) -> Any:
    """The features again, of the watched map: those of further sizes as they were."""
    import tensorflow as tf

    pooled = pool(maps)
    return tf.concat([pooled, features[:, pooled.shape[-1] :]], axis=-1)
