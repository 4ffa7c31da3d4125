"""What computes the networks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from covergenre.config.sections import Section
from covergenre.engines.choice import EngineName, Precision


class EngineSettings(Section):
    """Engine and precision of scoring, describing and evaluating."""

    name: Literal["auto"] | EngineName
    precision: Literal["auto"] | Precision
    batch_size: Literal["auto"] | Annotated[int, Field(ge=1, le=256)]
    int8_covers: int = Field(ge=8, le=10_000)
