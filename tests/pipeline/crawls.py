"""Crawls of the local sites by the job as people run it, and kills at random moments.

``python -m tests.pipeline.crawls --kills 20`` compares a crawl that is killed again and again with
one that is left alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from tests.conftest import ROOT
from tests.pipeline.test_jobs import BIN
from tests.sites.allmusic import STUDY, Site, Traps, make_albums

# Columns that tell when or how often, not what.
TIMES = ("scraped_at", "fetched_at", "first_seen", "last_seen", "closed_at")
TRAPS = {
    "stale_seconds": 0.3,
    "half_rendered": 0.05,
    "cookie_box": 0.5,
    "lost_click_every": 40,
    "delay": (0.0, 0.1),
}
OFTEN = ("scrape.commit_seconds=5", "scrape.commit_albums=200")


def command(source: str, settings: Iterable[str], output: Path) -> list[str]:
    """The job's command line, with settings as ``--set`` takes them."""
    chosen = [word for setting in settings for word in ("--set", setting)]
    return [
        str(BIN / "spark-submit"), "jobs/scrape.py", "--source", source, "--output", str(output),
        "--json", *chosen,
    ]  # fmt: skip


def start(words: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a job in a process group of its own."""
    with log.open("ab") as file:
        return subprocess.Popen(
            words, cwd=ROOT, stdout=file, stderr=file, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip


def run(words: list[str], log: Path, timeout: float = 600) -> tuple[int, dict[str, Any], str]:
    """Run a job to its end: exit status, the JSON it prints last ({} without), all its output."""
    before = log.stat().st_size if log.exists() else 0
    status = start(words, log).wait(timeout)
    text = log.read_text("utf-8", "replace")[before:]
    lines = [line for line in text.splitlines() if line.startswith("{")]
    return status, json.loads(lines[-1]) if lines else {}, text


def kill(process: subprocess.Popen[bytes], victim: str) -> None:
    """Kill -9 the whole job (``group``), or only its ``java`` or ``python``, and see it end."""
    if victim == "group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        for pid in _members(process.pid):
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except FileNotFoundError:
                continue  # a process that has ended meanwhile
            name = os.path.basename(line[0])
            driver = b"scrape.py" in b" ".join(line)
            if driver and (b"java" in name) == (victim == "java"):
                os.kill(pid, signal.SIGKILL)
    process.wait(120)
    _wait_until_gone(process.pid)


def _members(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == group:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def _wait_until_gone(group: int) -> None:
    deadline = time.monotonic() + 60
    while _members(group):
        if time.monotonic() > deadline:
            raise AssertionError(f"still running: {_members(group)}")
        time.sleep(0.1)


def contents(spark: SparkSession, output: Path) -> dict[str, Counter[tuple[Any, ...]]]:
    """What the tables hold, times left out."""

    def rows(frame: DataFrame) -> Counter[tuple[Any, ...]]:
        kept = [name for name in frame.columns if name not in TIMES]
        collected = frame.select(*kept).collect()
        return Counter(
            tuple(tuple(v) if isinstance(v, list) else bytes(v) if isinstance(v, bytearray) else v
                  for v in row)
            for row in collected
        )  # fmt: skip

    def read(table: str) -> DataFrame:
        return spark.read.format("delta").load(str(output / table))

    return {
        "albums": rows(read("albums")),
        "covers": rows(read("covers")),
        "quarantine": rows(read("quarantine").where("closed_at IS NULL")),
    }


def truth(site: Site) -> set[tuple[Any, ...]]:
    """Albums as they must be: id, artist, title, year, genres, sha256 of the cover."""
    names = {genre_id: genre for genre, genre_id in STUDY.items()}
    return {
        (f"allmusic:{album_id.upper()}", a.artist, a.title, a.year,
         frozenset(names[g] for g in a.genres if g in names), a.cover_sha256)
        for album_id, a in site.truth.items()
    }  # fmt: skip


def found(spark: SparkSession, output: Path) -> set[tuple[Any, ...]]:
    """The table albums in the form of :func:`truth`."""
    names = ("album_id", "artist", "title", "release_year", "genres", "cover_id")
    rows = spark.read.format("delta").load(str(output / "albums")).select(*names).collect()
    assert len({row["album_id"] for row in rows}) == len(rows)
    return {(*row[:4], frozenset(row["genres"]), row["cover_id"]) for row in rows}


def main() -> None:
    """Crawl once undisturbed and, if asked, once with kills; compare both with the truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="0: only the undisturbed crawl")
    parser.add_argument("--per-genre", type=int, default=400)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds between two requests")
    parser.add_argument("--longest", type=float, default=30, help="seconds until a kill, at most")
    parser.add_argument("--traps", type=json.loads, default={}, help="fields of Traps")
    parser.add_argument("--set", action="append", default=[], help="a setting of the job")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        Site(make_albums(args.per_genre, args.seed), Traps(**{**TRAPS, **args.traps})) as site,
    ):
        folder = Path(name)
        delay = f"scrape.http.delay_seconds={args.delay}"
        settings = [*site.settings, *OFTEN, delay, *args.set]
        words = command("allmusic", settings, folder / "whole")
        begin = time.monotonic()
        status, result, text = run(words, folder / "log", timeout=7200)
        assert status == 0, text[-3000:]
        print(f"undisturbed: {time.monotonic() - begin:.0f} s, {result}", flush=True)
        print("\n".join(text.splitlines()[-30:]), flush=True)
        spark = SparkSession.builder.getOrCreate()
        assert found(spark, folder / "whole") == truth(site), "not what the site holds"
        print(f"{len(site.truth)} albums, every one as the site has it", flush=True)
        if args.kills:
            images = site.image_requests.copy()
            _kill_often(args, command("allmusic", settings, folder / "cut"), folder / "cut.log")
            assert contents(spark, folder / "cut") == contents(spark, folder / "whole"), "differ"
            again = (site.image_requests - images).values()
            twice = sum(count - 1 for count in again if count > 1)
            print(f"equal; {sum(again)} images asked for, {twice} more than once")


def _kill_often(args: argparse.Namespace, words: list[str], log: Path) -> None:
    chance = random.Random(args.seed)
    for number in range(args.kills):
        victim = chance.choice(("group", "group", "java", "python"))
        seconds = chance.uniform(2, args.longest)
        process = start(words, log)
        try:
            process.wait(seconds)
            print(f"{number + 1}: ended before {seconds:.1f} s", flush=True)
        except subprocess.TimeoutExpired:
            kill(process, victim)
            print(f"{number + 1}: killed {victim} after {seconds:.1f} s", flush=True)
    status, result, text = run(words, log)
    assert status == 0, text[-3000:]
    print(f"last run: {result}", flush=True)


if __name__ == "__main__":
    main()
