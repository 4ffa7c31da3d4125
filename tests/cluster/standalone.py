"""A standalone Spark cluster on loopback: master and workers as processes, and whom to kill."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pyspark

from tests.conftest import ROOT

SPARK = Path(pyspark.__path__[0])
_START_SECONDS, _STOP_SECONDS = 60.0, 10.0
_MASTER = re.compile(r"Starting Spark master at (spark://\S+)")
_REGISTERED = re.compile(r"Successfully registered with master")
# Says what the two patterns wait for, which the project's own settings leave out.
_LOG = """\
rootLogger.level = info
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
"""
# Many short queries over small tables: few tasks, no waiting for a place near their data, a
# compiler that does little, and in the executors such a collector of garbage. A driver keeps the
# one of its default options, which also name the archive of classes.
_QUICK = {
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.locality.wait": "0s",
    "spark.executor.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.ui.enabled": "false",
}


def submit_command(master: str, *words: str | Path) -> list[str]:
    """The command line of spark-submit for a job of a test.

    Args:
        master: ``spark://...`` or ``local[2]``.
        words: the job and its arguments; options of spark-submit before them.
    """
    options = [word for name, value in _QUICK.items() for word in ("--conf", f"{name}={value}")]
    submit = Path(sys.prefix) / "bin/spark-submit"
    return [str(word) for word in (submit, "--master", master, *options, *words)]


@dataclass
class Cluster:
    """A running master with its workers.

    Attributes:
        folder: of logs and of the executors' work.
        url: of the master, as ``--master`` takes it.
        master: its process.
        workers: theirs; executors are their children.
        drivers: what :meth:`submit` started.
    """

    folder: Path
    url: str = ""
    master: psutil.Popen | None = None
    workers: list[psutil.Popen] = field(default_factory=list)
    drivers: list[psutil.Popen] = field(default_factory=list)

    def submit(
        self, *words: str | Path, log: Path | None = None, environment: Mapping[str, str] = {}
    ) -> psutil.Popen:
        """Start spark-submit on this cluster and return its process, which is the driver's Java.

        Args:
            words: as :func:`submit_command` takes them.
            log: takes what it writes, standard error too; None: a new file of :attr:`folder`.
            environment: variables beside this process's own.
        """
        log = log or self.folder / f"driver-{len(self.drivers)}.log"
        self.drivers.append(_start(submit_command(self.url, *words), log, environment))
        return self.drivers[-1]

    def python_driver(self, driver: psutil.Popen) -> psutil.Process | None:
        """The Python that runs a submitted job; None before it starts and after it ended."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return next(iter(_named(driver.children(), ".py")), None)
        return None

    def executors(self) -> list[psutil.Process]:
        """The executors' Javas."""
        # Not their own children: what an executor starts has its command line for a moment.
        return _named(_descendants(self.workers, recursive=False), "CoarseGrainedExecutorBackend")

    def python_workers(self) -> list[psutil.Process]:
        """The Pythons that run UDFs: children of each executor's daemon."""
        daemons = _named(_descendants(self.executors()), "pyspark.daemon")
        forked = {daemon.pid for daemon in daemons}
        return [process for process in daemons if _parent(process) in forked]

    def add_worker(self, cores: int = 1, memory: str = "2g") -> psutil.Popen:
        """Start a further worker and wait until the master knows it."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = _daemon(
            self.folder, log, "worker.Worker", "--cores", str(cores), "--memory", memory,
            "--work-dir", str(self.folder / "work"), self.url,
        )  # fmt: skip
        self.workers.append(worker)
        _said(log, _REGISTERED, worker)
        return worker

    def stop(self) -> None:
        """End every process of this cluster, whatever state it is in."""
        roots = [*self.drivers, *self.workers, *filter(None, [self.master])]
        everyone = [*_descendants(roots), *roots]
        for process in everyone:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everyone, timeout=_STOP_SECONDS)


@contextlib.contextmanager
def running(
    folder: Path, workers: int = 2, cores: int = 1, memory: str = "2g"
) -> Iterator[Cluster]:
    """A cluster while the block lasts.

    Args:
        folder: for its logs and work.
        workers, cores, memory: how many workers, and what each has for executors.
    """
    conf = folder / "conf"
    conf.mkdir(parents=True)
    (conf / "log4j2.properties").write_text(_LOG)
    cluster = Cluster(folder)
    try:
        cluster.master = _daemon(folder, folder / "master.log", "master.Master")
        cluster.url = _said(folder / "master.log", _MASTER, cluster.master)[1]
        for _ in range(workers):
            cluster.add_worker(cores, memory)
        yield cluster
    finally:
        cluster.stop()


def _daemon(folder: Path, log: Path, name: str, *words: str) -> psutil.Popen:
    command = [
        str(SPARK / "bin/spark-class"), f"org.apache.spark.deploy.{name}",
        "--host", "127.0.0.1", "--port", "0", "--webui-port", "0", *words,
    ]  # fmt: skip
    places = {"SPARK_CONF_DIR": folder / "conf", "SPARK_LOCAL_DIRS": folder / "local"}
    variables = {name: str(place) for name, place in places.items()}
    return _start(command, log, {**variables, "SPARK_DAEMON_MEMORY": "256m"})


def _start(command: list[str], log: Path, environment: Mapping[str, str]) -> psutil.Popen:
    with log.open("ab") as out:
        return psutil.Popen(
            # Not even a test run that is killed leaves it behind.
            ["setpriv", "--pdeathsig", "KILL", "--", *command],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            env={**os.environ, "SPARK_HOME": str(SPARK), **environment},
        )  # fmt: skip


def _said(log: Path, pattern: re.Pattern[str], process: psutil.Popen) -> re.Match[str]:
    """Wait for a line of a log.

    Raises:
        RuntimeError: the process ended, or took too long; holds its log.
    """
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if found := pattern.search(log.read_text(errors="replace")):
            return found
        time.sleep(0.1)
    raise RuntimeError(f"{pattern.pattern} was not said:\n{log.read_text(errors='replace')}")


def _descendants(processes: list[psutil.Process], recursive: bool = True) -> list[psutil.Process]:
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += process.children(recursive=recursive)
    return found


def _named(processes: list[psutil.Process], word: str) -> list[psutil.Process]:
    """Those whose command line holds a word."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if any(word in part for part in process.cmdline()):
                found.append(process)
    return found


def _parent(process: psutil.Process) -> int | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.ppid()
    return None
