"""Where a user keeps what can be made again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def folder(name: str) -> Path:
    """``covergenre/<name>`` in the user's cache (XDG); it may not be there yet."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user without a home
        cache = Path(tempfile.gettempdir())
    return cache / "covergenre" / name
