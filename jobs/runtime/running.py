"""Runs in progress on a warehouse: a killed one cannot tell its end, the next one does.

A run holds a lock on a file of its own for as long as its process lives, whatever other locks it
takes meanwhile: a mark whose lock is free is that of a run that was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

_FOLDER = ".running"


@contextlib.contextmanager
def marked(root: Path, run_id: str, about: Mapping[str, Any]) -> Iterator[Callable[[], None]]:
    """Mark a run as in progress while the block lasts.

    Args:
        root: where files can be locked for the warehouse.
        run_id: of the run.
        about: what is to be known of it if it is killed, as JSON takes it.

    Yields:
        what removes the mark, to be called once the run's end is on record.
    """
    folder = root / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    mark, lock = folder / f"{run_id}.json", FileLock(folder / f"{run_id}.lock")
    with lock:
        process = {"host": platform.node(), "process": os.getpid()}
        mark.write_text(json.dumps({**about, **process}), "utf-8")
        yield lambda: _forget(mark)


def killed(root: Path) -> Iterator[dict[str, Any]]:
    """What is known of each run that was killed; it is forgotten when the next one is asked for."""
    for lock in sorted((root / _FOLDER).glob("*.lock")):
        try:
            with FileLock(lock, timeout=0):
                mark = lock.with_suffix(".json")
                with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                    yield json.loads(mark.read_text("utf-8"))
                _forget(mark)
        except Timeout:
            continue  # alive


def _forget(mark: Path) -> None:
    mark.unlink(missing_ok=True)
    mark.with_suffix(".lock").unlink(missing_ok=True)
