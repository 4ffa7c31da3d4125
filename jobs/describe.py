"""Say what covers look like and what is on them: tables appearance and concepts.

spark-submit jobs/describe.py --covers FOLDER
spark-submit jobs/describe.py --covers FOLDER --only concepts --set concepts.tagger=clarifai
spark-submit jobs/describe.py --covers FOLDER --clarifai-csv PUBLISHED
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from covergenre.appearance import version
from jobs.runtime import arguments
from jobs.runtime.catalogue import opened
from jobs.runtime.describing.appearance import describe_appearance, palette
from jobs.runtime.describing.concepts import Source, chosen, describe_concepts, frequent
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import APPEARANCE, CONCEPTS

_SHOWN = 8


def _appearance(warehouse: Warehouse, run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """Describe; returns lines for people, and the same for machines."""
    start = time.perf_counter()
    counts = describe_appearance(warehouse, run.settings, run.started_at)
    seconds = time.perf_counter() - start
    run.counts.update(counts)
    current = version(run.settings.describe.colours)
    lines = {
        "described now": _speed(counts["described"], seconds),
        "unusable": counts["unusable"],
        "mostly": palette(warehouse, run.settings) or "-",
        "version": current,
        "appearance": f"{warehouse.path(APPEARANCE.name)} (Delta)",
    }
    return lines, {**counts, "version": current}


def _concepts(
    warehouse: Warehouse, run: Run, source: Source
) -> tuple[dict[str, Any], dict[str, Any]]:
    """As above."""
    start = time.perf_counter()
    said = describe_concepts(warehouse, run.settings, source, run.started_at)
    seconds = time.perf_counter() - start
    run.counts.update(tagged=said.described, untagged=said.failed + said.left)
    most = frequent(warehouse, said.tagger, _SHOWN)
    published = isinstance(source, list)
    left = f"{said.left} not published" if published else f"{said.left} more next run"
    lines = {
        "tagger": said.tagger,
        "tagged now": _speed(said.described, seconds),
        "without concepts": f"{said.failed}, {left}" if said.left else said.failed,
        "most often": ", ".join(f"{name} {share:.0%}" for name, share in most.items()) or "-",
        "concepts": f"{warehouse.path(CONCEPTS.name)} (Delta)",
    }
    machine = {
        "tagger": said.tagger, "tagged": said.described, "failed": said.failed, "left": said.left,
        "most_often": most,
    }  # fmt: skip
    return lines, machine


def _speed(covers: int, seconds: float) -> str:
    return f"{covers} in {seconds:.1f} s"


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Parse, read the catalogue, describe its covers, print a summary."""
    parser = arguments.parser(
        "describe", "Measure colour and composition of a catalogue's covers, and name what is on "
        "them."
    )  # fmt: skip
    parser.add_argument("--only", choices=("appearance", "concepts"), help="default: both")
    parser.add_argument(
        "--clarifai-csv", type=Path, metavar="FOLDER",
        help="take concepts from CSVs as the study published them (rap.csv: a row imageN.jpg is "
        "the cover rap/0_N.jpg), instead of concepts.tagger",
    )  # fmt: skip
    args = parser.parse_args(argv)
    if args.only == "appearance" and args.clarifai_csv is not None:
        parser.error("--clarifai-csv holds concepts: leave --only appearance out")
    run = Run("describe", arguments.settings(args))
    source = None if args.only == "appearance" else chosen(run.settings, args.clarifai_csv)
    lines: dict[str, Any] = {}
    result: dict[str, Any] = {}
    with opened(run, args.covers, args.output, args.csv) as warehouse:
        start = time.perf_counter()
        if args.only != "concepts":
            said, machine = _appearance(warehouse, run)
            lines |= said
            result |= machine
        if source is not None:
            said, machine = _concepts(warehouse, run, source)
            lines |= said
            result["concepts"] = machine
        seconds = time.perf_counter() - start
        done = max(run.counts.get("described", 0), run.counts.get("tagged", 0))
        if done:
            run.images_per_second = round(done / seconds, 2)
    covers = run.counts["covers"]
    result = {
        **result,
        "covers": covers,
        "images_per_second": run.images_per_second,
        "output": warehouse.location,
        "run_id": run.run_id,
    }
    lines = {"covers": covers, **lines, "run": run.run_id}
    arguments.summarise("described", lines, result if args.json else None)
    return result


if __name__ == "__main__":
    arguments.run(main)
