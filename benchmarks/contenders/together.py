"""The same work in several processes at once, as Spark's tasks do it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import Any

_barrier: Barrier


def wait() -> None:
    """Wait, in the work, until all processes are here."""
    _barrier.wait(timeout=600)


def together(processes: int, work: Callable[..., Any], *args: Any) -> list[Any]:
    """Do the same work in fresh processes side by side.

    Args:
        processes: how many.
        work: a module's function; calls :func:`wait` at least once before it returns.
        args: for each of them.

    Returns:
        what each returned.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=_remember, initargs=(context.Barrier(processes),)
    ) as pool:
        # None can do the work of two: each waits for all others.
        return [future.result() for future in [pool.submit(work, *args) for _ in range(processes)]]


def _remember(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier
