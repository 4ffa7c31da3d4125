"""The covers of a benchmark as warehouses of the project."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from covergenre.config import load
from jobs.runtime import session
from jobs.runtime.catalogue import ingest
from jobs.runtime.warehouse import Warehouse


def write(warehouses: Mapping[Path, Path]) -> None:
    """Bring covers into new warehouses.

    Args:
        warehouses: to Parquet with ``cover_id`` and ``content``.
    """
    spark = session.build("benchmark warehouse")
    for warehouse, parquet in warehouses.items():
        table = warehouse.with_name(f"{warehouse.name}-source")
        spark.read.parquet(str(parquet)).write.format("delta").save(str(table))
        ingest(Warehouse(spark, str(warehouse)), str(table), None, load())
        shutil.rmtree(table)


def copy(warehouse: Path, target: Path) -> Path:
    """A warehouse to write to. Its data files, which are never changed, are linked."""

    def linked(source: str, destination: str) -> None:
        if source.endswith(".parquet"):
            os.link(source, destination)
        else:
            shutil.copy2(source, destination)

    shutil.copytree(warehouse, target, copy_function=linked)
    return target
