"""Two nights of a catalogue, and a warehouse of each: where runs that are killed start from."""

from __future__ import annotations

import csv
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders.covers import distinct
from scraping.procedural import GENRES, generate_catalogue
from tests.bundles import write_random
from tests.cluster.standalone import Cluster

STARTS = ("fresh", "continued")
# More are copies of these, as files of their own.
_DRAWN = 300
_FIRST_NIGHT = 0.6
_BROKEN = 4
_SECONDS = 900.0


@dataclass(frozen=True)
class Start:
    """Where a run starts from, and where it ends if nothing disturbs it.

    Attributes:
        before: the warehouse it finds; None: none.
        after: the warehouse of a run that was left alone.
        seconds: that it took.
    """

    before: Path | None
    after: Path
    seconds: float

    def lay(self, output: Path) -> Path:
        """Make a warehouse that is as it was before that run."""
        if self.before is not None:
            shutil.copytree(self.before, output, symlinks=True)
        return output


@dataclass(frozen=True)
class Nights:
    """What is scored, by what, and from where.

    Attributes:
        words: of spark-submit, but for ``--output DIR``.
        starts: by name: ``fresh`` and ``continued``.
        environment: of each run.
    """

    words: Sequence[str | Path]
    starts: dict[str, Start]
    environment: dict[str, str]


def undisturbed(
    cluster: Cluster, root: Path, covers: int, starts: Sequence[str] = STARTS, steps: int = 4
) -> Nights:
    """Draw a catalogue and score it: as it grows, and from nothing.

    Args:
        cluster: to score on.
        root: folder for all of it.
        covers: usable ones on the second night, about.
        starts: of :data:`STARTS`, those that are wanted.
        steps: that covers are read and inferred in, about.

    Raises:
        RuntimeError: a run failed; holds its log.
    """
    catalogue = root / "catalogue"
    _draw(catalogue, covers)
    write_random(root / "kills", GENRES)
    at_a_time = max(1, covers // steps)
    words = [
        # A step is of whole files of the table covers.
        "--conf", f"spark.sql.files.maxRecordsPerFile={at_a_time // 2 + 1}", "jobs/score.py",
        "--covers", catalogue, "--model", root / "kills",
        "--set", "score.describe=[]", "--set", f"workers.step_covers={at_a_time}",
    ]  # fmt: skip
    nights = Nights(words, {}, {"XDG_CACHE_HOME": str(root / "cache")})
    first = root / "undisturbed/first"
    if "continued" in starts:
        later = _hold_back(catalogue, root / "later")
        score(cluster, nights, first)
        _second_night(catalogue, later)
    for name in starts:
        before, after = first if name == "continued" else None, root / "undisturbed" / name
        seconds = score(cluster, nights, Start(before, after, 0).lay(after))
        nights.starts[name] = Start(before, after, seconds)
    return nights


def score(cluster: Cluster, nights: Nights, output: Path) -> float:
    """Score into a warehouse, undisturbed; returns the seconds it took.

    Raises:
        RuntimeError: it failed; holds its log.
    """
    start = time.monotonic()
    log = cluster.folder / f"undisturbed-{output.name}.log"
    driver = cluster.submit(
        *nights.words, "--output", output, log=log, environment=nights.environment
    )
    try:
        code = driver.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        code = None
    if code != 0:
        raise RuntimeError(f"an undisturbed run ended with {code}:\n{log.read_text()[-5000:]}")
    return time.monotonic() - start


def _draw(folder: Path, covers: int) -> None:
    drawn = min(covers, _DRAWN)
    generate_catalogue(folder, albums=drawn, broken=_BROKEN)
    rows = _read(folder)
    # Broken ones have the extension of what they pretend to be.
    sound = [row for row in rows[:drawn] if (folder / row["file"]).read_bytes()[:2] == b"\xff\xd8"]
    for number in range(covers - drawn):
        row = sound[number % len(sound)]
        name = f"covers/copy-{number:05d}.jpg"
        (folder / name).write_bytes(distinct((folder / row["file"]).read_bytes(), number))
        rows.append({**row, "file": name})
    _write(folder, rows)


def _hold_back(folder: Path, later: Path) -> list[dict[str, str]]:
    """Take away what comes on the second night; returns the whole table."""
    rows = _read(folder)
    kept = int(len(rows) * _FIRST_NIGHT)
    later.mkdir()
    for row in rows[kept:]:
        (folder / row["file"]).rename(later / Path(row["file"]).name)
    _write(folder, rows[:kept])
    return rows


def _second_night(folder: Path, rows: list[dict[str, str]]) -> None:
    """Covers come, one leaves, one changes, one breaks, a genre is corrected."""
    later = folder.parent / "later"
    for file in later.iterdir():
        file.rename(folder / "covers" / file.name)
    left, changed, broken, corrected, *_ = rows
    (folder / left["file"]).unlink()
    (folder / changed["file"]).write_bytes((folder / rows[-1]["file"]).read_bytes())
    (folder / broken["file"]).write_bytes(b"<html>not found</html>")
    corrected["genre"] = next(genre for genre in GENRES if genre != corrected["genre"])
    _write(folder, rows[1:])


def _read(folder: Path) -> list[dict[str, str]]:
    with (folder / "albums.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write(folder: Path, rows: Sequence[dict[str, str]]) -> None:
    with (folder / "albums.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
