"""Settings of what is measured of covers."""

from __future__ import annotations

from pydantic import Field

from covergenre.config.sections import Section


class Describe(Section):
    """Colour and composition."""

    colours: int = Field(ge=1, le=16)
