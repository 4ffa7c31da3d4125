"""Read a catalogue into the tables albums, covers and quarantine.

spark-submit jobs/scrape.py --source folder --covers FOLDER
spark-submit jobs/scrape.py --source musicbrainz --set scrape.contact=you@example.org
spark-submit jobs/scrape.py --source allmusic --set scrape.contact=you@example.org \
    --set scrape.allmusic.terms_accepted=true
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from covergenre.errors import SettingError
from jobs.runtime import arguments
from jobs.runtime.catalogue import opened
from jobs.runtime.crawling import SOURCES, crawl
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse


def _parser() -> argparse.ArgumentParser:
    parser = arguments.parser("scrape", "Read a catalogue of covers into Delta tables.")
    parser.add_argument(
        "--source", choices=["folder", *SOURCES], default="folder", help="kind of catalogue"
    )
    parser.add_argument(
        "--refresh",
        action="store_true",
        help="read every search of a remote source again, ask for every cover if it has changed",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, write its tables, print a summary."""
    args = _parser().parse_args(argv)
    run = Run("scrape", arguments.settings(args))
    warehouse = _scrape(run, args)
    result = {**run.counts, "output": warehouse.location, "run_id": run.run_id}
    arguments.summarise("scraped", result, result if args.json else None)
    return result


def _scrape(run: Run, args: argparse.Namespace) -> Warehouse:
    if args.source in SOURCES:
        if args.covers or args.csv:
            raise SettingError(f"--source {args.source} takes no --covers or --csv")
        return crawl(run, args.source, args.output, args.refresh)
    if args.refresh:
        raise SettingError("--refresh is for remote sources: a folder is looked at each time")
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        return warehouse


if __name__ == "__main__":
    arguments.run(main)
