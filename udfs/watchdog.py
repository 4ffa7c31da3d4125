"""A deadline for work in a Python worker that also ends native code that hangs.

Spark kills no Python worker that hangs, and in native code no signal and no thread of Python gets a
turn. The standard library's faulthandler keeps time in a thread of its own that needs none.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
from collections.abc import Iterator

_STDERR = 2


@contextlib.contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """End this process with status 1 if the block takes longer, whatever it is doing.

    Where Spark collects the last words of its workers
    (``spark.sql.execution.pyspark.udf.faulthandler.enabled``) the driver's exception then holds
    ``Timeout (0:01:00)!`` and where the block was; else the worker's stderr does.

    Not to be nested: a process has one such timer. It costs about 30 microseconds.

    Args:
        seconds: that the block may take; None or 0: as long as it likes.
    """
    if not seconds:
        yield
        return
    with _last_words() as log:
        faulthandler.dump_traceback_later(seconds, exit=True, file=log)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def _last_words() -> Iterator[int]:
    """The descriptor of the file that pyspark.worker opens for this task, else of stderr."""
    folder = os.environ.get("PYTHON_FAULTHANDLER_DIR")
    if not folder:
        yield _STDERR
        return
    log = os.open(os.path.join(folder, str(os.getpid())), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        yield log
    finally:
        os.close(log)
