"""Command lines: what all jobs share, and how their errors are told."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from covergenre import config
from covergenre.environment import MismatchError
from covergenre.errors import CovergenreError
from jobs.runtime import logs


def parser(job: str, description: str, *, catalogue: bool = True) -> argparse.ArgumentParser:
    """A parser with the options of every job.

    Args:
        job, description: for the help.
        catalogue: whether the job reads one.
    """
    arguments = argparse.ArgumentParser(
        prog=job, description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    if catalogue:
        arguments.add_argument(
            "--covers",
            help="folder of images, Delta table or warehouse; default: catalogue.default",
        )
        arguments.add_argument(
            "--output", metavar="DIR", help="warehouse; default: named after the catalogue"
        )
        arguments.add_argument(
            "--csv", type=Path, help="CSV beside the images, if it is not the only one"
        )
    arguments.add_argument(
        "--config", type=Path, metavar="FILE", help="YAML with the settings that differ from conf/"
    )
    arguments.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, e.g. "
        "score.batch_size=64; may be given several times and wins over --config"
    )  # fmt: skip
    arguments.add_argument(
        "--json", action="store_true", help="print the summary as one line of JSON, last"
    )
    return arguments


def settings(arguments: argparse.Namespace) -> config.Settings:
    """The settings that ``--config`` and ``--set`` make; the job speaks as they say."""
    found = config.load(arguments.config, arguments.set)
    logs.configure(found.log.format)
    return found


def summarise(title: str, lines: dict[str, Any], machine: dict[str, Any] | None) -> None:
    """Print a summary for people, and with ``machine`` one line of JSON after it."""
    width = max(len(key) for key in lines)
    print(f"\n{title}")
    for key, value in lines.items():
        print(f"  {key:<{width}}  {value}")
    if machine is not None:
        print(json.dumps(machine))
    sys.stdout.flush()


def run(main: Callable[[Sequence[str] | None], Any], argv: Sequence[str] | None = None) -> None:
    """Run a job and exit: 0, or the code of an error told in one line."""
    try:
        main(argv)
    except CovergenreError as error:
        _fail(str(error), error.exit_code)
    except MismatchError as error:
        _fail(str(error), 3)
    except KeyboardInterrupt:
        _fail("interrupted; nothing half-written is visible, run it again", 130)
    sys.exit(0)


def _fail(text: str, code: int) -> None:
    logs.fail(text, exit_code=code)
    sys.exit(code)
