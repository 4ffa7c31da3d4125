"""What jobs say while they work, on stderr: lines for people, or JSON for a collector of logs.

JSON lines are Spark's own structured logs (``pyspark.logger``: ts, level, logger, msg, context), so
that one reader takes those of the driver's Java, too; ``context`` names the job and its run.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from pyspark.logger.logger import JSONFormatter

_LOG = logging.getLogger("covergenre")
_context: dict[str, str] = {}


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what is stderr at the time."""

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None: ...


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        mark = {logging.WARNING: "warning: ", logging.ERROR: "error: "}
        return mark.get(record.levelno, "") + record.getMessage()


def configure(form: str) -> None:
    """Choose the form of all that is said from now on: ``text`` or ``json``."""
    handler = _Stderr()
    handler.setFormatter(JSONFormatter() if form == "json" else _Text())
    _LOG.handlers[:] = [handler]
    _LOG.setLevel(logging.INFO)
    _LOG.propagate = False


@contextlib.contextmanager
def within(**context: str) -> Iterator[None]:
    """Name what is being done, e.g. ``run_id``, in each line within the block."""
    before = dict(_context)
    _context.update(context)
    try:
        yield
    finally:
        _context.clear()
        _context.update(before)


def tell(text: str, **context: Any) -> None:
    """Say how far a job is; ``context`` is for machines."""
    _say(logging.INFO, text, context)


def warn(text: str, **context: Any) -> None:
    """Say that something is not as it might be."""
    _say(logging.WARNING, text, context)


def fail(text: str, **context: Any) -> None:
    """Say why a job ends."""
    _say(logging.ERROR, text, context)


def _say(level: int, text: str, context: dict[str, Any]) -> None:
    values = {name: str(value) for name, value in context.items()}
    _LOG.log(level, "%s", text, extra={"kwargs": {**_context, **values}})


configure("text")
