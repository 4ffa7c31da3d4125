"""Settings of the combined model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from covergenre.config.sections import Section


class Strength(Section):
    """Penalties, one a part."""

    advisory: float = Field(gt=0)
    appearance: float = Field(gt=0)
    concepts: float = Field(gt=0)


class Fusion(Section):
    """The combined model."""

    parts: list[Literal["advisory", "appearance", "concepts"]] = Field(min_length=1)
    strength: Strength
    least_covers: int = Field(ge=1)
    least_score: float = Field(gt=0, lt=1)
