"""Ask a warehouse in SQL: its tables by name, and the views that are made of them.

spark-submit jobs/query.py "SELECT * FROM misfiled ORDER BY confidence DESC LIMIT 20"
spark-submit jobs/query.py "SELECT * FROM results" --output WAREHOUSE --format csv --to results.csv
"""

from __future__ import annotations

import contextlib
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from py4j.java_gateway import is_instance_of  # type: ignore[import-untyped]
from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    MapType,
    StructField,
    StructType,
    VariantType,
)

from covergenre.errors import OutputError, SettingError
from jobs.runtime import arguments, logs
from jobs.runtime.maintenance import opening
from jobs.runtime.views import for_duckdb, for_spark, open_views

_FORMATS = ("table", "csv", "json", "parquet")
_SHOWN = 100
_WIDTH = 60
_COMMANDS = ("Show", "Describe", "Explain")


def answer(query: str, names: Sequence[str], spark: SparkSession) -> DataFrame:
    """What a query gives.

    Raises:
        SettingError: it is none, would change something, or names what is not there; says what
            there is.
    """
    try:
        if not _only_reads(query, spark):
            raise SettingError("only what reads is taken: SELECT, WITH, VALUES, SHOW, DESCRIBE")
        return spark.sql(query)
    except (AnalysisException, ParseException) as error:
        why = str(error).strip().splitlines()[0].rstrip(";")  # the rest is Spark's plan
        raise SettingError(f"{why}\nthere is: {', '.join(names)}") from error


def _only_reads(query: str, spark: SparkSession) -> bool:
    # Delta deletes through a temporary view, too, and asks for no lock.
    gateway = spark.sparkContext._gateway
    plan = spark._jsparkSession.sessionState().sqlParser().parsePlan(query)
    while plan.nodeName() == "UnresolvedWith":
        plan = plan.child()
    if plan.nodeName().startswith(_COMMANDS):
        return True
    logical = "org.apache.spark.sql.catalyst.plans.logical"
    kinds = (f"{logical}.Command", f"{logical}.ParsedStatement")
    return not any(is_instance_of(gateway, plan, kind) for kind in kinds)


def write(rows: DataFrame, form: str, to: Path | None) -> int | None:
    """Write rows where they are asked for.

    Args:
        rows: of a query.
        form: ``table`` shows the first hundred for people; ``csv`` (with nested values as JSON),
            ``json`` (one line a row) and ``parquet`` write all of them.
        to: a new file, for Parquet a new folder; None: what is printed.

    Returns:
        how many rows were written; None of Parquet, which Spark writes.

    Raises:
        OutputError: it is there, cannot be written, or Parquet would be printed.
    """
    if to is not None and to.exists():
        raise OutputError(f"--to {to} is there: name a new one")
    if form == "parquet":
        if to is None:
            raise OutputError("--format parquet: name a new folder with --to")
        rows.write.parquet(str(to))
        return None
    with _opened(to) as stream:
        if form == "table":
            return _show(rows, stream)
        return _csv(rows, stream) if form == "csv" else _lines(rows, stream)


@contextlib.contextmanager
def _opened(to: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that is not there until it is whole."""
    if to is None:
        try:
            yield sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:  # who reads has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    part = to.with_name(f".{to.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        part.replace(to)
    except OSError as error:
        raise OutputError(f"--to {to} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _show(rows: DataFrame, stream: TextIO) -> int:
    frame = rows.limit(_SHOWN + 1).toPandas()
    more = len(frame) > _SHOWN
    frame = frame[:_SHOWN]
    if frame.shape[1]:  # none of a statement, such as SET
        print(frame.to_string(index=False, max_colwidth=_WIDTH), file=stream)
    if more:
        print(f"... the first {_SHOWN} rows; csv, json and parquet have all", file=stream)
    return len(frame)


def _csv(rows: DataFrame, stream: TextIO) -> int:
    placed = rows.toDF(*map(str, range(len(rows.columns))))  # names may come twice
    flat = placed.select(*(_text(field) for field in placed.schema.fields))
    writer = csv.writer(stream)
    writer.writerow(rows.columns)
    count = 0
    for row in flat.toLocalIterator(prefetchPartitions=True):
        writer.writerow(row)
        count += 1
    return count


def _text(field: StructField) -> Column:
    """A column as CSV has a form for: nested values as JSON, bytes as hexadecimal digits."""
    column = F.col(field.name)
    if isinstance(field.dataType, BinaryType):
        return F.hex(column)
    nested = isinstance(field.dataType, ArrayType | MapType | StructType | VariantType)
    return F.to_json(column) if nested else column


def _lines(rows: DataFrame, stream: TextIO) -> int:
    count = 0
    whole = rows.select(F.to_json(F.struct("*"), {"ignoreNullFields": "false"}))
    for (line,) in whole.toLocalIterator(prefetchPartitions=True):
        print(line, file=stream)
        count += 1
    return count


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, ask, write the answer."""
    parser = arguments.parser("query", "Ask a warehouse in SQL.", catalogue=False)
    parser.add_argument("sql", nargs="?", help="the query; - to read it from standard input")
    opening.add_arguments(parser)
    parser.add_argument("--format", choices=_FORMATS, default=_FORMATS[0], help="of the answer")
    parser.add_argument("--to", type=Path, metavar="FILE", help="where it is written")
    parser.add_argument(
        "--ddl", choices=["spark", "duckdb"], help="print instead the statements that name tables "
        "and views: in a catalogue that Spark keeps (Hive metastore, Unity, ...), or in DuckDB",
    )  # fmt: skip
    parser.add_argument(
        "--database", default="covergenre", help="of that catalogue, for this alone: tables and "
        "views of these names that it holds are replaced",
    )  # fmt: skip
    args = parser.parse_args(argv)
    if (args.sql is None) == (args.ddl is None):
        raise SettingError("give a query in quotes, or --ddl")
    if args.database.rpartition(".")[2].lower() == "default":
        raise SettingError(
            "--database default may hold tables of others, and those of the same names would be "
            "replaced: name one for this warehouse alone"
        )
    settings = arguments.settings(args)
    warehouse = opening.warehouse(args, settings, "query")
    if args.ddl is not None:
        named = (
            for_duckdb(warehouse) if args.ddl == "duckdb" else for_spark(warehouse, args.database)
        )
        statements = [*named]
        with _opened(args.to) as stream:
            print(*(f"{statement};" for statement in statements), sep="\n", file=stream)
        return {"statements": len(statements)}
    names = open_views(warehouse)
    query = sys.stdin.read() if args.sql == "-" else args.sql
    count = write(answer(query, names, warehouse.spark), args.format, args.to)
    if args.to is not None:
        logs.tell(f"{'' if count is None else f'{count} rows '}written to {args.to}")
    return {"rows": count}


if __name__ == "__main__":
    arguments.run(main)
