"""Album covers drawn from scratch, for demonstrations and tests without anyone's artwork."""

from __future__ import annotations

from scraping.procedural.advisory import VARIANTS, draw_advisory_label, paste_advisory_label
from scraping.procedural.catalogue import COLUMNS, Album, generate_catalogue, plan_albums
from scraping.procedural.covers import GENRES, draw_cover
from scraping.procedural.formats import PLAIN, UNUSUAL, CoverFormat

__all__ = [
    "COLUMNS",
    "GENRES",
    "PLAIN",
    "UNUSUAL",
    "VARIANTS",
    "Album",
    "CoverFormat",
    "draw_advisory_label",
    "draw_cover",
    "generate_catalogue",
    "paste_advisory_label",
    "plan_albums",
]
