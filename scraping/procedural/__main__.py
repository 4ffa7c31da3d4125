"""Command line of the drawn catalogue: ``python -m scraping.procedural FOLDER``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scraping.procedural.catalogue import generate_catalogue


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scraping.procedural",
        description="Draw a catalogue of album covers of five genres, with a list of the albums.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where to write; must be empty or not exist")
    parser.add_argument("--albums", type=int, default=400, help="number of sound covers")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same bytes")
    parser.add_argument("--broken", type=int, default=3, help="number of broken files added")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 after telling what was wrong with the request."""
    options = _parser().parse_args(arguments)
    try:
        generate_catalogue(options.folder, options.albums, options.seed, broken=options.broken)
    except (FileExistsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    size = sum(file.stat().st_size for file in options.folder.rglob("*") if file.is_file())
    print(
        f"{options.folder}: {options.albums} covers and {options.broken} broken files, "
        f"{size / 1e6:.1f} MB"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
