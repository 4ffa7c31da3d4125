"""Run one contender: ``python -m benchmarks.contenders NAME TASK.json``."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path

from benchmarks.contenders.task import Task

if __name__ == "__main__":
    name, file = sys.argv[1:]
    task = Task.read(Path(file))
    if hasattr(os, "sched_setaffinity"):
        # Whatever it starts stays on these cores, too.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: task.cores])
    found = importlib.import_module(f"benchmarks.contenders.{name}").run(task)
    found["ended"] = time.time()
    task.report.write_text(json.dumps(found), "utf-8")
