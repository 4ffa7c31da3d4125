"""The console script ``covergenre``: an installed job, through the spark-submit of pip's pyspark.

covergenre score --covers FOLDER
covergenre --master spark://host:7077 score --covers FOLDER      options before the verb are Spark's
"""

from __future__ import annotations

import ast
import difflib
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import jobs
from covergenre.environment import MismatchError, check_java, check_packages, check_python
from deploy import spark_home

# Jobs that never build a session: no Java is started for them.
_WITHOUT_SPARK = frozenset({"explain", "promote"})
_HELP = frozenset({"-h", "--help"})


def main(argv: Sequence[str] | None = None) -> int:
    """Become the job that a command line names; returns only where there is none to run."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in _HELP:
        print(_usage(), end="")
        return 0
    if words[0] == "--version":
        print(f"covergenre {metadata.version('covergenre')}")
        return 0
    known = verbs()
    place = next((at for at, word in enumerate(words) if word in known), None)
    if place is None or (place > 0 and not words[0].startswith("-")):
        print(f"error: {_unknown(words, known)}", file=sys.stderr)
        return 2
    try:
        _become(words[:place], words[place], words[place + 1 :])
    except MismatchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3


def verbs() -> dict[str, Path]:
    """The file of each job, by its verb."""
    found = {}
    for folder in jobs.__path__:
        for module in pkgutil.iter_modules([folder]):
            if not module.ispkg:
                found[module.name] = Path(folder) / f"{module.name}.py"
    return found


def _become(spark_options: list[str], verb: str, arguments: list[str]) -> NoReturn:
    """Replace this process by the job's, so that signals and its exit code need nobody between.

    Raises:
        MismatchError: this environment cannot run it; says the fix.
    """
    file = str(verbs()[verb])
    check_python()
    check_packages()
    if verb in _WITHOUT_SPARK or _HELP & set(arguments):
        os.execv(sys.executable, [sys.executable, file, *arguments])
    check_java()
    environment = {**os.environ, **spark_home.prepare()}
    submit = str(Path(environment["SPARK_HOME"]) / "bin/spark-submit")
    os.execve(submit, [submit, *spark_options, file, *arguments], environment)


def _usage() -> str:
    width = max(map(len, known := verbs()))
    lines = (f"  {verb:<{width}}  {_about(file)}" for verb, file in known.items())
    return (
        "usage: covergenre [spark-submit's options] VERB [arguments]\n"
        "       covergenre VERB --help | --version\n\n" + "\n".join(lines) + "\n"
    )


def _about(file: Path) -> str:
    """The first line of a job's documentation; importing them all would take seconds."""
    documentation = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return documentation.partition("\n")[0]


def _unknown(words: Sequence[str], known: dict[str, Path]) -> str:
    near = difflib.get_close_matches(words[0], known, n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{words[0]} is no verb: {hint}there are {', '.join(sorted(known))}"


if __name__ == "__main__":
    sys.exit(main())
