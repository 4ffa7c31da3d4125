"""Runs in progress on a warehouse: a killed one cannot tell its end, the next one does.

A run holds a lock on a file of its own for as long as its process lives, whatever other locks it
takes meanwhile: a mark whose lock is free is that of a run that was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

_FOLDER = ".running"


@dataclass(frozen=True)
class Mark:
    """Of one run.

    Attributes:
        file: the mark; its lock lies beside it.
        about: what is known of the run.
    """

    file: Path
    about: Mapping[str, Any]

    def tell(self, **more: Any) -> None:
        """Write down what is known of the run, and what is known now."""
        self.file.write_text(json.dumps({**self.about, **more}), "utf-8")

    def forget(self) -> None:
        """Remove it."""
        self.file.unlink(missing_ok=True)
        self.file.with_suffix(".lock").unlink(missing_ok=True)


@contextlib.contextmanager
def marked(root: Path, run_id: str, about: Mapping[str, Any]) -> Iterator[Mark]:
    """Mark a run as in progress while the block lasts.

    Args:
        root: where files can be locked for the warehouse.
        run_id: of the run.
        about: what is to be known of it if it is killed, as JSON takes it.

    Yields:
        the mark, to be removed once the run's end is on record.
    """
    folder = root / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    process = {"host": platform.node(), "process": os.getpid()}
    mark = Mark(folder / f"{run_id}.json", {**about, **process})
    with FileLock(mark.file.with_suffix(".lock")):
        mark.tell()
        yield mark


def killed(root: Path) -> Iterator[dict[str, Any]]:
    """What is known of each run that was killed; it is forgotten when the next one is asked for."""
    for lock in sorted((root / _FOLDER).glob("*.lock")):
        try:
            with FileLock(lock, timeout=0):
                mark = Mark(lock.with_suffix(".json"), {})
                with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                    yield json.loads(mark.file.read_text("utf-8"))
                mark.forget()
        except Timeout:
            continue  # alive
