"""Hold a cover and the facts about it: read or take its bytes, hash, decode once, describe."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from covergenre import images
from covergenre.errors import ImageError
from udfs import ddl
from udfs.watchdog import deadline

INSPECTED = {
    "cover_id": "string",
    "width": "int",
    "height": "int",
    "format": "string",
    "byte_size": "bigint",
    "phash": "string",
    "reason": "string",
    "detail": "string",
}
READ = {**INSPECTED, "content": "binary"}


def make_inspect(limits: images.Limits, timeout: float = 0) -> Any:
    """UDF: binary content to :data:`INSPECTED`; ``reason`` is NULL when the cover can be used.

    A worker that takes longer than ``timeout`` seconds for an Arrow batch is ended; 0: any time.
    """

    def inspect(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        for contents in batches:
            with deadline(timeout):
                rows = [_inspect(None if c is None else bytes(c), limits) for c in contents]
            yield pd.DataFrame(rows, columns=list(INSPECTED)).astype(_NULLABLE)

    return pandas_udf(inspect, ddl(INSPECTED)).asNondeterministic()  # type: ignore[call-overload]


def make_read(limits: images.Limits, timeout: float = 0) -> Any:
    """UDF: path of a file, as bytes, to :data:`READ`; a NULL path is a missing file.

    ``timeout`` as of :func:`make_inspect`.
    """

    def read(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        for paths in batches:
            with deadline(timeout):
                rows = [_read(None if p is None else bytes(p), limits) for p in paths]
            yield pd.DataFrame(rows, columns=list(READ)).astype(_NULLABLE)

    return pandas_udf(read, ddl(READ)).asNondeterministic()  # type: ignore[call-overload]


# Integers beside missing ones would become floats.
_NULLABLE = {"width": "Int32", "height": "Int32", "byte_size": "Int64"}


def _read(path: bytes | None, limits: images.Limits) -> dict[str, Any]:
    try:
        content = _file_content(path, limits)
    except ImageError as error:
        return {"reason": error.reason, "detail": error.detail}
    row = _inspect(content, limits)
    row["content"] = content if row.get("reason") is None else None
    return row


def _file_content(path: bytes | None, limits: images.Limits) -> bytes:
    if path is None:
        raise ImageError("missing_file", "no file")
    try:
        # Looked at before opening: opening a pipe would wait for ever.
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):
            raise ImageError("unreadable", "not a regular file")
        if about.st_size > limits.max_bytes:
            raise ImageError("too_many_bytes", f"{about.st_size} bytes > {limits.max_bytes}")
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise ImageError("missing_file", "no such file") from error
    except OSError as error:
        raise ImageError("unreadable", error.strerror or str(error)) from error


def _inspect(content: bytes | None, limits: images.Limits) -> dict[str, Any]:
    if content is None:
        return {"reason": "no_cover", "detail": "no bytes"}
    row: dict[str, Any] = {
        "cover_id": hashlib.sha256(content).hexdigest(),
        "byte_size": len(content),
    }
    try:
        facts = images.inspect(content, limits)
    except ImageError as error:
        return {**row, "reason": error.reason, "detail": error.detail}
    return {
        **row,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "phash": facts.phash,
    }
