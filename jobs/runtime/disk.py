"""A disk that is full, told in a line that says what to do."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from covergenre.errors import OutputError

_FULL = (errno.ENOSPC, errno.EDQUOT)
# As glibc names them, and Java after it.
_SAID = ("No space left on device", "Disk quota exceeded")


@contextlib.contextmanager
def told_if_full(location: str) -> Iterator[None]:
    """Say so where the block fails because a disk is full.

    Args:
        location: what the block writes to, for people.

    Raises:
        OutputError: a disk is full, the driver's or an executor's.
    """
    try:
        yield
    except (OSError, Py4JJavaError, PySparkException) as error:
        if not _full(error):
            raise
        raise OutputError(
            f"no space is left for {location}, or for what Spark puts aside (spark.local.dir): "
            "make room and run it again; what was committed before is as it was"
        ) from error


def _full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in _FULL
    # Java's exceptions are told with their causes, those of tasks included.
    return any(said in str(error) for said in _SAID)
