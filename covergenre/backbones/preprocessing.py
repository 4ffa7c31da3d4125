"""What a network expects its pixels to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Preprocessing:
    """``(pixels[channels] - mean) / std`` on RGB pixels 0-255 resized to ``size``.

    Attributes:
        size: side of the square input in pixels.
        channels: order the network was trained with; ``BGR`` reverses the last axis first.
        mean, std: one value a channel, in the network's order.
        further_sizes: the network looks at the same pixels again at each of these, over half of
            ``size`` and below it; what it sees at each is one after the other in the features.
    """

    size: int
    channels: Literal["RGB", "BGR"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    further_sizes: tuple[int, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """All sizes, the largest first."""
        return (self.size, *self.further_sizes)

    def apply(self, pixels: Any) -> Any:
        """Tensor uint8 (n, size, size, 3) in RGB to float32 of the same shape, for the network."""
        import tensorflow as tf

        x = tf.cast(pixels, tf.float32)
        if self.channels == "BGR":
            x = tf.reverse(x, axis=[-1])
        return (x - tf.constant(self.mean)) / tf.constant(self.std)

    def to_json(self) -> dict[str, Any]:
        """As a bundle's manifest holds it."""
        further = {"further_sizes": list(self.further_sizes)} if self.further_sizes else {}
        return {
            "size": self.size,
            "channels": self.channels,
            "mean": list(self.mean),
            "std": list(self.std),
            **further,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Preprocessing:
        """The inverse of :meth:`to_json`."""
        return cls(
            int(value["size"]),
            value["channels"],
            _triple(value["mean"]),
            _triple(value["std"]),
            tuple(int(size) for size in value.get("further_sizes", [])),
        )


def _triple(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in values)
    return red, green, blue


_Mode = tuple[Literal["RGB", "BGR"], tuple[float, float, float], tuple[float, float, float]]

MODES: dict[str, _Mode] = {
    # EfficientNet-Lite: (x - 127) / 128.
    "lite": ("RGB", (127.0,) * 3, (128.0,) * 3),
    # keras.applications.imagenet_utils, modes "tf", "caffe" and "torch".
    "tf": ("RGB", (127.5,) * 3, (127.5,) * 3),
    "caffe": ("BGR", (103.939, 116.779, 123.68), (1.0,) * 3),
    "torch": ("RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    # The network normalises by itself.
    "none": ("RGB", (0.0,) * 3, (1.0,) * 3),
}
"""Name to channel order, mean and standard deviation."""
