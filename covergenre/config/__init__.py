"""Settings of every job."""

from covergenre.config.reading import Settings, load
from covergenre.config.sections import YEAR_PATTERN, Catalogue, Train

__all__ = ["YEAR_PATTERN", "Catalogue", "Settings", "Train", "load"]
