"""Images a second of backbones, decoding included: what a cover costs each night.

    python benchmarks/backbones.py --covers FOLDER efficientnet_lite2@224 FILE.keras@320 ...

Covers are read into memory, decoded and embedded in one process on all cores, a batch after the
other, by the function that embedding uses. Rounds alternate, after one of each that is not counted.
A trained head adds next to nothing. Machines and their neighbours differ: compare ratios, taken
within a round.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.embedding import loop, measure, summary
from covergenre import backbones
from covergenre.config import load
from jobs.runtime import session
from scraping.procedural import generate_catalogue


def contents(folder: Path, count: int) -> list[bytes]:
    """JPEG files of a folder and the folders in it, evenly spread over their names' order."""
    files = sorted(folder.rglob("*.jpg"))
    return [file.read_bytes() for file in files[:: max(1, len(files) // count)][:count]]


def arguments(description: str, images: int) -> argparse.ArgumentParser:
    """The options of a benchmark on covers; so many of them unless told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--covers", help="folder of images; default: drawn ones")
    parser.add_argument("--images", type=int, default=images, help="how many of them at most")
    parser.add_argument("--rounds", type=int, default=5)
    return parser


def covers_of(args: argparse.Namespace, scratch: str) -> list[bytes]:
    """The covers that the options name, drawn into a folder if they name none."""
    covers = Path(args.covers or f"{scratch}/covers")
    if args.covers is None:
        generate_catalogue(covers, albums=args.images, broken=0)
    return contents(covers, args.images)


def report(
    engines: dict[str, Callable[[], Any]], images: int, rounds: int, runtime: str = "tensorflow f32"
) -> None:
    """Measure engines against the first and print a table as Markdown."""
    rates = measure(engines, images, rounds)
    about = {
        "processor": session.processor(),
        "images": images,
        "rounds": rounds,
        "runtime": runtime,
    }
    print(json.dumps(about), *summary(rates, next(iter(engines))), sep="\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, draw covers if none are named, measure, print a table as Markdown."""
    parser = arguments(__doc__.splitlines()[0], 512)
    parser.add_argument("backbones", nargs="+", metavar="NAME@SIZE")
    args = parser.parse_args(argv)
    settings = load()
    with tempfile.TemporaryDirectory() as scratch:
        chosen = covers_of(args, scratch)
        engines: dict[str, Callable[[], Any]] = {}
        for spec in args.backbones:
            name, _, size = spec.rpartition("@")
            backbone = backbones.resolve(name, int(size)).saved(Path(scratch))
            engines[f"{backbone.name}@{size}"] = loop(chosen, backbone, settings)
        report(engines, len(chosen), args.rounds)


if __name__ == "__main__":
    main()
