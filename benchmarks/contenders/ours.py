"""The scoring UDF in Spark, Parquet in, Parquet out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from benchmarks.contenders.task import Task
from covergenre.bundle import open_bundle
from covergenre.config import load
from jobs.runtime import scoring, session
from udfs import ddl
from udfs.score import SCORED, make_score


def run(task: Task) -> dict[str, Any]:
    """Score all covers.

    Returns:
        ``job_seconds`` from reading Parquet to Parquet written, in a session that is up.
    """
    spark = session.build("scoring benchmark")
    start = time.perf_counter()
    settings, bundle = load(assignments=assignments(task)), open_bundle(Path(task.bundle))
    with stamping(task):
        said = scoring.infer(spark.read.parquet(task.parquet), bundle, settings)
        said.write.parquet(task.output)
    return {"job_seconds": time.perf_counter() - start}


def assignments(task: Task) -> list[str]:
    """The settings of a task: classifier and detector alone, on this engine."""
    engine = ["engine.name=tensorflow"]
    if task.precision != "tensorflow":
        engine = ["engine.name=openvino", f"engine.precision={task.precision}"]
    return ["score.describe=[]", *engine]


@contextlib.contextmanager
def stamping(task: Task) -> Iterator[None]:
    """While the block runs, scoring UDFs stamp what they have finished."""

    def made(*args: Any, **kwargs: Any) -> Any:
        score = make_score(*args, **kwargs).func

        def stamped(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
            for frame in score(batches):
                task.stamp(len(frame))
                yield frame

        return pandas_udf(stamped, ddl(SCORED)).asNondeterministic()  # type: ignore[call-overload]

    with mock.patch.object(scoring, "make_score", made):
        yield
