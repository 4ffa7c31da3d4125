"""Tables and plots of what is on covers and what they look like, per genre and year.

spark-submit jobs/analyse.py --covers FOLDER
spark-submit jobs/analyse.py --covers WAREHOUSE --tagger clarifai-csv:0a1b2c3d4e5f --report DIR
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from covergenre.concepts.clarifai_csv import read_folder
from covergenre.concepts.counts import ConceptCounts, of_published
from covergenre.config import Settings
from covergenre.errors import CatalogueError, OutputError
from jobs.prepare import prepare
from jobs.runtime import arguments
from jobs.runtime.analysis import report
from jobs.runtime.analysis.covers import choose_tagger
from jobs.runtime.analysis.tables import Analysis, analyse
from jobs.runtime.catalogue import opened
from jobs.runtime.progress import shown
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS


def published_counts(folder: Path | None, settings: Settings) -> ConceptCounts | None:
    """Counts of published concepts, genres under the names that models use.

    Raises:
        ConceptsError: a file is not as it should be.
    """
    if folder is None:
        return None
    published = read_folder(folder)
    names = {one.genre: settings.catalogue.genre(one.genre) or one.genre for one in published}
    return of_published(published, names)


def look(warehouse: Warehouse, run: Run, asked: str | None, keep_duplicates: bool) -> Analysis:
    """Analyse a warehouse, and say what was not there to be looked at.

    Args:
        warehouse: with albums and covers; splits are written unless duplicates are kept.
        run: its counts are filled in.
        asked: the tagger; None for the only one there.
        keep_duplicates: whether near-duplicates count, too.

    Raises:
        TaggerError: see :func:`jobs.runtime.analysis.covers.choose_tagger`.
        CatalogueError: nothing is known of the covers, or no cover has a genre.
    """
    tagger = choose_tagger(warehouse, asked)
    if not keep_duplicates:
        run.counts.update(prepare(warehouse, run.settings))
    with shown(warehouse.spark, "analysing"):
        found = analyse(warehouse, run.settings, tagger, keep_duplicates)
    if found.covers.empty:
        raise CatalogueError(f"no cover in {warehouse.location} has a genre: there is no table")
    if found.concepts is None and found.appearance is None:
        raise CatalogueError(
            f"nothing is known of the covers in {warehouse.location}: run describe first"
        )
    found.remarks += _remarks(warehouse, found, keep_duplicates)
    run.counts.update(analysed=int(found.covers.sum()), dated=found.dated)
    return found


def _remarks(warehouse: Warehouse, found: Analysis, keep_duplicates: bool) -> list[str]:
    albums = warehouse.read(ALBUMS).where("cover_id IS NOT NULL")
    without = albums.where("genre IS NULL").count()
    remarks = [
        "near-duplicates are counted, too: tests take covers as independent and find too much"
        if keep_duplicates
        else "of near-duplicates one counts"
    ]
    if without:
        remarks.append(f"{without} albums have no genre and are left out")
    if found.concepts is None:
        remarks.append("no concepts are known of these covers: describe them with a tagger")
    if found.appearance is None:
        remarks.append("colour and composition are not measured: run describe")
    known = {}
    if found.concepts is not None:
        known["concepts"] = found.concepts.counts.covers
    if found.appearance is not None:
        known["colour and composition"] = found.appearance.covers
    for part, counts in known.items():
        if missing := int(found.covers.sum() - counts.sum()):
            remarks.append(f"of {missing} covers {part} are not known: they are left out there")
    return remarks


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, look at it, write the report, print a summary."""
    parser = arguments.parser("analyse", "Tables and plots of a catalogue per genre and year.")
    parser.add_argument("--tagger", metavar="NAME", help="of the concepts; default: the only one")
    parser.add_argument(
        "--keep-duplicates", action="store_true", help="count every one of near-duplicate covers"
    )
    parser.add_argument(
        "--published", type=Path, metavar="DIR",
        help="Clarifai CSVs as published: a table of their counts beside the catalogue's",
    )  # fmt: skip
    parser.add_argument(
        "--report", type=Path, metavar="DIR",
        help="folder for the report; default: analysis in the warehouse",
    )  # fmt: skip
    args = parser.parse_args(argv)
    run = Run("analyse", arguments.settings(args))
    published = published_counts(args.published, run.settings)
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        folder = _folder(args.report, warehouse)
        found = look(warehouse, run, args.tagger, args.keep_duplicates)
        told = {
            "run_id": run.run_id,
            "analysed_at": run.started_at.isoformat(timespec="seconds"),
            "source": warehouse.location,
        }
        figures = report.write(folder, found, published, run.settings, told)
    lines, result = _summary(found, figures, folder)
    arguments.summarise("analysed", lines, result if args.json else None)
    return result


def _folder(named: Path | None, warehouse: Warehouse) -> Path:
    if named is None and not warehouse.local:
        raise OutputError(
            f"{warehouse.location} is no local folder: name one for the report, --report DIR"
        )
    folder = named or Path(warehouse.path("analysis"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"--report {folder} cannot be made: {error.strerror}") from error
    return folder


def _summary(
    found: Analysis, figures: dict[str, Any], folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Lines for people, values for machines."""
    concepts, appearance = found.concepts, found.appearance
    lines: dict[str, Any] = {
        "covers": f"{int(found.covers.sum())} of {len(found.covers)} genres",
        "with a year": f"{found.dated} in {len(found.periods)} periods",
        "tagger": concepts.tagger if concepts else "-",
    }
    result = {
        "run_id": figures["run_id"],
        "covers": int(found.covers.sum()),
        "genres": len(found.covers),
        "dated": found.dated,
        "tagger": figures["tagger"],
        "remarks": found.remarks,
        "report": str(folder),
    }
    if concepts:
        result["concepts"] = len(concepts.counts.seen)
        result["frequent"] = len(concepts.frequent)
        result["significant"] = int(concepts.contrasts["significant"].sum())
        lines["concepts"] = f"{result['concepts']}, {result['frequent']} frequent"
        lines["significant"] = f"{result['significant']} pairs of genre and concept"
    if appearance:
        most = list(appearance.overall.index[:3])
        lines["told apart most by"] = ", ".join(name.replace("_", " ") for name in most)
    lines["report"] = folder / report.REPORT
    return lines, result


if __name__ == "__main__":
    arguments.run(main)
