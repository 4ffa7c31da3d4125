"""The tables and views of a warehouse, by name, for SQL."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.runtime.warehouse import Warehouse
from schemas import TABLES, VIEWS
from schemas.views import View


def there(warehouse: Warehouse) -> tuple[list[str], list[View]]:
    """The tables that a warehouse has, and the views that can be made of them."""
    tables = [table.name for table in TABLES.values() if warehouse.exists(table)]
    known, views = {*tables}, []
    for view in VIEWS:
        if known.issuperset(view.reads):
            known.add(view.name)
            views.append(view)
    return tables, views


def open_views(warehouse: Warehouse) -> list[str]:
    """Name them in the session, for as long as it lasts; returns the names."""
    tables, views = there(warehouse)
    for name in tables:
        warehouse.read(TABLES[name]).createOrReplaceTempView(name)
    for view in views:
        warehouse.spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW {view.name} AS {view.sql()}")
    return [*tables, *(view.name for view in views)]


def for_spark(warehouse: Warehouse, database: str) -> Iterator[str]:
    """Spark SQL that names them in a catalogue that is kept, a statement each.

    The tables are external: dropping one forgets its name and leaves its files.

    Args:
        warehouse: whose tables.
        database: of that catalogue (``name`` or ``catalogue.name``); made if it is not there.
    """
    tables, views = there(warehouse)
    yield f"CREATE DATABASE IF NOT EXISTS {database}"
    yield f"USE {database}"
    for view in reversed(VIEWS):  # those that stand on others first
        yield f"DROP VIEW IF EXISTS {view.name}"
    for name in TABLES:
        yield f"DROP TABLE IF EXISTS {name}"
    for name in tables:
        location = warehouse.path(name).replace("\\", "\\\\").replace("'", "\\'")
        yield f"CREATE TABLE {name} USING delta LOCATION '{location}'"
    for view in views:
        comment = view.comment.replace("'", "\\'")
        yield f"CREATE VIEW {view.name} COMMENT '{comment}' AS\n{view.sql()}"


def for_duckdb(warehouse: Warehouse) -> Iterator[str]:
    """The same for DuckDB, whose extension ``delta`` reads the tables where they lie."""
    tables, views = there(warehouse)
    yield "LOAD delta"
    for name in tables:
        location = warehouse.path(name).replace("'", "''")
        yield f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM delta_scan('{location}')"
    for view in views:
        yield f"CREATE OR REPLACE VIEW {view.name} AS\n{view.sql('unnest')}"
