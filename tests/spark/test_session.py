"""What a session is told about the catalogue at hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark import SparkConf
from pyspark.sql import SparkSession

from jobs.runtime import session

_CODE = "spark.sql.codegen.wholeStage"


@pytest.fixture
def as_before(spark: SparkSession) -> Iterator[SparkSession]:
    before = {name: spark.conf.get(name) for name in session._CODE}
    yield spark
    for name, value in before.items():
        spark.conf.set(name, value)


def test_queries_over_many_albums_are_compiled_and_others_not(
    as_before: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The session of tests was told.
    nothing = SparkConf(loadDefaults=False)
    monkeypatch.setattr(type(as_before.sparkContext), "getConf", lambda self: nothing)
    plans = {}
    for albums in (1_000_000, 8_000):
        session.suit(as_before, albums)
        rows = as_before.range(10).selectExpr("sum(id)")
        assert rows.collect() == [(45,)]
        plan = rows._jdf.queryExecution().executedPlan().toString()  # type: ignore[operator]
        plans[albums] = "*(1)" in plan  # Spark's sign of a stage with code of its own
    assert plans == {1_000_000: True, 8_000: False}


def test_what_spark_submit_was_told_stays(as_before: SparkSession) -> None:
    assert as_before.sparkContext.getConf().get(_CODE) == "false"
    session.suit(as_before, 1_000_000)
    assert as_before.conf.get(_CODE) == "false"
