"""The record of what was run: one row a run in the table ``runs``, failed ones too."""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from covergenre.config import Settings
from covergenre.engines import Engine
from covergenre.errors import CovergenreError
from jobs.runtime import logs
from jobs.runtime.disk import told_if_full
from jobs.runtime.running import killed, marked
from jobs.runtime.session import processor
from jobs.runtime.warehouse import Warehouse
from schemas import RUNS


@dataclass
class Run:
    """One run in progress; the job fills in what it finds out."""

    job: str
    settings: Settings
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started_at: datetime.datetime = field(
        default_factory=lambda: datetime.datetime.now(datetime.UTC)
    )
    input_versions: dict[str, int] = field(default_factory=dict)
    model_version: str | None = None
    engine: str | None = None
    precision: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    images_per_second: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None

    def computed_by(self, engine: Engine) -> None:
        """Note what computes the networks."""
        self.engine, self.precision = engine.name, engine.precision


@contextlib.contextmanager
def recorded(
    run: Run,
    warehouse: Warehouse,
    writing: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> Iterator[Run]:
    """Run the block and write its row to ``runs``, with the error if it fails.

    Args:
        run: what is being run.
        warehouse: where it is recorded.
        writing: holds the warehouse, if the caller does not for the whole block.
    """
    with logs.within(run_id=run.run_id, job=run.job), _recorded(run, warehouse, writing):
        yield run


@contextlib.contextmanager
def _recorded(
    run: Run, warehouse: Warehouse, writing: Callable[[], AbstractContextManager[None]]
) -> Iterator[None]:
    if not warehouse.local and run.settings.warehouse.locks is None:
        print(
            f"warning: other machines are not kept from writing to {warehouse.location} meanwhile: "
            "name a folder that they share as warehouse.locks",
            file=sys.stderr,
        )
    root = warehouse.lock_folder(run.settings.warehouse)
    with writing():
        warehouse.create(RUNS)
        _record_killed(warehouse, root)
    run.input_versions = warehouse.versions()
    about = {
        "run_id": run.run_id,
        "job": run.job,
        "started_at": run.started_at.isoformat(),
        "input_versions": run.input_versions,
        "model_version": run.model_version,
        "engine": run.engine,
        "precision": run.precision,
        "processor": processor(),
        "settings": json.dumps(run.settings.model_dump()),
    }
    with marked(root, run.run_id, about) as mark:
        try:
            with told_if_full(warehouse.location):
                yield
                with writing():
                    _write(run, warehouse, None)
                    mark.forget()
        except BaseException as error:
            # The first line names the error; the rest is Spark's plan.
            text = (str(error).strip().splitlines() or [""])[0]
            text = f"{type(error).__name__}: {text}"[:1000]
            # The error itself matters more than its record.
            with contextlib.suppress(Exception), writing():
                if isinstance(error, CovergenreError):
                    # For the next run, if it cannot be recorded now: the disk is full.
                    mark.tell(outcome="failed", error=text)
                _write(run, warehouse, text)
                mark.forget()
            raise


def _record_killed(warehouse: Warehouse, root: Path) -> None:
    for about in killed(root):
        where = f"process {about.pop('process')} on {about.pop('host')}"
        row = {
            "outcome": "killed",
            "error": f"{where} ended without a word",
            **about,
            "started_at": datetime.datetime.fromisoformat(about["started_at"]),
            "finished_at": datetime.datetime.now(datetime.UTC),
            "output_versions": {},
            "counts": {},
        }
        warehouse.append(
            RUNS,
            RUNS.rows(warehouse.spark, [row]),
            transaction=(f"killed {about['run_id']}", 1),
        )


def _write(run: Run, warehouse: Warehouse, error: str | None) -> None:
    row = {
        "run_id": run.run_id,
        "job": run.job,
        "outcome": "failed" if error else "succeeded",
        "error": error,
        "started_at": run.started_at,
        "finished_at": datetime.datetime.now(datetime.UTC),
        "input_versions": run.input_versions,
        "output_versions": warehouse.versions(),
        "model_version": run.model_version,
        "engine": run.engine,
        "precision": run.precision,
        "processor": processor(),
        "settings": json.dumps(run.settings.model_dump()),
        "counts": run.counts,
        "images_per_second": run.images_per_second,
        "p50_ms": run.p50_ms,
        "p95_ms": run.p95_ms,
    }
    rows = RUNS.rows(warehouse.spark, [row])
    # Once: an end that was recorded may be told as one that could not be.
    warehouse.append(RUNS, rows, transaction=(f"end of {run.run_id}", 1))
