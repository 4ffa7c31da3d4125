"""Settings of the page that shows a catalogue's results."""

from __future__ import annotations

from pydantic import Field

from covergenre.config.sections import Section


class Report(Section):
    """How much is shown, and how large the page may be."""

    table_albums: int = Field(ge=1, le=1_000_000)
    gallery_covers: int = Field(ge=0, le=60)
    thumbnail_side: int = Field(ge=32, le=640)
    genres: int = Field(ge=1, le=40)
    concepts: int = Field(ge=1, le=100)
    palette_colours: int = Field(ge=1, le=16)
    runs: int = Field(ge=1, le=500)
    max_bytes: int = Field(ge=8_000_000)
