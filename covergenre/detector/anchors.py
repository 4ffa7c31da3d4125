"""Default boxes of a detector: where it looks, at which sizes and shapes.

W. Liu et al., "SSD: Single Shot MultiBox Detector" (ECCV 2016), section 2.2, laid over the levels
of a feature pyramid with several scales at each as in T.-Y. Lin et al., "Focal Loss for Dense
Object Detection" (RetinaNet, ICCV 2017), section 4.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from covergenre.detector.boxes import Boxes


@dataclass(frozen=True)
class Anchors:
    """The anchors of a square input, level by level, row by row, each place's together.

    The defaults are for the Parental Advisory label: its plate is 1.6 times as wide as high
    upright, and its hull square when it is tilted by 45 degrees; at 4 to 35 % of a cover's width
    the root of its area is 10 to 112 of 320 pixels, the anchors' 10 to 96.

    Attributes:
        size: side of the input in pixels, a multiple of the coarsest stride.
        strides: of the levels in pixels, powers of two, the finest first.
        scales: roots of the anchors' areas at each level, in strides.
        aspect_ratios: width over height.
    """

    size: int = 320
    strides: tuple[int, ...] = (4, 8, 16)
    scales: tuple[float, ...] = (2.5, 4.0, 6.0)
    aspect_ratios: tuple[float, ...] = (1.6, 1.0)

    def __post_init__(self) -> None:
        """Refuse levels that do not tile the input.

        Raises:
            ValueError: says which number is wrong.
        """
        if not self.strides or list(self.strides) != sorted(set(self.strides)):
            raise ValueError(f"strides must grow, not {self.strides}")
        wrong = [s for s in self.strides if s < 1 or s & (s - 1) or self.size % s]
        if wrong:
            raise ValueError(f"stride {wrong[0]} is no power of two that divides {self.size}")

    @property
    def per_place(self) -> int:
        """Anchors at each place of a level."""
        return len(self.scales) * len(self.aspect_ratios)

    def boxes(self) -> Boxes:
        """All anchors: float32 (anchors, 4), xmin, ymin, xmax, ymax as parts of the input's side.

        Those at the border reach beyond 0-1: a label often sits in the corner.
        """
        return np.concatenate([self._level(stride) for stride in self.strides])

    def _level(self, stride: int) -> Boxes:
        roots = stride * np.asarray(self.scales, np.float64)
        ratios = np.sqrt(np.asarray(self.aspect_ratios, np.float64))
        shapes = np.stack([np.outer(roots, ratios), np.outer(roots, 1 / ratios)], -1).reshape(-1, 2)
        centres = (np.arange(self.size // stride) + 0.5) * stride
        across, down = np.meshgrid(centres, centres)
        places = np.stack([across, down], -1).reshape(-1, 1, 2)
        corners = np.concatenate([places - shapes / 2, places + shapes / 2], -1)
        return np.asarray(corners.reshape(-1, 4) / self.size, np.float32)

    def to_json(self) -> dict[str, Any]:
        """As a bundle's manifest holds them."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Anchors:
        """The inverse of :meth:`to_json`."""
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in value.items()
        }
        return cls(**values)
