"""Settings of the tables and plots per genre and year."""

from __future__ import annotations

from pydantic import Field

from covergenre.config.sections import Section


class Analyse(Section):
    """Periods, and how much is shown."""

    min_period_covers: int = Field(ge=1)
    palette_colours: int = Field(ge=1, le=32)
    shown_concepts: int = Field(ge=1, le=200)
    shown_lifts: int = Field(ge=1, le=30)
