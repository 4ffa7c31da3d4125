"""Which covers end the Python worker that looks at them: found by halving, driver-side.

A worker that crashes, hangs or runs out of memory takes its whole Spark job along and does not say
which cover it was looking at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, NamedTuple

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from covergenre.errors import CovergenreError
from jobs.runtime import logs

Reason = Literal["crashed_worker", "timed_out", "out_of_memory"]

# As pyspark 4.0.5 and its JVM write it. The last: the JVM wrote to, or read from, a worker that was
# gone.
_DEAD = re.compile(
    r"Python worker (?:exited unexpectedly|failed to connect back)|ExecutorLostFailure"
    r"|(?:(?:IO|Socket)Exception: (?:Broken pipe|Connection reset)[^\n]*"
    r"|CancelledKeyException|ClosedChannelException)"
    r"(?:\n\s*at [^\n]*)*?\n\s*at org\.apache\.spark\.api\.python"
)
# What faulthandler wrote in the worker, if spark.sql.execution.pyspark.udf.faulthandler.enabled.
_LAST_WORDS = re.compile(r"exited unexpectedly \(crashed\): (?:Fatal Python error: )?(\S[^\n]*)")
_PLACE = re.compile(r'^ +File "([^"\n]+)", line (\d+) in (\S+)', re.MULTILINE)
_LOST = re.compile(r"ExecutorLostFailure[^\n]*")
_TIMEOUT = re.compile(r"Timeout \(\d+:\d\d:\d\d(?:\.\d+)?\)!")
# The last line of a Python traceback, and what resource managers say of executors they killed.
_MEMORY = re.compile(
    r"^(?!java\.)(?:(?:[\w.]+\.)?\w*MemoryError\b|cv2\.error: .*Insufficient memory)[^\n]*"
    r"|ExecutorLostFailure[^\n]*(?:memory limits|OOM)",
    re.MULTILINE,
)


class WorkersError(CovergenreError):
    """Python workers die whatever they look at: it is the machine's fault, not a cover's."""

    exit_code = 3


@dataclass(frozen=True)
class Poisoned:
    """A cover that ends the worker that looks at it.

    Attributes:
        key: which, as it was given.
        reason: how the worker ended.
        detail: what it left behind, for people; at most 200 characters.
    """

    key: str
    reason: Reason
    detail: str


class Death(NamedTuple):
    """How a Python worker ended; as of :class:`Poisoned`."""

    reason: Reason
    detail: str


def death(error: BaseException) -> Death | None:
    """How a worker ended, if an exception of Spark's says that one did; else None."""
    if not isinstance(error, Py4JJavaError | PySparkException):
        return None
    text = str(error)
    if memory := _MEMORY.search(text):
        return Death("out_of_memory", memory.group()[:200])
    if not _DEAD.search(text):
        return None
    words = _LAST_WORDS.search(text)
    if words is None:
        lost = _LOST.search(text)
        return Death("crashed_worker", lost.group()[:200] if lost else "it left no trace")
    reason: Reason = "timed_out" if _TIMEOUT.match(words.group(1)) else "crashed_worker"
    # Of several threads, the one that crashed is called the current one.
    place = _PLACE.search(text, max(words.end(), text.find("Current thread", words.end())))
    where = f", in {place[3]} ({PurePath(place[1]).name}:{place[2]})" if place else ""
    return Death(reason, (words.group(1) + where)[:200])


def isolate(
    keys: Sequence[str],
    attempt: Callable[[Sequence[str]], None],
    attempts: int,
    probe: Callable[[], None],
) -> list[Poisoned]:
    """Commit all covers but those that end their worker, each once.

    A worker may be ended by somebody else, so that all are tried twice before they are halved.
    For k such covers among n there are about 1.5 k log2(n) attempts.

    Args:
        keys: of the covers, distinct.
        attempt: looks at and commits covers; where it raises, it has committed none of them.
        attempts: how often a cover alone must end its worker.
        probe: looks at a cover that is known to be good; asked before a cover is called poisoned.

    Returns:
        the covers that were not committed.

    Raises:
        WorkersError: a good cover ends its worker as well.
        Exception: what ``attempt`` or ``probe`` raised, if it was not the end of a worker.
    """
    return list(_Search(attempt, attempts, probe).among(tuple(keys)))


@dataclass(frozen=True)
class _Search:
    attempt: Callable[[Sequence[str]], None]
    attempts: int
    probe: Callable[[], None]

    def among(self, keys: tuple[str, ...]) -> Iterator[Poisoned]:
        if not keys:
            return
        died = self._try(keys)
        if died is not None and len(keys) > 1:
            died = self._try(keys)
        if died is not None:
            yield from self._halve(keys, died)

    def _halve(self, keys: tuple[str, ...], died: Death | None) -> Iterator[Poisoned]:
        """The poisoned ones among covers that ended their worker.

        Args:
            keys: at least one.
            died: how; None if it is only concluded, from the other half that was committed.
        """
        if len(keys) == 1:
            yield from self._judge(keys[0], died)
            return
        first, second = keys[: len(keys) // 2], keys[len(keys) // 2 :]
        died = self._try(first)
        if died is None:
            yield from self._halve(second, None)
            return
        yield from self._halve(first, died)
        died = self._try(second)
        if died is not None:
            yield from self._halve(second, died)

    def _judge(self, key: str, died: Death | None) -> Iterator[Poisoned]:
        deaths = 0 if died is None else 1
        while died is None or deaths < self.attempts:
            died = self._try((key,))
            if died is None:
                return
            deaths += 1
        # Twice: Spark may give the first one a worker that was idle and has ended since.
        ended = self._probed() and self._probed()
        if ended is not None:
            raise WorkersError(
                "Python workers end whatever cover they look at, so that none is blamed: "
                f"{died.detail}. See the worker's lines above; memory and processor of this "
                "machine, the engine (engine.name) and workers.timeout_seconds are what to look at"
            ) from ended
        yield Poisoned(key, *died)

    def _probed(self) -> Exception | None:
        """What the end of a worker that looked at a good cover raised; None if none ended."""
        try:
            self.probe()
        except Exception as error:
            if death(error) is None:
                raise
            return error
        return None

    def _try(self, keys: tuple[str, ...]) -> Death | None:
        try:
            self.attempt(keys)
        except Exception as error:
            died = death(error)
            if died is None:
                raise
            logs.warn(f"{len(keys)} covers ended a Python worker: {died.detail}")
            return died
        return None
