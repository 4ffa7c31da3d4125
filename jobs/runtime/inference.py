"""Bring the table inferences in line with a catalogue, a commit a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.bundle import Bundle
from jobs.runtime import logs
from jobs.runtime.inspecting import good_cover, unusable
from jobs.runtime.isolation import isolate
from jobs.runtime.keeping import kept
from jobs.runtime.planning import KNOWN, Scope, Step, known, left, per_file, steps, wanted
from jobs.runtime.progress import shown
from jobs.runtime.runs import Run
from jobs.runtime.scoring import Asked, asked, scorer
from jobs.runtime.warehouse import Warehouse
from schemas import INFERENCES
from udfs.score import SCORED


@dataclass
class Inference:
    """A bundle that looks at the covers it has not looked at.

    Attributes:
        warehouse: open for writing, with a table inferences.
        bundle: verified.
        run: written to each row.
        question: what is asked of a cover beside genre and label.
    """

    warehouse: Warehouse
    bundle: Bundle
    run: Run
    question: Asked = field(init=False)
    _commits: int = 0

    def __post_init__(self) -> None:
        self.question = asked(self.bundle, self.run.settings)

    def bring_up_to_date(self, scope: Scope) -> int:
        """Look at the covers of a scope that were not looked at; returns how many they were.

        A kill loses the step that it interrupts; the next run goes on from there.
        """
        self._forget_stale(scope)
        version, digest = self.bundle.model_version, self.question.digest
        spark = self.warehouse.spark
        # Already forgotten, so that a run after a kill goes on instead of starting over.
        going_on = Scope(scope.where, scope.since, scope.limit)
        found = kept(left(self.warehouse, version, digest, going_on))
        counted = per_file(found)
        total = sum(counted.values())
        if total == 0:
            return 0
        start = time.perf_counter()
        look = scorer(self.bundle, self.question, self.run.settings, spark)
        done = 0
        for step in steps(found, counted, self.run.settings.workers.step_covers):
            covers = len(step.cover_ids)
            with shown(spark, "scoring", covers, before=done, total=total):
                self._look(step, look)
            done += covers
            logs.tell(f"committed {done} of {total} covers", table=INFERENCES.name)
        self._time(total, time.perf_counter() - start)
        return total

    def _forget_stale(self, scope: Scope) -> None:
        """Delete what was asked otherwise, and with ``rescore`` all that a scope is about."""
        if self.warehouse.is_new(INFERENCES):
            return
        table = self.warehouse.held(INFERENCES, *KNOWN)
        stale = table.where(F.col("model_version") == self.bundle.model_version)
        if not scope.rescore:
            stale = stale.where(F.col("asked") != self.question.digest)
        stale = stale.select("cover_id", "model_version")
        if not scope.whole:
            ids = wanted(self.warehouse, scope)
            stale = stale.join(ids if scope.limit is None else ids.limit(scope.limit), "cover_id")
        if stale.isEmpty():
            return
        same = " AND ".join(f"t.{name} = s.{name}" for name in INFERENCES.key)
        target: DeltaTable = self.warehouse.delta(INFERENCES)
        target.alias("t").merge(kept(stale).alias("s"), same).whenMatchedDelete().execute()

    def _look(self, step: Step, look: Callable[[DataFrame], DataFrame]) -> None:
        """Commit what is said of a step's covers, those that end their worker as unusable."""
        spark = self.warehouse.spark

        def attempt(cover_ids: Sequence[str]) -> None:
            self._append(look(step.covers(spark, cover_ids)))

        def probe() -> None:
            cover = [("good", bytearray(good_cover()))]
            look(spark.createDataFrame(cover, "cover_id string, content binary")).collect()

        attempts = self.run.settings.workers.poison_attempts
        found = isolate(step.cover_ids, attempt, attempts, probe)
        if found:
            rows = unusable(spark, found).withColumnRenamed("key", "cover_id")
            said = (name for name in SCORED if name not in rows.columns)
            none = (F.lit(None).cast(SCORED[name]).alias(name) for name in said)
            self._append(rows.select("*", *none))

    def _append(self, said: DataFrame) -> None:
        self._commits += 1
        rows = said.select(
            "*",
            F.lit(self.bundle.model_version).alias("model_version"),
            F.lit(self.question.digest).alias("asked"),
            F.lit(self.run.run_id).alias("run_id"),
            F.lit(self.run.started_at).alias("inferred_at"),
        )
        self.warehouse.append(INFERENCES, rows, transaction=(self.run.run_id, self._commits))

    def _time(self, covers: int, seconds: float) -> None:
        half, most = F.percentile("milliseconds", 0.5), F.percentile("milliseconds", 0.95)
        said = known(self.warehouse, self.bundle.model_version, self.question.digest)
        own = said.where(F.col("inferred_at") == self.run.started_at)
        row = own.agg(half.alias("p50"), most.alias("p95")).first()
        assert row is not None
        self.run.p50_ms, self.run.p95_ms = row["p50"], row["p95"]
        self.run.images_per_second = round(covers / seconds, 2)
