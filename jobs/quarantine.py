"""Albums whose cover could not be used: list them, look at them again, or let them rest.

spark-submit jobs/quarantine.py list --output DIR --reason truncated
spark-submit jobs/quarantine.py retry --output DIR --reason timeout
spark-submit jobs/quarantine.py clear --output DIR --album rap/a.jpg --note "no cover exists"
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.config import Settings
from covergenre.errors import SettingError
from jobs.runtime import arguments
from jobs.runtime.crawling import journal_folder
from jobs.runtime.keeping import kept
from jobs.runtime.maintenance import beside, opening
from jobs.runtime.maintenance.takedowns import REASON
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, INFERENCES, QUARANTINE

_SHOWN = ("album_id", "reason", "detail", "attempts", "first_seen", "last_seen")
_WIDTH = 100


def chosen(
    warehouse: Warehouse, reasons: Sequence[str] | None, albums: Sequence[str] | None
) -> DataFrame:
    """Open rows of quarantine that nobody has cleared.

    Args:
        warehouse: with quarantine.
        reasons, albums: only of these; None: of any.
    """
    rows = warehouse.read(QUARANTINE).where("closed_at IS NULL")
    if "cleared_at" in rows.columns:  # not in earlier layouts, which listing leaves as they are
        rows = rows.where("cleared_at IS NULL")
    if reasons:
        rows = rows.where(F.col("reason").isin([*reasons]))
    if albums:
        rows = rows.where(F.col("album_id").isin([*albums]))
    return rows


def retry(warehouse: Warehouse, rows: DataFrame, settings: Settings) -> dict[str, int]:
    """Have covers looked at again: those that failed in scoring by the next score, those that could
    not be read by the next job that reads the catalogue. A cover that was taken down is not.

    The rows stay open until then. What the models said of other covers stays.

    Returns:
        how many ``albums`` these are, and of how many covers the outcome was forgotten.
    """
    again = kept(rows.where(F.col("reason") != REASON).select("album_id"))
    albums = warehouse.read(ALBUMS).join(again, "album_id", "left_semi")
    held = albums.where("cover_id IS NOT NULL").select("cover_id").distinct()
    forgotten = 0
    if warehouse.exists(INFERENCES):
        failed = warehouse.read(INFERENCES).where("reason IS NOT NULL")
        covers = kept(held.join(failed, "cover_id", "left_semi"))
        forgotten = covers.count()
        if forgotten:
            (
                warehouse.delta(INFERENCES)
                .alias("t")
                .merge(covers.alias("s"), "t.cover_id = s.cover_id AND t.reason IS NOT NULL")
                .whenMatchedDelete()
                .execute()
            )
    unread = kept(albums.where("cover_id IS NULL").select("album_id"))
    # A cover is looked at if its etag is not the one that is held.
    (
        warehouse.delta(ALBUMS)
        .alias("t")
        .merge(unread.alias("s"), "t.album_id = s.album_id AND t.etag IS NOT NULL")
        .whenMatchedUpdate(set={"etag": "NULL"})
        .execute()
    )
    ids = [row["album_id"] for row in unread.collect()]
    with beside.journals(journal_folder(warehouse.location, settings)) as stores:
        beside.want(stores, ids)
    return {"albums": again.count(), "inferences_forgotten": forgotten, "to_read": len(ids)}


def clear(
    warehouse: Warehouse, rows: DataFrame, note: str | None, now: datetime.datetime
) -> dict[str, int]:
    """Let rows rest: they are listed no more until their cover fails in another way.

    They stay open, as every album has a prediction or an open row.
    """
    ids = kept(rows.select("album_id"))
    (
        warehouse.delta(QUARANTINE)
        .alias("t")
        .merge(ids.alias("s"), "t.album_id = s.album_id")
        .whenMatchedUpdate(set={"cleared_at": F.lit(now), "note": F.lit(note)})
        .execute()
    )
    return {"albums": ids.count()}


def listed(rows: DataFrame, limit: int) -> pd.DataFrame:
    """The rows that failed last, at most ``limit``."""
    return rows.select(*_SHOWN).orderBy(F.desc("last_seen"), "album_id").limit(limit).toPandas()


def _print(frame: pd.DataFrame, form: str) -> None:
    if form == "csv":
        frame.to_csv(sys.stdout, index=False)
    elif form == "json":
        frame.to_json(sys.stdout, orient="records", lines=True, date_format="iso")
    elif len(frame):
        print(frame.to_string(index=False, max_colwidth=_WIDTH))
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = arguments.parser(
        "quarantine", "Albums whose cover could not be used.", catalogue=False
    )
    parser.add_argument("what", choices=["list", "retry", "clear"], help="what to do with them")
    opening.add_arguments(parser)
    parser.add_argument("--reason", nargs="+", help="only of these reasons, e.g. truncated")
    parser.add_argument("--album", nargs="+", metavar="ALBUM_ID", help="only these albums")
    parser.add_argument("--all", action="store_true", help="retry or clear whatever is open")
    parser.add_argument("--note", help="of clear: kept with the rows")
    parser.add_argument("--limit", type=int, default=50, help="of list: rows at most")
    parser.add_argument("--format", choices=["table", "csv", "json"], default="table",
                        help="of list: json is one line a row")  # fmt: skip
    return parser


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, list or change the rows."""
    args = _parser().parse_args(argv)
    settings = arguments.settings(args)
    if args.what == "list":
        warehouse = opening.warehouse(args, settings, "quarantine")
        rows = chosen(warehouse, args.reason, args.album)
        reasons = {r["reason"]: r["count"] for r in rows.groupBy("reason").count().collect()}
        _print(listed(rows, args.limit), args.format)
        result: dict[str, Any] = {"open": sum(reasons.values()), "reasons": reasons}
        if args.format == "table":
            lines = {"open": result["open"], **dict(sorted(reasons.items()))}
            arguments.summarise("quarantine", lines, result if args.json else None)
        return result
    if not (args.reason or args.album or args.all):
        raise SettingError(f"quarantine {args.what}: name --reason, --album or --all")
    run = Run("quarantine", settings)
    with opening.opened(run, args) as warehouse:
        warehouse.create(QUARANTINE)
        rows = chosen(warehouse, args.reason, args.album)
        now = datetime.datetime.now(datetime.UTC)
        if args.what == "retry":
            done = retry(warehouse, rows, settings)
        else:
            done = clear(warehouse, rows, args.note, now)
        run.counts.update(done)
    result = {**done, "output": warehouse.location, "run_id": run.run_id}
    arguments.summarise(f"quarantine {args.what}", result, result if args.json else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
