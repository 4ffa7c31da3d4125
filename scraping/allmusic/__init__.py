"""AllMusic's Advanced Search, read with a real browser."""

from scraping.allmusic.source import AllMusic

__all__ = ["AllMusic"]
