"""The Spark session and the catalogues that tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from covergenre import config
from covergenre.bundle import Bundle
from covergenre.detector.stored import DetectorPart
from tests.bundles import write_random
from tests.nights import FirstNight, Night

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


# Thousands of short queries: what Java's second compiler makes faster is not run again, a quarter
# less of the processor. One compiler alone would have room for 48 MB of code: a session of many
# tests needs more. The drivers that tests start are as short.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=512m"


@pytest.fixture(scope="session", autouse=True)
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Networks that tests convert are kept apart from the user's, and shared by workers."""
    root = tmp_path_factory.getbasetemp()
    shared = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(shared / "cache"))
        patch.setenv("SPARK_SUBMIT_OPTS", _JAVA)
        yield


# Nobody looks at a page of Spark's; tasks that write Java for their expressions take another
# quarter; Delta's store for tests starts no processes to rename a file. Tests that start
# spark-submit have Spark's defaults in this.
_QUICK = " ".join(
    (
        "--conf spark.ui.enabled=false",
        "--conf spark.sql.codegen.wholeStage=false",
        "--conf spark.sql.codegen.factoryMode=NO_CODEGEN",
        "--conf spark.databricks.delta.snapshotPartitions=1",
        "--conf spark.delta.logStore.file.impl=io.delta.storage.LocalLogStore",
    )
)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """One real session, with the defaults that ``make env`` wrote."""
    from jobs.runtime import session

    os.environ.setdefault("PYSPARK_SUBMIT_ARGS", f"{_QUICK} pyspark-shell")
    built = session.build("tests")
    built.conf.set("spark.sql.shuffle.partitions", 2)
    yield built


@pytest.fixture(scope="session")
def settings() -> config.Settings:
    """The defaults, but that nothing is said of covers beside genre and label: it takes time."""
    return config.load(assignments=["score.describe=[]"])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; the test is skipped where it is not there."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real data is not beside the project")
    return SHARED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    """In CI everything a test needs is there: one that is skipped has failed."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Bundle]:
    """Writes a bundle on the default backbone with a random head, small and quick to make."""

    def make(
        name: str = "random",
        labels: tuple[str, ...] = ("folk", "rap"),
        seed: int = 0,
        detector: DetectorPart | None = None,
        files: Mapping[str, bytes] | None = None,
        **details: Any,
    ) -> Bundle:
        return write_random(tmp_path / name, labels, seed, detector, files, **details)

    return make


@pytest.fixture
def night(
    spark: SparkSession,
    tmp_path: Path,
    settings: config.Settings,
    make_bundle: Callable[..., Bundle],
) -> Night:
    """A catalogue that nothing has been asked about."""
    return Night(spark, tmp_path, settings, make_bundle())


@pytest.fixture(scope="session")
def first_night(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, settings: config.Settings
) -> FirstNight:
    root = tmp_path_factory.mktemp("nights")
    bundle = write_random(root / "random", ("folk", "rap"), 0, None, None)
    return FirstNight(spark, root, settings, bundle)


@pytest.fixture
def scored(first_night: FirstNight) -> Night:
    """A catalogue that was scored once, which is not done again for every test."""
    return first_night.night()
