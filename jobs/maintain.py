"""Take care of a warehouse's tables: compact, clean up, restore a version, take down a cover.

spark-submit jobs/maintain.py --output DIR
spark-submit jobs/maintain.py --output DIR --restore albums 12
spark-submit jobs/maintain.py --output DIR --takedown COVER_ID cover.jpg --why "asked by the label"
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Sequence
from typing import Any

from covergenre.config import Settings
from covergenre.errors import SettingError
from jobs.runtime import arguments
from jobs.runtime.maintenance import erasing, opening, takedowns
from jobs.runtime.maintenance.care import care
from jobs.runtime.maintenance.restoring import restore
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse


def take_down(
    warehouse: Warehouse, cover_ids: Sequence[str], why: str | None, settings: Settings
) -> dict[str, int]:
    """Erase covers and refuse them from now on; see :func:`jobs.runtime.maintenance.erasing.erase`.

    Those of a run that was killed are finished, too.
    """
    now = datetime.datetime.now(datetime.UTC)
    if cover_ids:
        takedowns.request(warehouse, cover_ids, why, now)
    counts = erasing.erase(warehouse, takedowns.unfinished(warehouse), settings, now)
    takedowns.finish(warehouse, datetime.datetime.now(datetime.UTC))
    return {f"taken_down_{name}": count for name, count in counts.items()}


def maintain(warehouse: Warehouse, args: argparse.Namespace, settings: Settings) -> dict[str, int]:
    """Do what the arguments ask for; returns what was counted."""
    counts: dict[str, int] = {}
    if args.restore is not None:
        return restore(warehouse, *args.restore)
    if args.takedown or takedowns.unfinished(warehouse):
        counts = take_down(warehouse, args.takedown or [], args.why, settings)
    return counts if args.takedown else {**counts, **care(warehouse, settings)}


def _parser() -> argparse.ArgumentParser:
    parser = arguments.parser(
        "maintain", "Compact a warehouse's tables and delete what is no longer needed.",
        catalogue=False,
    )  # fmt: skip
    opening.add_arguments(parser)
    parser.add_argument(
        "--restore", nargs=2, metavar=("TABLE", "VERSION"),
        help="only bring a table back to an earlier version, or to a time (UTC, 2026-01-31T04:00)",
    )  # fmt: skip
    parser.add_argument(
        "--takedown", nargs="+", metavar="COVER", type=takedowns.identify,
        help="only erase covers, named by their sha256 or by a file, and refuse them from now on",
    )  # fmt: skip
    parser.add_argument("--why", metavar="TEXT", help="of a takedown, kept in the table takedowns")
    return parser


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, take care, print a summary."""
    args = _parser().parse_args(argv)
    settings = arguments.settings(args)
    if args.restore is not None and args.takedown:
        raise SettingError("--restore and --takedown: one at a time")
    run = Run("maintain", settings)
    with opening.opened(run, args) as warehouse:
        run.counts.update(maintain(warehouse, args, settings))
    result = {**run.counts, "output": warehouse.location, "run_id": run.run_id}
    lines = {name.replace("_", " "): value for name, value in result.items()}
    arguments.summarise("maintained", lines, result if args.json else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
