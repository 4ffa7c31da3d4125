"""One page that shows a warehouse's results: charts, galleries, a table of all predictions.

spark-submit jobs/report.py --covers FOLDER
spark-submit jobs/report.py --output WAREHOUSE --report results.html
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from covergenre.errors import OutputError
from covergenre.report import page
from jobs.runtime import arguments
from jobs.runtime.maintenance import opening
from jobs.runtime.progress import shown
from jobs.runtime.reporting import read
from jobs.runtime.warehouse import Warehouse

FOLDER, FILE = "report", "REPORT.html"


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the warehouse, write the page, print a summary."""
    parser = arguments.parser(
        "report", "One page that shows a catalogue's results.", catalogue=False
    )
    opening.add_arguments(parser)
    parser.add_argument(
        "--model-version", metavar="VERSION",
        help="whose predictions are shown; default: the model of the last run that scored",
    )  # fmt: skip
    parser.add_argument(
        "--report", type=Path, metavar="FILE",
        help=f"the page; default: {FOLDER}/{FILE} in the warehouse",
    )  # fmt: skip
    args = parser.parse_args(argv)
    settings = arguments.settings(args)
    # A reader: a job that writes meanwhile is not waited for, nor does it wait.
    warehouse = opening.warehouse(args, settings, "report")
    file = _file(args.report, warehouse)
    with shown(warehouse.spark, "reading results"):
        contents = read(warehouse, settings, args.model_version)
    written = page.write(file, contents, settings.report.max_bytes)
    result = {
        "model_version": contents.about.model_version,
        "scored": contents.scored,
        **written,
        "report": str(file),
    }
    lines = {
        "model": contents.about.model_version or "none: no album is scored",
        "predictions": f"{contents.scored}, {written['rows']} in the table",
        "page": f"{written['bytes'] / 1e6:.1f} MB, opens from the disk in any browser",
        "report": file,
    }
    arguments.summarise("report", lines, result if args.json else None)
    return result


def _file(named: Path | None, warehouse: Warehouse) -> Path:
    if named is None and not warehouse.local:
        raise OutputError(
            f"{warehouse.location} is no local folder: name a file for the page, --report FILE"
        )
    file = named or Path(warehouse.path(FOLDER)) / FILE
    if file.is_dir():
        raise OutputError(f"--report {file} is a folder: name a file, e.g. {file / FILE}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"--report {file} cannot be made: {error.strerror}") from error
    return file


if __name__ == "__main__":
    arguments.run(main)
