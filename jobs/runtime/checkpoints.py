"""Where trainings keep the state that they go on from when they were stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.runtime.warehouse import Warehouse


def folder(warehouse: Warehouse, scratch: Path, name: str, parts: Sequence[Any]) -> Path:
    """The folder of one training, in the warehouse, or in ``scratch`` where that is not local.

    Args:
        warehouse: trained on.
        scratch: folder for files that may be gone afterwards.
        name: for people.
        parts: all that decides the training, as JSON can hold it: another one has another folder.
    """
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    root = Path(warehouse.location) if warehouse.local else scratch
    return root / "checkpoints" / f"{name}-{digest[:16]}"
