"""What a process and its children use, seen from outside: memory, and the processor's time."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]

_MEGABYTE = 1 << 20


class Usage:
    """Of a process and all its children, at each :meth:`look`.

    Attributes:
        peak: the most memory, in MiB: what each has for itself, and the largest part that one of
            them shares (files, Ray's object store), once.
        python_peak: of its largest child in Python, all that is its own.
    """

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._seconds: dict[psutil.Process, tuple[str, float]] = {}
        self._looks: list[tuple[float, dict[str, float]]] = []
        self.peak = 0.0
        self.python_peak = 0.0

    def look(self) -> None:
        """Look at what is used now."""
        own, shared = [], [0]
        for each in family(self._process):
            with contextlib.suppress(psutil.Error):
                kind = Path(each.exe()).name
                memory, times = each.memory_info(), each.cpu_times()
                own.append(memory.rss - memory.shared)
                shared.append(memory.shared)
                if each != self._process and "python" in kind:
                    self.python_peak = max(self.python_peak, own[-1] / _MEGABYTE)
                self._seconds[each] = ("java" if kind == "java" else "other", sum(times[:2]))
        self.peak = max(self.peak, (sum(own) + max(shared)) / _MEGABYTE)
        total = {"java": 0.0, "other": 0.0}
        for kind, seconds in self._seconds.values():  # of those that have ended, too
            total[kind] += seconds
        self._looks.append((time.time(), total))

    def between(self, start: float, end: float) -> dict[str, float]:
        """Seconds of the processor from one time (Unix, seconds) to another: ``java``, ``other``.

        Interpolated between two looks.
        """
        times = [when for when, _ in self._looks]
        found = {}
        for kind in ("java", "other"):
            seconds = [total[kind] for _, total in self._looks]
            before, after = np.interp([start, end], times, seconds)
            found[kind] = float(after - before)
        return found


def family(process: psutil.Process) -> list[psutil.Process]:
    """It and all its children; none when it is gone."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []
