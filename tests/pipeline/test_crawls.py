"""The scraping job as people run it, against the local sites: whole crawls, kills, refusals."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import astuple
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from scraping.journal.covers import RETRIED
from tests.pipeline import crawls
from tests.pipeline.test_jobs import submit
from tests.sites.allmusic import Site, Traps, make_albums
from tests.sites.musicbrainz import MusicBrainzSite, make_release_groups

# What happens to a cover, and the reason that must be found in quarantine; None: it is held.
PLANS = {
    "slow": None,
    "503 once": None,
    "truncated": "truncated",
    "cut off": "unreachable",
    "html": "not_an_image",
    "huge": "too_many_bytes",
    "bomb": "too_many_pixels",
    "redirect off-site": "address_refused",
    "redirect to loopback": "address_refused",
    "redirect loop": "http_error",
    "403": "http_error",
    "404": "no_cover",
}


def reasons(spark: SparkSession, output: Path) -> dict[str, str]:
    rows = spark.read.format("delta").load(str(output / "quarantine")).where("closed_at IS NULL")
    return {row["album_id"]: row["reason"] for row in rows.collect()}


def outcomes(spark: SparkSession, output: Path) -> list[str]:
    rows = spark.read.format("delta").load(str(output / "runs")).orderBy("started_at").collect()
    return [row["outcome"] for row in rows]


def test_a_crawl_that_is_killed_goes_on_and_loses_nothing(
    spark: SparkSession, tmp_path: Path
) -> None:
    albums = make_albums(69, seed=5)
    victims = [album.id for album in albums if album.cover is not None][: len(PLANS)]
    plan = dict(zip(victims, PLANS, strict=True))
    output = tmp_path / "warehouse"
    with Site(albums, Traps(**crawls.TRAPS, slow_seconds=1, image_plan=plan)) as site:
        settings = [
            *site.settings,
            *crawls.OFTEN,
            "scrape.http.attempts=2",
            "scrape.http.max_delay_seconds=2",
            "scrape.allmusic.years_per_search=12",
            "scrape.allmusic.albums_per_search=null",
        ]
        words = crawls.command("allmusic", settings, output)
        for victim in ("group", "python"):
            before = sum(site.image_requests.values())
            process = crawls.start(words, tmp_path / "log")
            deadline = time.monotonic() + 120
            while sum(site.image_requests.values()) < before + 70:
                assert process.poll() is None, (tmp_path / "log").read_text()[-3000:]
                assert time.monotonic() < deadline
                time.sleep(0.1)
            crawls.kill(process, victim)
        status, result, text = crawls.run(words, tmp_path / "log")
        assert status == 0, text[-3000:]
        images = site.image_requests.copy()
        asked = len(site.requests)
        again, nothing, text = crawls.run(words, tmp_path / "log")
        assert again == 0, text[-3000:]
        # The next crawl reads no page, and tries again only what may be there by now ...
        later = {request.path for request in site.requests[asked:]} - {"/robots.txt"}
        passing = {v for v, p in plan.items() if PLANS[p] in RETRIED}
        assert later == {site.cover_path(victim) for victim in passing}
        assert site.foreign.requests == []

    truth = crawls.truth(site)
    broken = {f"allmusic:{victim.upper()}" for victim, p in plan.items() if PLANS[p]}
    wanted = {(*row[:5], None if row[0] in broken else row[5]) for row in truth}
    assert crawls.found(spark, output) == wanted
    expected = {row[0]: "no_cover" for row in truth if row[5] is None}
    expected |= {f"allmusic:{v.upper()}": PLANS[p] for v, p in plan.items() if PLANS[p]}
    assert reasons(spark, output) == expected
    assert result["albums"] == nothing["albums"] == len(albums)
    assert (nothing["pages"], nothing["covers_fetched"]) == (0, 0)
    # ... and what was held was not fetched again: only what was arriving when it was killed.
    good = {site.cover_path(a.id) for a in albums if a.cover is not None and a.id not in plan}
    repeated = Counter({path: n - 1 for path, n in images.items() if path in good and n > 1})
    assert sum(repeated.values()) <= 2 * 4  # two kills, four downloads at a time
    assert outcomes(spark, output)[-2:] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("robots", ["User-agent: *\nDisallow: /", 500])
def test_robots_that_forbids_ends_the_crawl_before_it_begins(
    spark: SparkSession, tmp_path: Path, robots: str | int
) -> None:
    with Site(make_albums(5, seed=1), Traps(robots=robots)) as site:
        settings = [*site.settings, "scrape.http.attempts=1"]
        output = tmp_path / "warehouse"
        status, _, text = crawls.run(crawls.command("allmusic", settings, output), tmp_path / "log")
        assert status == 5
        assert re.search(r"error: .*127\.0\.0\.1.*robots\.txt", text), text[-3000:]
        assert "Traceback" not in text
        assert {request.path for request in site.requests} == {"/robots.txt"}
    assert outcomes(spark, output) == ["failed"]
    assert spark.read.format("delta").load(str(output / "albums")).count() == 0


def test_nothing_is_asked_or_written_without_consent_and_contact(tmp_path: Path) -> None:
    output = tmp_path / "warehouse"
    done = submit("jobs/scrape.py", "--source", "allmusic", "--output", str(output),
                  "--set", "scrape.contact=tests@covers.example")  # fmt: skip
    assert done.returncode == 2
    assert "scrape.allmusic.terms_accepted" in done.stdout + done.stderr
    done = submit("jobs/scrape.py", "--source", "musicbrainz", "--output", str(output))
    assert done.returncode == 2
    assert "scrape.contact" in done.stdout + done.stderr
    done = submit("jobs/scrape.py", "--source", "musicbrainz", "--covers", str(tmp_path))
    assert done.returncode == 2
    assert "takes no --covers" in done.stdout + done.stderr
    assert not output.exists()


def test_musicbrainz_is_scraped_and_scored(spark: SparkSession, tmp_path: Path) -> None:
    output = tmp_path / "warehouse"
    groups = make_release_groups(90, seed=2, start_year=2003, end_year=2004)
    with MusicBrainzSite(groups) as site:
        settings = [
            *site.settings,
            "scrape.musicbrainz.start_year=2003",
            "scrape.musicbrainz.end_year=2004",
        ]
        words = crawls.command("musicbrainz", settings, output)
        status, _, text = crawls.run(words, tmp_path / "log")
        assert status == 0, text[-3000:]
    truth = site.truth
    rows = spark.read.format("delta").load(str(output / "albums")).collect()
    assert {
        row["album_id"]: (
            tuple(row["genres"]), str(row["release_year"]), row["artist"], row["title"],
            row["cover_id"],
        )
        for row in rows
    } == {album_id: astuple(album) for album_id, album in truth.items()}  # fmt: skip
    assert {row["genre"] for row in rows} == {album.genres[0] for album in truth.values()}
    without = {album_id for album_id, album in truth.items() if album.cover_id is None}
    assert reasons(spark, output) == dict.fromkeys(without, "no_cover")

    done = submit("jobs/score.py", "--covers", str(output))
    assert done.returncode == 0, done.stdout + done.stderr
    predictions = spark.read.format("delta").load(str(output / "predictions"))
    assert predictions.count() == len(truth) - len(without)
