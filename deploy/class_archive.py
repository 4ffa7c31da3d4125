"""An archive of the classes that scoring loads, so that Java starts with them read and verified.

It is Java's own (dynamic class data sharing, JEP 350), made at the end of a small run, for one Java
and one set of jars: where either has changed since, Java starts without it, slower and in silence.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

import pyspark

from deploy import spark_home
from scraping.procedural import generate_catalogue

_ALBUMS = 8


def main() -> int:
    """What ``make env`` does last; where it cannot be done jobs run as well, and start later."""
    archive = spark_home.class_archive(Path(sys.prefix))
    archive.unlink(missing_ok=True)
    if status := spark_home.main():
        return status
    with tempfile.TemporaryDirectory(dir=sys.prefix) as scratch:
        made = Path(scratch) / archive.name
        said = _record(made, Path(scratch))
        if not made.exists():
            print(f"warning: jobs start without archived classes: {said}", file=sys.stderr)
            return 0
        os.replace(made, archive)
    spark_home.write_conf(Path(pyspark.__path__[0]) / "conf", Path(sys.prefix))
    return 0


def _record(archive: Path, scratch: Path) -> str:
    """Score a few drawn covers; a run that fails leaves no archive.

    Returns:
        the last that was said of it.
    """
    generate_catalogue(scratch / "covers", albums=_ALBUMS)
    # Nothing runs long enough for Java's second compiler to pay.
    java = ("-XX:TieredStopAtLevel=1", f'"-XX:ArchiveClassesAtExit={archive}"', *spark_home.QUIET)
    done = subprocess.run(
        [
            f"{sys.prefix}/bin/spark-submit",
            "--driver-java-options", " ".join(java),
            "--driver-class-path", spark_home.class_path(),
            str(resources.files("jobs") / "score.py"),
            "--covers", str(scratch / "covers"), "--output", str(scratch / "warehouse"),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        archive.unlink(missing_ok=True)
    return (done.stdout.strip().splitlines() or ["no answer"])[-1]


if __name__ == "__main__":
    sys.exit(main())
