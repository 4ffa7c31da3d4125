"""A small catalogue that is scored night after night."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession

from covergenre.bundle import Bundle
from covergenre.config import Settings
from jobs import score as job
from jobs.runtime.catalogue import ingest, look
from jobs.runtime.planning import Scope
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import PREDICTIONS
from tests.covers import drawn

TIMES = ("run_id", "scored_at")


class Night:
    """A catalogue of six covers and a broken one, its warehouse, and a bundle that scores it."""

    def __init__(self, spark: SparkSession, root: Path, settings: Settings, bundle: Bundle) -> None:
        self.covers, self.settings, self.bundle = root / "covers", settings, bundle
        # A name that is a pattern, and not what it looks like in a URI.
        self.warehouse = Warehouse(spark, str(root / "a [b] {c,d} %20 é*"))
        if self.covers.exists():
            return
        for genre in ("folk", "rap"):
            (self.covers / genre).mkdir(parents=True)
            for number in range(3):
                self.add(f"{genre}/{number}.jpg", drawn(genre, number + len(genre)))
        (self.covers / "rap/broken.jpg").write_bytes(drawn("rap", 1)[:700])

    def add(self, name: str, content: bytes) -> None:
        (self.covers / name).write_bytes(content)

    def read(self, settings: Settings | None = None) -> None:
        covers = str(self.covers)
        ingest(self.warehouse, covers, look(covers), settings or self.settings)

    def score(self, scope: Scope | None = None, step: int = 20000, **changed: Any) -> job.Result:
        settings = self.changed(**changed)
        workers = settings.workers.model_copy(update={"step_covers": step})
        settings = settings.model_copy(update={"workers": workers})
        self.read(settings)
        run = Run("score", settings, model_version=self.bundle.model_version)
        return job.score(self.warehouse, self.bundle, settings, run, scope)

    def changed(self, **changed: Any) -> Settings:
        score = self.settings.score.model_copy(update=changed)
        return self.settings.model_copy(update={"score": score})

    def predictions(self) -> pd.DataFrame:
        table = self.warehouse.read(PREDICTIONS).drop(*TIMES)
        return table.orderBy("album_id", "model_version").toPandas()

    def versions(self) -> dict[str, int]:
        return self.warehouse.versions()


class FirstNight:
    """The night after the first: what a run left is laid where it was, once for each test.

    Rows name files, so the place is always the same.
    """

    def __init__(self, spark: SparkSession, root: Path, settings: Settings, bundle: Bundle) -> None:
        self._spark, self._settings, self._bundle = spark, settings, bundle
        self._place, self._kept = root / "night", root / "kept"
        self.result = Night(spark, self._place, settings, bundle).score()
        self._place.rename(self._kept)

    def night(self) -> Night:
        shutil.rmtree(self._place, ignore_errors=True)
        shutil.copytree(self._kept, self._place, symlinks=True)
        jvm = self._spark._jvm
        assert jvm is not None
        jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # it goes by the path
        return Night(self._spark, self._place, self._settings, self._bundle)
