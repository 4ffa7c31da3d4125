"""Read a catalogue into the tables albums, covers and quarantine.

spark-submit jobs/scrape.py --source folder --covers FOLDER
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.runtime import arguments
from jobs.runtime.catalogue import opened
from jobs.runtime.runs import Run


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, write its tables, print a summary."""
    parser = arguments.parser("scrape", "Read a catalogue of covers into Delta tables.")
    parser.add_argument("--source", choices=["folder"], default="folder", help="kind of catalogue")
    args = parser.parse_args(argv)
    run = Run("scrape", arguments.settings(args))
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        pass
    result = {**run.counts, "output": warehouse.location, "run_id": run.run_id}
    arguments.summarise("scraped", result, result if args.json else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
