"""The deadline ends a process that hangs, also in native code, and leaves others alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from udfs.watchdog import deadline

ROOT = Path(__file__).resolve().parents[2]
START = "import ctypes, sys, threading, time\nfrom udfs.watchdog import deadline\n"


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, as a worker is one."""
    return subprocess.run(
        [sys.executable, "-c", START + code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "hang",
    [
        "time.sleep(50)",
        "ctypes.CDLL(None).sleep(50)",
        "ctypes.PyDLL(None).sleep(50)",  # nothing else in Python gets a turn
        "threading.Event().wait(50)",
        "while True: pass",
    ],
)
def test_process_that_hangs_is_ended_and_says_where(hang: str) -> None:
    start = time.monotonic()
    ended = _run(f"def work():\n    {hang}\nwith deadline(0.5):\n    work()")
    assert ended.returncode == 1
    assert time.monotonic() - start < 20
    assert "Timeout (0:00:00.500000)!" in ended.stderr
    assert "in work" in ended.stderr


def test_last_words_go_where_spark_collects_them(tmp_path: Path) -> None:
    code = (
        "import os\npath = os.path.join(os.environ['PYTHON_FAULTHANDLER_DIR'], str(os.getpid()))\n"
        "spark = open(path, 'w')\n"
        "with deadline(0.3):\n    time.sleep(50)"
    )
    ended = _run(code, PYTHON_FAULTHANDLER_DIR=str(tmp_path))
    (log,) = tmp_path.iterdir()
    assert log.read_text().startswith("Timeout (0:00:00.300000)!\nThread 0x")
    assert ended.returncode == 1
    assert ended.stderr == ""


@pytest.mark.parametrize("folder", [True, False])
def test_quick_work_is_not_ended_later(tmp_path: Path, folder: bool) -> None:
    code = (
        "for _ in range(3):\n    with deadline(0.2):\n        pass\n"
        "try:\n    with deadline(0.2):\n        raise KeyError\nexcept KeyError:\n    pass\n"
        "time.sleep(0.8)\nprint('alive')"
    )
    ended = _run(code, **({"PYTHON_FAULTHANDLER_DIR": str(tmp_path)} if folder else {}))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "alive\n", "")


@pytest.mark.parametrize("seconds", ["None", "0"])
def test_no_deadline(seconds: str) -> None:
    ended = _run(f"with deadline({seconds}):\n    time.sleep(0.5)\nprint('alive')")
    assert (ended.returncode, ended.stdout) == (0, "alive\n")


def test_each_block_has_the_whole_time() -> None:
    ended = _run("for _ in range(4):\n    with deadline(0.5):\n        time.sleep(0.3)")
    assert ended.returncode == 0


def test_deadlines_leave_no_descriptors_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_FAULTHANDLER_DIR", str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(200):
        with deadline(60):
            pass
    assert len(os.listdir("/proc/self/fd")) == before
