"""Make pip's Spark ready: Delta's jars, this project's defaults, a launcher that finds it.

Under spark-submit the JVM runs before any Python, so ``spark.jars.packages`` set by a job comes too
late. With the jars in Spark's own folder a plain ``spark-submit jobs/score.py`` works, offline too.
Where that folder cannot be written, all of it lies in the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import pyspark

from covergenre import user_cache
from covergenre.environment import MismatchError, check_java, check_packages


class Jar(NamedTuple):
    """A file of Maven Central, by its digest."""

    organisation: str
    module: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.module}-{self.version}.jar"

    def is_in(self, folder: Path) -> bool:
        """Whether it is there, and is the pinned file."""
        path = folder / self.name
        return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256


JARS = (
    Jar(
        "io.delta", "delta-spark_4.0_2.13", "4.4.0",
        "49e899667168b9412f83cbe894ce264107d7b896d6c5e12edca4e216845c1104",
    ),
    Jar(
        "io.delta", "delta-storage", "4.4.0",
        "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
    ),
)  # fmt: skip
# An archive of classes that does not fit is no news for those who run a job.
QUIET = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")
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
    """Spark's own folder is made ready, for ``make env``; returns an exit code."""
    try:
        check_java()
        check_packages()
        _set_up(Path(pyspark.__path__[0]))
    except MismatchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    return 0


def prepare() -> dict[str, str]:
    """Make pip's Spark ready unless it is.

    Spark's own folder is used where it belongs to this environment and can be written, or has been
    by somebody who can; else the user's cache. A ``SPARK_HOME`` in the environment is somebody
    else's Spark, prepared by them, and is used as it is.

    Returns:
        environment variables that ``spark-submit`` is to run with.

    Raises:
        MismatchError: a jar cannot be fetched, or is not the pinned file.
    """
    if os.environ.get("SPARK_HOME"):
        return {}
    home = Path(pyspark.__path__[0])
    variables = {"SPARK_HOME": str(home)}
    own = home.is_relative_to(sys.prefix)
    if own and all(os.access(place, os.W_OK) for place in (home, home / "jars")):
        _set_up(home)
    elif not (own and _is_ready(home)) and "SPARK_CONF_DIR" not in os.environ:
        variables["SPARK_CONF_DIR"] = str(_set_up_cache(home))
    return variables


def _set_up(home: Path) -> None:
    for jar in JARS:
        install_jar(jar, home / "jars", home / "jars")
    write_conf(home / "conf", Path(sys.prefix))
    scripts = Path(sys.prefix) / "bin"
    if (scripts / "find-spark-home").exists():  # pip puts them elsewhere outside an environment
        write_launcher(scripts, home)


def _is_ready(home: Path) -> bool:
    own = _conf_files(Path(sys.prefix), ())
    return all(jar.is_in(home / "jars") for jar in JARS) and all(
        _is_written(home / "conf" / name, text) for name, text in own.items()
    )


def _set_up_cache(home: Path) -> Path:
    """The folder of Spark's settings in the user's cache; each environment has its own."""
    cache, missing = user_cache.folder("spark"), []
    for jar in JARS:
        if not jar.is_in(home / "jars"):
            missing.append(install_jar(jar, cache / "jars", home / "jars"))
    state = cache / hashlib.sha256(sys.prefix.encode()).hexdigest()[:16]
    write_conf(state / "conf", state, missing)
    return state / "conf"


def install_jar(jar: Jar, folder: Path, spark_jars: Path) -> Path:
    """Put a jar into a folder unless it is there, through the Ivy that Spark brings.

    Args:
        jar: which.
        folder: made if it is not there.
        spark_jars: Spark's own jars, Ivy among them.

    Returns:
        where the jar is.

    Raises:
        MismatchError: it cannot be fetched, or is not the pinned file.
    """
    target = folder / jar.name
    if not jar.is_in(folder):
        with tempfile.TemporaryDirectory() as scratch:
            _fetch(jar, Path(scratch), folder, spark_jars)
            if not jar.is_in(Path(scratch)):
                raise MismatchError(f"{jar.name} is not the pinned file (its sha256 differs)")
            _put(target, (Path(scratch) / jar.name).read_bytes())
    for other in folder.glob(f"{jar.module}-*.jar"):
        if other != target:  # two versions on the class path would be a lottery
            other.unlink()
    return target


def _fetch(jar: Jar, scratch: Path, folder: Path, spark_jars: Path) -> None:
    command = [
        "java", "-cp", f"{spark_jars}/*", "org.apache.ivy.Main", "-warn",
        "-cache", f"{scratch}/cache", "-notransitive", "-types", "jar",
        "-dependency", jar.organisation, jar.module, jar.version,
        "-retrieve", f"{scratch}/[artifact]-[revision].[ext]",
    ]  # fmt: skip
    if os.environ.get("JAVA_HOME"):
        command[0] = f"{os.environ['JAVA_HOME']}/bin/java"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not (scratch / jar.name).exists():
        said = (done.stdout + done.stderr).strip().splitlines()
        raise MismatchError(
            f"{jar.name} could not be fetched from Maven Central "
            f"({said[-1] if said else 'no answer'}): check the network and try again, "
            f"or put the file into {folder}"
        )


def write_conf(folder: Path, state: Path, jars: Sequence[Path] = ()) -> None:
    """Write Spark's defaults and what it logs, unless they are written: what was changed by hand
    since stays until the project's own change.

    Args:
        folder: of Spark's settings.
        state: where spark-sql's embedded metastore may lie.
        jars: that Spark's own folder lacks.
    """
    for name, text in _conf_files(state, jars).items():
        if not _is_written(folder / name, text):
            _put(folder / name, f"{_stamp(text)}\n{text}".encode())


def class_archive(state: Path) -> Path:
    """Where an environment's archive of Java's classes lies, if it has one."""
    return state / "classes.jsa"


def class_path() -> str:
    """Spark's jars, for ``spark.driver.extraClassPath``.

    Spark itself would name its folder of settings before them, and Java archives nothing that comes
    after a folder. The rest is Spark's order: the slf4j that it pins before all.
    """
    jars = Path(pyspark.__path__[0]) / "jars"
    return ":".join(map(str, (*sorted(jars.glob("slf4j-api-*.jar")), jars / "*")))


def _conf_files(state: Path, jars: Sequence[Path]) -> dict[str, str]:
    conf = resources.files("conf")
    # Large arrays of short queries start one concurrent collection of G1's after the other. And
    # spark-sql's embedded metastore stays out of the folder people stand in.
    options = ["-XX:+UseParallelGC", f'"-Dderby.system.home={state}/derby"']
    lines = [
        conf.joinpath("spark-defaults.conf").read_text("utf-8"),
        f"spark.pyspark.python {sys.executable}",
        f"spark.pyspark.driver.python {sys.executable}",
    ]
    if (archive := class_archive(state)).exists():
        options += [f'"-XX:SharedArchiveFile={archive}"', *QUIET]
        lines.append(f"spark.driver.extraClassPath {class_path()}")
    lines.append(f"spark.driver.defaultJavaOptions {' '.join(options)}")
    if jars:
        lines.append(f"spark.jars {','.join(map(str, jars))}")
    log = conf.joinpath("log4j2.properties").read_text("utf-8")
    return {"spark-defaults.conf": "\n".join(lines) + "\n", "log4j2.properties": log}


def _stamp(text: str) -> str:
    return f"# Written by covergenre: {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _is_written(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8").startswith(_stamp(text))


def write_launcher(folder: Path, home: Path) -> None:
    """Let ``spark-submit`` and its siblings find their Spark whatever is on PATH."""
    relative = home.relative_to(folder.parent)
    text = _FIND_SPARK_HOME.replace("@RELATIVE@", f"../{relative}").encode()
    launcher = folder / "find-spark-home"
    if not launcher.exists() or launcher.read_bytes() != text:
        _put(launcher, text, 0o755)


def _put(target: Path, content: bytes, mode: int = 0o644) -> None:
    """Rename into place whole: a set-up that is interrupted, or two at once, leave no half file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".part", delete=False) as part:
        part.write(content)
    os.chmod(part.name, mode)
    os.replace(part.name, target)
