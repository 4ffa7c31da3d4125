"""Images a second of scoring, beside other ways to run the same models over the same covers.

    python benchmarks/throughput.py --covers FOLDER --images 2000 --rounds 3 \
        --only engine decode ours-bf16 guide

Contenders (:mod:`benchmarks.contenders`): engine, decode, keras, guide, ours, job, ray, daft. Those
with an engine take a precision: ``ours-bf16``, else each of --precisions; ``ours-tensorflow`` and
``job-tensorflow``, too. ``@MODEL`` runs one model only: ``guide@resnet101v2_c4_imagenet``.

Each runs in a process of its own, over covers that are all different files, one after the other and
in every round in the other direction. The covers of the folder are repeated as often as needed; the
copies differ in a JPEG comment. Prints a line of JSON a run, then a table as Markdown; ratios are
taken within a round. Ray Data and Daft are no dependencies of the project: they need an environment
of their own,

    python3.11 -m venv build/others
    build/others/bin/pip install -r benchmarks/requirements-others.txt

and are left out without it, unless --only names them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.backbones import contents
from benchmarks.contenders import covers, guide, models, process, results, warehouses
from benchmarks.contenders.engine import BATCHES
from benchmarks.contenders.models import Model
from benchmarks.contenders.task import Task
from covergenre.bundle import DEFAULT
from covergenre.config import load
from jobs.runtime.session import processor
from scraping.procedural import generate_catalogue

MODULES = {
    "engine": "engine",
    "decode": "decode",
    "keras": "keras_loop",
    "guide": "guide",
    "ours": "ours",
    "job": "job",
    "ray": "ray_data",
    "daft": "daft_frame",
}
_PRECISE = ("engine", "ours", "job", "ray", "daft")  # those that come in several precisions
_OTHERS = ("ray", "daft")  # those that need the other environment
_OURS = ("ours", "job")
_COVERS_READ = 20_000  # originals at most: they are kept in memory


@dataclass(frozen=True)
class Entry:
    """A contender with its model and precision; ``precision`` is empty where there is no choice."""

    contender: str
    precision: str
    model: Model


def entries(only: Sequence[str], precisions: Sequence[str], found: Sequence[Model]) -> list[Entry]:
    """What ``--only`` means.

    Raises:
        SystemExit: a name is not known.
    """
    chosen: dict[Entry, None] = {}
    for word in only:
        name, _, wanted = word.partition("@")
        contender, _, precision = name.partition("-")
        fitting = [model for model in found if wanted in ("", model.name)]
        if contender not in MODULES or not fitting or (precision and contender not in _PRECISE):
            names = ", ".join(model.name for model in found)
            sys.exit(f"{word} is no contender: {', '.join(MODULES)}, for the models {names}")
        several = [precision] if precision else precisions
        for model in fitting:
            for each in several if contender in _PRECISE else [""]:
                chosen[Entry(contender, each, model)] = None
    return list(chosen)


class Bench:
    """Prepared covers and models, and runs over them.

    Args:
        args: of the command line.
        scratch: folder for all that is written.
    """

    def __init__(self, args: argparse.Namespace, scratch: Path) -> None:
        self._args = args
        self._scratch = scratch
        self._runs = 0
        self.batch_size = args.batch_size or load().engine.batch_size
        self._write_covers()
        self.models: list[Model] = _apart(
            models.prepare,
            {path.name: path for path in args.model or ([] if args.backbone else [DEFAULT])},
            dict(_file(word) for word in args.backbone),
            args.classifier_alone,
            {self.batch_size, *(BATCHES if self._chosen("engine") else ())},
            scratch / "parquet" if self._int8() else None,
            scratch,
        )

    def _chosen(self, contender: str) -> bool:
        return any(word.startswith(contender) for word in self._args.only)

    def _int8(self) -> bool:
        precise = any("-" not in word for word in self._args.only)
        named = any("-int8" in word for word in self._args.only)
        return named or (precise and "int8" in self._args.precisions)

    def _write_covers(self) -> None:
        folder = Path(self._args.covers or self._scratch / "drawn")
        if self._args.covers is None:
            generate_catalogue(folder, albums=self._args.images, broken=0)
        count = min(self._args.images, _COVERS_READ)
        originals = covers.usable(contents(folder, count))
        covers.write_parquet(originals, self._args.images, self._scratch / "parquet")
        if self._chosen("job"):
            covers.write_parquet(originals, self._args.warm_up, self._scratch / "few")
            made = {"warehouse": "parquet", "warm-up": "few"}
            _apart(
                warehouses.write, {self._scratch / k: self._scratch / v for k, v in made.items()}
            )

    def run(self, entry: Entry) -> dict[str, Any]:
        """Run a contender; see :func:`benchmarks.contenders.process.run`."""
        self._runs += 1
        scratch = self._scratch / f"run-{self._runs}"
        scratch.mkdir()
        args, name = self._args, entry.contender
        task = Task(
            precision=entry.precision,
            bundle=str(Path(entry.model.bundle).resolve()),
            parquet=str(self._scratch / "parquet"),
            warehouse=str(scratch / "warehouse"),
            warm_up=str(scratch / "warm-up"),
            converted=entry.model.converted,
            images=args.images,
            batch_size=self.batch_size,
            cores=args.cores,
            seconds=args.seconds,
            scratch=str(scratch),
        )
        if name == "job":
            warehouses.copy(self._scratch / "warehouse", Path(task.warehouse))
            warehouses.copy(self._scratch / "warm-up", Path(task.warm_up))
        python = str(args.others.absolute()) if name in _OTHERS else sys.executable
        spark = dict(pair.split("=", 1) for pair in args.spark) if name in _OURS else {}
        settings = guide.SPARK if name == "guide" else spark
        found: dict[str, Any] = process.run(MODULES[name], task, python, settings, args.limit)
        shutil.rmtree(scratch, ignore_errors=True)
        done = found.get("scored", found.get("images", args.images))
        if "error" not in found and done != args.images:
            return {"error": f"{done} covers were scored, not {args.images}"}
        return found


def _file(word: str) -> tuple[str, tuple[str, int]]:
    """``FILE@SIZE`` of ``--backbone``: name, file, side of its input."""
    file, _, size = word.rpartition("@")
    return Path(file).stem, (file, int(size))


def _apart(work: Callable[..., Any], *args: Any) -> Any:
    """The result of a function in a process that is gone afterwards, with all its memory."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, *args).result()


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--covers", type=Path, help="folder of JPEGs; default: drawn ones")
    add("--images", type=int, default=2000)
    add("--rounds", type=int, default=3)
    add("--warm-up", type=int, default=2000, help="covers that job has scored before")
    add("--only", nargs="+", default=list(MODULES), metavar="CONTENDER")
    add("--precisions", nargs="+", default=["f32", "bf16"])
    add("--base", metavar="LABEL", help="as the table names it; default: the guide")
    add("--model", type=Path, action="append", metavar="BUNDLE", help="one or several")
    add("--backbone", action="append", default=[], metavar="FILE@SIZE",
        help="Keras file, made a bundle with a random head; one or several")  # fmt: skip
    add("--classifier-alone", action="store_true", help="each once more without its detector")
    add("--batch-size", type=int, help="of Ray Data and Daft; default: engine.batch_size")
    add("--cores", type=int, default=os.cpu_count() or 1)
    add("--spark", nargs="+", default=[], metavar="KEY=VALUE", help="settings for ours and job")
    add("--others", type=Path, default=Path("build/others/bin/python"), metavar="PYTHON",
        help="of the environment of Ray Data and Daft")  # fmt: skip
    add("--seconds", type=float, default=2.0, help="that decoder and each batch size are measured")
    add("--limit", type=float, default=3600, help="seconds a run may take")
    add("--scratch", type=Path, help="folder for covers and tables, on a disk")
    args = parser.parse_args(argv)
    needed = [word for word in args.only if word.startswith(_OTHERS)]
    if needed and not args.others.is_file():
        if args.only != list(MODULES):
            parser.error(f"{', '.join(needed)}: {args.others} is not there; see --help")
        print(f"left out: {', '.join(needed)} ({args.others} is not there)", file=sys.stderr)
        args.only = [word for word in args.only if word not in needed]
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, prepare, run the rounds, print a line of JSON a run and the table."""
    args = _parse(argv)
    # Told to end, it ends its contender and clears its folder, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found: list[results.Result] = []
    with tempfile.TemporaryDirectory(prefix="throughput-", dir=args.scratch) as scratch:
        bench = Bench(args, Path(scratch))
        chosen = entries(args.only, args.precisions, bench.models)
        about = {
            "processor": processor(), "cores": args.cores, "system": platform.platform(),
            "images": args.images, "rounds": args.rounds, "batch_size": bench.batch_size,
            "spark": args.spark,
        }  # fmt: skip
        print(json.dumps(about), flush=True)
        for number in range(args.rounds):
            for entry in chosen if number % 2 == 0 else reversed(chosen):
                run = {
                    "round": number,
                    "contender": entry.contender,
                    "precision": entry.precision,
                    "model": entry.model.name,
                    **bench.run(entry),
                }
                print(json.dumps(run), flush=True)
                found.append(run)
    guides = [results.label(run) for run in found if run["contender"] == "guide"]
    base = args.base or next(iter(guides), None)
    print("", *results.table(found, base, args.cores), sep="\n")


if __name__ == "__main__":
    main()
