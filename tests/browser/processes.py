"""The processes of a browser, from Linux' /proc."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def below(pid: int) -> list[int]:
    """All processes that a process started, and those they started."""
    children: dict[int, list[int]] = {}
    for child in _running():
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold anything.
            parent = int((PROC / str(child) / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(child)
    found = list(children.get(pid, ()))
    for one in found:
        found += children.get(one, ())
    return found


def using(folder: Path) -> list[int]:
    """Processes whose environment names a folder; they inherit it from each other."""
    found = []
    for pid in _running():
        with contextlib.suppress(OSError):
            if os.fsencode(folder) in (PROC / str(pid) / "environ").read_bytes():
                found.append(pid)
    return found


def kill(program: str) -> None:
    """Kill the one process that runs a program, of those that this process started."""
    (pid,) = [
        pid
        for pid in below(os.getpid())
        for command in [_command(pid)]
        if Path(command.split(" ")[0]).name == program and "--type=" not in command
    ]
    os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> str:
    """Its command line; Chromium's processes write theirs anew, without separators."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_text(errors="replace").replace("\0", " ")
    return ""


def _running() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())
