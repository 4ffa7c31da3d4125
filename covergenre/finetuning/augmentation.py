"""Pictures of a cover that could have been its cover: crops, mirror images, other prints, mixtures.

A whole batch is changed by a handful of operations, so that two cores keep up with the network.
"""

from __future__ import annotations

from typing import Any

from covergenre.config.sections import Augmentation

# Luma of ITU-R BT.601, which saturation and contrast leave alone.
_LUMA = (0.299, 0.587, 0.114)


def augment(pixels: Any, size: int, recipe: Augmentation, seed: Any) -> Any:
    """Random crops, mirror images and colours.

    A crop covers ``recipe.least_area`` to all of the cover, of nearly the same aspect (Inception's
    crop: C. Szegedy et al., "Going deeper with convolutions", CVPR 2015); covers carry their
    meaning to the edges, so crops are large. Brightness, contrast and saturation vary as between
    two scans of one cover.

    Args:
        pixels: tensor uint8 (n, height, width, 3).
        size: side of the result.
        recipe: how much of each.
        seed: int tensor (2,); the same seed gives the same pictures.

    Returns:
        tensor float32 (n, size, size, 3), 0-255.
    """
    import tensorflow as tf

    boxes, colours = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    count = tf.shape(pixels)[0]
    crops = tf.image.crop_and_resize(
        tf.cast(pixels, tf.float32), _boxes(count, recipe, boxes), tf.range(count), (size, size)
    )
    return _coloured(crops, recipe.colour, colours) if recipe.colour else crops


def _boxes(count: Any, recipe: Augmentation, seed: Any) -> Any:
    """Boxes (top, left, bottom, right) in 0-1; a mirror image has left and right swapped."""
    import tensorflow as tf

    random = tf.random.stateless_uniform((6, count), seed)
    area = recipe.least_area + (1 - recipe.least_area) * random[0]
    aspect = tf.exp((2 * random[1] - 1) * recipe.aspect)
    width = tf.minimum(tf.sqrt(area * aspect), 1.0)
    height = tf.minimum(tf.sqrt(area / aspect), 1.0)
    left, top = random[2] * (1 - width), random[3] * (1 - height)
    mirrored = random[4] < recipe.mirrored
    right = left + width
    return tf.stack(
        [top, tf.where(mirrored, right, left), top + height, tf.where(mirrored, left, right)], 1
    )


def _coloured(pixels: Any, amount: float, seed: Any) -> Any:
    import tensorflow as tf

    factors = 1 + amount * tf.random.stateless_uniform((3, tf.shape(pixels)[0]), seed, -1.0, 1.0)
    brightness, contrast, saturation = tf.unstack(factors[:, :, None, None, None])
    grey = tf.reduce_sum(pixels * tf.constant(_LUMA), -1, keepdims=True)
    pixels = grey + saturation * (pixels - grey)
    mean = tf.reduce_mean(grey, (1, 2), keepdims=True)
    return tf.clip_by_value(brightness * (mean + contrast * (pixels - mean)), 0.0, 255.0)


def mix(pixels: Any, labels: Any, recipe: Augmentation, seed: Any) -> tuple[Any, Any]:
    """Lay another cover of the batch over each, and mix their labels in the same proportion.

    Mixup (H. Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018), for a share
    ``recipe.mixed`` of the covers, with proportions from Beta(``recipe.mixing``, same).

    Args:
        pixels: float32 (n, height, width, 3).
        labels: float32 (n, classes), rows sum to 1.
        recipe: how much.
        seed: int tensor (2,).

    Returns:
        pixels and labels, mixed, of the same shapes.
    """
    import tensorflow as tf

    first, second, chosen = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    count = tf.shape(pixels)[0]
    # Beta(a, a) as a ratio of two Gamma(a).
    a = tf.random.stateless_gamma((count,), first, alpha=recipe.mixing)
    b = tf.random.stateless_gamma((count,), second, alpha=recipe.mixing)
    share = a / tf.maximum(a + b, 1e-12)
    mixed = tf.random.stateless_uniform((count,), chosen) < recipe.mixed
    share = tf.where(mixed, tf.maximum(share, 1 - share), tf.ones_like(share))
    over = share[:, None, None, None]
    return (
        pixels * over + tf.roll(pixels, 1, 0) * (1 - over),
        labels * share[:, None] + tf.roll(labels, 1, 0) * (1 - share[:, None]),
    )
