"""Open a warehouse that is there, as it is: nothing is read into it."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator

from covergenre import config
from covergenre.errors import CatalogueError
from jobs.runtime import catalogue, session
from jobs.runtime.runs import Run, recorded
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that name a warehouse."""
    parser.add_argument(
        "--covers", help="the catalogue whose warehouse it is; default: catalogue.default"
    )
    parser.add_argument(
        "--output", metavar="DIR", help="the warehouse; default: named after the catalogue"
    )


def warehouse(arguments: argparse.Namespace, settings: config.Settings, job: str) -> Warehouse:
    """The warehouse that the arguments mean.

    Raises:
        CatalogueError: there is none.
    """
    location = arguments.output
    if location is None:
        location = catalogue.locate(arguments.covers, None, settings)[1]
    found = Warehouse(session.build(job), location)
    if not found.exists(ALBUMS):
        raise CatalogueError(f"{found.location} holds no albums: name a warehouse with --output")
    return found


@contextlib.contextmanager
def opened(run: Run, arguments: argparse.Namespace) -> Iterator[Warehouse]:
    """That warehouse, held for writing, the run recorded when the block ends.

    Raises:
        CatalogueError: there is none.
        LockedError: another job writes to it.
    """
    found = warehouse(arguments, run.settings, run.job)
    # As it is: whose catalogue it holds stays as it was noted.
    with found.writing(found.location, run.settings.warehouse), recorded(run, found):
        yield found
