"""Exactly once: runs of a cluster are killed, run again, and held against undisturbed ones.

python -m tests.cluster.kills --kills 30 --covers 2000 --seed 1
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from jobs.runtime.publishing import SNAPSHOT
from tests.cluster import delta_files
from tests.cluster.comparing import differences
from tests.cluster.nights import STARTS, Nights, undisturbed
from tests.cluster.reading import Known, Reader, known
from tests.cluster.standalone import Cluster, running

VICTIMS = ("driver's Java", "driver's Python", "executor", "Python worker")
DRIVERS = VICTIMS[:2]
_RERUNS = 3
_SECONDS = 900.0
_PAUSE = 0.02


@dataclass(frozen=True)
class Plan:
    """One kill.

    Attributes:
        number: from 1.
        start: of :attr:`tests.cluster.nights.Nights.starts`.
        victim: of :data:`VICTIMS`.
        moment: when, 0-1 of what an undisturbed run takes.
        phase: what the run must be at by then, or the beginning of it; else it is waited for.
    """

    number: int
    start: str
    victim: str
    moment: float = 0
    phase: str = ""


@dataclass
class Killed:
    """What became of it.

    Attributes:
        plan: what was meant.
        second: of the run in which it happened.
        phase: what the run was at, by what it had committed.
        codes: exit codes, of the run that was killed and of those after it.
        seconds: that the runs after it took.
        problems: what differs from an undisturbed run; what a reader read that is no whole state.
    """

    plan: Plan
    second: float = 0
    phase: str = ""
    codes: list[int | None] = field(default_factory=list)
    seconds: float = 0
    problems: list[str] = field(default_factory=list)


def plans(kills: int, seed: int) -> list[Plan]:
    """Kills at moments that are uniform over a run: one in each of as many equal parts of it."""
    draw = random.Random(seed)
    moments = [(number + draw.random()) / kills for number in range(kills)]
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(kills)]
    starts = [STARTS[number // len(VICTIMS) % len(STARTS)] for number in range(kills)]
    draw.shuffle(moments)
    kinds = list(zip(victims, starts, strict=True))
    draw.shuffle(kinds)
    drawn = enumerate(zip(kinds, moments, strict=True), 1)
    return [Plan(number, start, victim, moment) for number, ((victim, start), moment) in drawn]


def strike(cluster: Cluster, nights: Nights, plan: Plan, output: Path) -> Killed:
    """Start a run and kill what is planned; returns when it has ended."""
    start, outcome = nights.starts[plan.start], Killed(plan)
    begun = time.monotonic()
    driver = _run(cluster, nights, plan, output)
    time.sleep(plan.moment * start.seconds)
    while driver.poll() is None and not outcome.phase:
        phase = _phase(output, start.before, start.after)
        victims = _alive(cluster, driver, plan.victim)
        if victims and phase.startswith(plan.phase):
            with contextlib.suppress(psutil.NoSuchProcess):
                victims[plan.number % len(victims)].kill()
                outcome.phase, outcome.second = phase, time.monotonic() - begun
        time.sleep(_PAUSE)
    outcome.codes.append(_ended(driver))
    return outcome


def kill(cluster: Cluster, nights: Nights, plan: Plan, states: Known, output: Path) -> Killed:
    """Kill a run, run it again until it is done, and compare."""
    start = nights.starts[plan.start]
    start.lay(output)
    with Reader(output, states) as reader:
        outcome = strike(cluster, nights, plan, output)
        again = time.monotonic()
        while outcome.codes[-1] != 0 and len(outcome.codes) <= _RERUNS:
            outcome.codes.append(_ended(_run(cluster, nights, plan, output)))
        outcome.seconds = time.monotonic() - again
    if outcome.codes[-1] != 0:
        outcome.problems.append("it never ended well, see its log")
    else:
        outcome.problems += differences(start.after, output)
    outcome.problems += reader.problems
    outcome.problems += _record(output, start.before, outcome)
    return outcome


def _run(cluster: Cluster, nights: Nights, plan: Plan, output: Path) -> psutil.Popen:
    log = cluster.folder / f"kill-{plan.number}.log"
    words = (*nights.words, "--output", output)
    return cluster.submit(*words, log=log, environment=nights.environment)


def _alive(cluster: Cluster, driver: psutil.Popen, victim: str) -> list[psutil.Process]:
    if victim == VICTIMS[0]:
        return [driver]
    if victim == VICTIMS[1]:
        python = cluster.python_driver(driver)
        return [] if python is None else [python]
    return cluster.executors() if victim == VICTIMS[2] else cluster.python_workers()


def _ended(driver: psutil.Popen) -> int | None:
    try:
        return int(driver.wait(_SECONDS))
    except subprocess.TimeoutExpired:
        for process in (*driver.children(recursive=True), driver):
            process.kill()
        return None


def _phase(output: Path, before: Path | None, after: Path) -> str:
    """What a run is at, by what it has committed beside what it began with."""

    def written(table: str) -> int:
        held = 0 if before is None else delta_files.state(before / table).writes
        return delta_files.state(output / table).writes - held

    link = output / SNAPSHOT
    old = None if before is None else (before / SNAPSHOT).readlink()
    if link.is_symlink() and link.readlink() != old:
        return "end"
    if written("metrics"):
        return "snapshot"
    if written("predictions"):
        return "metrics"
    # By rows: a run that goes on where one was killed puts what is left into other steps.
    said, meant = (delta_files.state(where / "inferences").rows for where in (output, after))
    if said >= meant:
        return "publishing"
    came, meant = (delta_files.state(where / "albums").writes for where in (output, after))
    if came >= meant:
        return f"step {written('inferences') + 1}"
    running = (output / ".running").glob("*.json")
    return "catalogue" if any(running) else "start"


def _record(output: Path, before: Path | None, outcome: Killed) -> Iterator[str]:
    """Whether the table runs tells how the first run ended."""
    runs = delta_files.rows(output / "runs").sort_values("started_at")
    new = list(runs["outcome"])[0 if before is None else len(delta_files.rows(before / "runs")) :]
    died = outcome.plan.victim in DRIVERS and outcome.phase != ""
    if died and outcome.phase == "start":
        return  # it was not known yet
    ends = {"killed", "succeeded"} if outcome.phase == "end" else {"killed"}
    if died and new[0] not in ends:
        yield f"runs: {new}, of a driver that was killed"
    if not died and "killed" in new:
        yield f"runs: {new}, and no driver was killed"
    if outcome.codes[-1] == 0 and new[-1] != "succeeded":
        yield f"runs: {new}"


def table(outcomes: list[Killed]) -> str:
    """What became of each, for people."""
    lines = [
        f"{'kill':>4} {'start':<9} {'victim':<15} {'second':>6} {'phase':<12} {'exit codes':<12} "
        f"{'rerun s':>7}  differences"
    ]
    for one in outcomes:
        codes = " ".join(map(str, one.codes))
        plan = one.plan
        lines.append(
            f"{plan.number:>4} {plan.start:<9} {plan.victim:<15} {one.second:>6.1f} "
            f"{one.phase or 'missed':<12} {codes:<12} {one.seconds:>7.1f}  "
            f"{'; '.join(one.problems) or 'none'}"
        )
    return "\n".join(lines)


def kills(root: Path, number: int, covers: int, seed: int) -> Iterator[Killed]:
    """Score undisturbed, then kill so many runs.

    Args:
        root: an empty folder for all of it.
        number, covers, seed: of kills, of covers, of moments and victims.
    """
    with running(root / "cluster") as cluster:
        nights = undisturbed(cluster, root, covers)
        for name, start in nights.starts.items():
            print(f"undisturbed, {name}: {start.seconds:.1f} s", flush=True)
        for plan in plans(number, seed):
            start = nights.starts[plan.start]
            states = known(*filter(None, (start.before, start.after)))
            output = root / f"kill-{plan.number}"
            outcome = kill(cluster, nights, plan, states, output)
            if not outcome.problems:
                shutil.rmtree(output)
            yield outcome


def main() -> None:
    """Kill, tell, and exit with 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--covers", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="new, for all that is written; kept")
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="covergenre-kills-"))
    outcomes = []
    for outcome in kills(folder, args.kills, args.covers, args.seed):
        outcomes.append(outcome)
        print(table([outcome]).splitlines()[1], flush=True)
    print(f"\n{table(outcomes)}")
    wrong = [outcome for outcome in outcomes if outcome.problems]
    print(f"{len(outcomes)} runs killed, {len(wrong)} differ from undisturbed ones")
    if wrong:
        sys.exit(f"see {folder}")
    if args.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
