"""Make pip's Spark ready: Delta's jars, this project's defaults, a launcher that finds it.

Under spark-submit the JVM runs before any Python, so ``spark.jars.packages`` set by a job comes too
late. With the jars in Spark's own folder a plain ``spark-submit jobs/score.py`` works, offline too.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyspark

from covergenre.environment import MismatchError, check_java, check_packages

# Maven organisation, module, version, sha256 of the jar.
JARS = (
    (
        "io.delta", "delta-spark_4.0_2.13", "4.4.0",
        "49e899667168b9412f83cbe894ce264107d7b896d6c5e12edca4e216845c1104",
    ),
    (
        "io.delta", "delta-storage", "4.4.0",
        "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
    ),
)  # fmt: skip
CONF = Path(__file__).resolve().parent.parent / "conf"
_FIND_SPARK_HOME = """\
#!/usr/bin/env bash
# Written by deploy/spark_home.py. The original asks whichever python3 is first on PATH, which is
# the wrong one when this environment is not activated.
if [ -z "${SPARK_HOME}" ]; then
  export SPARK_HOME="$(cd "$(dirname "${BASH_SOURCE[0]}")/@RELATIVE@" && pwd)"
fi
# One clear line before Spark's own long ones.
"$(dirname "${BASH_SOURCE[0]}")/python" -m covergenre.environment || exit 3
"""


def main() -> int:
    try:
        check_java()
        check_packages()
        home = Path(pyspark.__path__[0])
        for organisation, module, version, sha256 in JARS:
            install_jar(home / "jars", organisation, module, version, sha256)
        write_conf(home / "conf")
        write_launcher(Path(sys.prefix) / "bin", home)
    except MismatchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    return 0


def install_jar(folder: Path, organisation: str, module: str, version: str, sha256: str) -> None:
    """Put one jar into Spark's folder unless it is there, through the Ivy that Spark brings.

    Raises:
        MismatchError: it cannot be fetched, or is not the pinned file.
    """
    target = folder / f"{module}-{version}.jar"
    if not (target.exists() and _sha256(target) == sha256):
        with tempfile.TemporaryDirectory() as scratch:
            fetched = _fetch(folder, Path(scratch), organisation, module, version)
            if _sha256(fetched) != sha256:
                raise MismatchError(f"{target.name} is not the pinned file (its sha256 differs)")
            # Renamed into place whole, so that an interrupted set-up leaves no half jar.
            part = target.with_suffix(".part")
            shutil.copy(fetched, part)
            part.replace(target)
    for other in folder.glob(f"{module}-*.jar"):
        if other != target:  # two versions on the class path would be a lottery
            other.unlink()


def _fetch(folder: Path, scratch: Path, organisation: str, module: str, version: str) -> Path:
    command = [
        "java", "-cp", f"{folder}/*", "org.apache.ivy.Main", "-warn",
        "-cache", f"{scratch}/cache", "-notransitive", "-types", "jar",
        "-dependency", organisation, module, version,
        "-retrieve", f"{scratch}/[artifact]-[revision].[ext]",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    fetched = scratch / f"{module}-{version}.jar"
    if not fetched.exists():
        said = (done.stdout + done.stderr).strip().splitlines()
        raise MismatchError(
            f"{fetched.name} could not be fetched from Maven Central "
            f"({said[-1] if said else 'no answer'}): check the network and run `make env` again, "
            f"or put the file into {folder}"
        )
    return fetched


def write_conf(folder: Path) -> None:
    """Write Spark's defaults: this project's, and the Python of this environment."""
    folder.mkdir(exist_ok=True)
    lines = (
        (CONF / "spark-defaults.conf").read_text(),
        f"spark.pyspark.python {sys.executable}",
        f"spark.pyspark.driver.python {sys.executable}",
        # spark-sql's embedded metastore stays out of the folder people stand in.
        f'spark.driver.extraJavaOptions "-Dderby.system.home={sys.prefix}/derby"',
    )
    (folder / "spark-defaults.conf").write_text("\n".join(lines) + "\n")
    shutil.copy(CONF / "log4j2.properties", folder / "log4j2.properties")


def write_launcher(folder: Path, home: Path) -> None:
    """Let ``spark-submit`` and its siblings find their Spark whatever is on PATH."""
    launcher = folder / "find-spark-home"
    relative = home.relative_to(folder.parent)
    launcher.write_text(_FIND_SPARK_HOME.replace("@RELATIVE@", f"../{relative}"))
    launcher.chmod(0o755)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
