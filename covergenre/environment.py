"""Whether Python, Java and the packages installed here can work together.

Importable by any Python 3 without packages, so that ``make`` can ask before anything is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata

PYTHON = (3, 11)
JAVA_MAJORS = (17, 21)
FIX = "run `make env` to install the locked set"

# (package, versions that work, why): DELTA_JAR below goes with delta-spark.
REQUIREMENTS: list[tuple[str, str, str]] = [
    ("pyspark", "~=4.0.5", "delta-spark 4.4 has jars for Spark 4.0"),
    ("delta-spark", "==4.4.0", "the jars in Spark's folder are those of 4.4.0"),
    ("pyarrow", ">=11,<15", "petastorm needs pyarrow's legacy dataset, gone from 15"),
    ("numpy", ">=1.26,<2", "petastorm and pyarrow 14 break on numpy 2"),
    ("pandas", ">=2,<3", "Spark 4.0 does not support pandas 3"),
    ("petastorm", ">=0.13.1", "earlier ones fail on Spark 4"),
    ("setuptools", "<70", "petastorm needs pkg_resources"),
]


class MismatchError(Exception):
    """A part of the environment cannot work; the text names the fix in one line."""


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:2])) -> None:
    """Raise MismatchError unless this is the Python that every locked wheel is made for."""
    if tuple(version[:2]) != PYTHON:
        raise MismatchError(
            "Python %d.%d is running, 3.11 is needed (TensorFlow, pyarrow 14 and petastorm meet "
            "there only): install Python 3.11 and run `make env PYTHON=/path/to/python3.11`"
            % tuple(version[:2])
        )


def check_java() -> None:
    """Raise MismatchError unless a Java that Spark 4.0 runs on is found as Spark would find it."""
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else "java"
    fix = "install Java 17 (Debian: openjdk-17-jre-headless) and put it on PATH or in JAVA_HOME"
    if shutil.which(java) is None:
        raise MismatchError("Java was not found as %s: %s" % (java, fix))
    printed = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    match = re.search(r'version "(?:1\.)?(\d+)', printed.stderr + printed.stdout)
    if not match or int(match.group(1)) not in JAVA_MAJORS:
        found = match.group(1) if match else "of an unknown version"
        raise MismatchError("%s is Java %s, Spark 4.0 needs 17 or 21: %s" % (java, found, fix))


def check_packages() -> None:
    """Raise MismatchError naming the first package whose version cannot work."""
    from packaging.specifiers import SpecifierSet

    for package, versions, why in REQUIREMENTS:
        try:
            found = metadata.version(package)
        except metadata.PackageNotFoundError:
            raise MismatchError("%s is not installed: %s" % (package, FIX)) from None
        if found not in SpecifierSet(versions):
            raise MismatchError(
                "%s %s is installed, %s%s is needed (%s): %s"
                % (package, found, package, versions, why, FIX)
            )


def main() -> int:
    """What ``make env`` asks first: Python and Java."""
    try:
        check_python()
        check_java()
    except MismatchError as error:
        print("error: %s" % error, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
