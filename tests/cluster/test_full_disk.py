"""A disk that runs full under a run: it says so, what was there stays, the next run goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.cluster import delta_files
from tests.cluster.comparing import snapshot
from tests.cluster.test_together import ALL, Alone
from tests.covers import drawn

_SIZE, _LEFT = 16 << 20, 64 << 10
_NEW = 24


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def alone(tmp_path: Path, disk: Path) -> Iterator[Alone]:
    """Runs whose warehouse lies on that file system."""
    started = Alone(tmp_path)
    started.output = disk / "warehouse"
    yield started
    started.machine.stop()


def _fill(disk: Path, left: int) -> Path:
    """Leave so many bytes."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
    file = disk / "other"
    file.write_bytes(bytes(free - left))
    return file


def test_a_full_disk_is_told_and_loses_nothing(alone: Alone, disk: Path) -> None:
    first = alone.submit()
    assert alone.ends(first) == 0, alone.said(first)
    before, copy = delta_files.rows(alone.output / "predictions"), snapshot(alone.output)
    for number in range(_NEW):
        (alone.root / f"covers/rap/new-{number}.jpg").write_bytes(drawn("rap", 100 + number))
    other = _fill(disk, _LEFT)
    second = alone.submit()
    assert alone.ends(second) == 2, alone.said(second)
    # Anywhere in a line: Spark's Java has its own say, at the same time.
    assert alone.said(second).count(f"error: no space is left for {alone.output}, ") == 1
    assert "Traceback" not in alone.said(second)
    pd.testing.assert_frame_equal(delta_files.rows(alone.output / "predictions"), before)
    pd.testing.assert_frame_equal(snapshot(alone.output), copy)
    other.unlink()
    third = alone.submit()
    assert alone.ends(third) == 0, alone.said(third)
    new = [f"rap/new-{number}.jpg" for number in range(_NEW)]
    assert sorted(snapshot(alone.output)["album_id"]) == sorted([*ALL, *new])
    assert delta_files.rows(alone.output / "predictions", ["album_id"])["album_id"].is_unique
    runs = delta_files.rows(alone.output / "runs").sort_values("started_at")
    assert list(runs["outcome"]) == ["succeeded", "failed", "succeeded"]
    assert "OutputError: no space is left" in runs["error"].iloc[1]
