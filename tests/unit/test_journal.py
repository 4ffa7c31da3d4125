"""The journal of a crawl."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scraping.journal import Held, Journal, Outcome, Wanted
from scraping.journal.store import Store
from scraping.records import Album, Page, Search

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
RAP = Search("site/rap/2004", "rap 2004")
FOLK = Search("site/folk/2004", "folk 2004")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A new journal whose first run has begun."""
    store = Store(tmp_path / "crawl" / "site.sqlite")
    opened = Journal(store)
    opened.searches.begin(NOW, attempts=3, refresh=False)
    yield opened
    store.close()


def album(number: int, genre: str = "rap", **fields: object) -> Album:
    made = Album(
        album_id=f"site:{number}",
        source_url=f"https://site.example/album/{number}",
        artist="Ärtist & Co",
        title=f'Title "{number}"',
        genres=(genre,),
        styles=(),
        year="2004",
        cover_url=f"https://img.example/{number}.jpg",
        robots="allowed by robots.txt",
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def add(
    journal: Journal,
    *albums: Album,
    search: Search = RAP,
    number: int = 1,
    last: bool = True,
    complete: bool = False,
    now: datetime.datetime = NOW,
) -> None:
    page = Page(number, albums, last)
    journal.searches.add(search, page, complete, now, now - 30 * DAY)


def fetch(journal: Journal, outcome: Outcome, now: datetime.datetime = NOW) -> Wanted:
    wanted = journal.covers.claim()
    assert wanted is not None
    journal.covers.settle(wanted.url, outcome, now)
    return wanted


def commit(journal: Journal) -> list[str]:
    pending = journal.commits.pending(1000, 10**9)
    journal.commits.done(pending, {})
    return [item.album.album_id for item in pending]


def test_a_search_goes_on_behind_the_page_that_was_recorded(journal: Journal) -> None:
    due = NOW - 30 * DAY
    assert journal.searches.position(RAP, due) == 1
    add(journal, album(1), number=1, last=False)
    assert journal.searches.position(RAP, due) == 2
    add(journal, album(2), number=2, last=True)
    assert journal.searches.position(RAP, due) is None
    assert journal.searches.position(FOLK, due) == 1


def test_a_finished_search_is_due_again_after_its_time(journal: Journal) -> None:
    add(journal, album(1))
    assert journal.searches.position(RAP, NOW) is None
    assert journal.searches.position(RAP, NOW + DAY) == 1


def test_a_search_interrupted_long_ago_starts_again(journal: Journal) -> None:
    add(journal, album(1), number=4, last=False)
    journal.searches.begin(NOW + DAY / 2, attempts=3, refresh=False)
    assert journal.searches.position(RAP, NOW - 30 * DAY) == 5
    journal.searches.begin(NOW + 2 * DAY, attempts=3, refresh=False)
    assert journal.searches.position(RAP, NOW - 30 * DAY) == 1


def test_an_album_keeps_every_genre_it_was_found_under(journal: Journal) -> None:
    add(journal, album(1, "rap", styles=("Gangsta",)))
    add(journal, album(1, "folk", styles=("Gangsta", "Freak Folk")), search=FOLK)
    fetch(journal, Outcome(content=b"bytes"))
    (item,) = journal.commits.pending(10, 10**9)
    assert item.album.genres == ("rap", "folk")
    assert item.album.styles == ("Gangsta", "Freak Folk")
    assert item.album.title == 'Title "1"'


def test_where_the_source_states_all_genres_the_last_statement_stands(journal: Journal) -> None:
    add(journal, album(1, "rap"), complete=True)
    add(journal, album(1, "folk"), search=FOLK, complete=True)
    fetch(journal, Outcome(content=b"bytes"))
    assert journal.commits.pending(10, 10**9)[0].album.genres == ("folk",)


def test_a_page_read_twice_changes_nothing(journal: Journal) -> None:
    add(journal, album(1), album(2))
    for content in (b"one", b"two"):
        fetch(journal, Outcome(content=content))
    assert commit(journal) == ["site:1", "site:2"]
    add(journal, album(1), album(2))
    assert journal.covers.claim() is None
    assert journal.commits.waiting() == 0
    assert journal.store.counts() == {"albums": 2, "wanted": 0, "held": 2, "failed": 0}


def test_bytes_are_held_until_they_are_committed_and_not_longer(
    journal: Journal, tmp_path: Path
) -> None:
    content = b"secret bytes of a cover " * 1000
    add(journal, album(1))
    fetch(journal, Outcome(content=content, etag='"v1"'))
    (item,) = journal.commits.pending(10, 10**9)
    assert item.content == content
    assert item.cover_id == hashlib.sha256(content).hexdigest()
    assert (item.looked_at, item.reason, item.etag) == (True, None, '"v1"')
    journal.commits.done([item], {})
    journal.searches.end()
    files = list((tmp_path / "crawl").iterdir())
    assert files
    assert not any(b"secret bytes" in path.read_bytes() for path in files)


def test_nothing_is_lost_when_the_process_ends_without_closing(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite"
    first = Journal(Store(path))
    first.searches.begin(NOW, 3, False)
    add(first, album(1), album(2), last=False)
    fetch(first, Outcome(content=b"one"))
    second = Journal(Store(path))  # the first is never closed
    assert second.searches.position(RAP, NOW - DAY) == 2
    assert [item.content for item in second.commits.pending(10, 10**9)] == [b"one"]
    assert second.covers.claim() == Wanted("https://img.example/2.jpg", None)


def test_a_cover_is_claimed_once_and_serves_every_album_that_wants_it(journal: Journal) -> None:
    shared = "https://img.example/shared.jpg"
    add(journal, album(1, cover_url=shared), album(2, cover_url=shared))
    wanted = journal.covers.claim()
    assert wanted == Wanted(shared, None)
    assert journal.covers.claim() is None
    journal.covers.settle(shared, Outcome(content=b"same"), NOW)
    ids = {item.cover_id for item in journal.commits.pending(10, 10**9)}
    assert ids == {hashlib.sha256(b"same").hexdigest()}
    assert commit(journal) == ["site:1", "site:2"]
    # An album found later points to the bytes that the tables hold; they are not fetched again.
    add(journal, album(3, cover_url=shared), search=FOLK)
    assert journal.covers.claim() is None
    (item,) = journal.commits.pending(10, 10**9)
    assert (item.album.album_id, item.content, item.cover_id in ids) == ("site:3", None, True)


def test_a_claim_given_back_can_be_claimed_again(journal: Journal) -> None:
    add(journal, album(1))
    wanted = journal.covers.claim()
    assert wanted is not None
    journal.covers.release(wanted.url)
    assert journal.covers.claim() == wanted


def test_an_album_without_a_cover_is_committed_with_the_reason(journal: Journal) -> None:
    add(journal, album(1, cover_url=None))
    assert journal.covers.claim() is None
    (item,) = journal.commits.pending(10, 10**9)
    assert (item.reason, item.content, item.attempts) == ("no_cover", None, 1)


def test_albums_wait_for_their_cover_before_they_are_committed(journal: Journal) -> None:
    add(journal, album(1), album(2))
    assert journal.commits.waiting() == 0
    fetch(journal, Outcome(content=b"one"))
    assert journal.commits.waiting() == 1


def test_a_commit_is_bounded_by_albums_and_by_bytes(journal: Journal) -> None:
    add(journal, *(album(n) for n in range(6)))
    for n in range(6):
        fetch(journal, Outcome(content=bytes([n]) * 100))
    assert len(journal.commits.pending(4, 10**9)) == 4
    assert len(journal.commits.pending(6, 250)) == 3
    assert len(journal.commits.pending(6, 1)) == 1


def test_what_changes_during_a_commit_is_committed_again(journal: Journal) -> None:
    add(journal, album(1, "rap"))
    fetch(journal, Outcome(content=b"one"))
    during = journal.commits.pending(10, 10**9)
    add(journal, album(1, "folk"), search=FOLK)
    journal.commits.done(during, {})
    (item,) = journal.commits.pending(10, 10**9)
    assert item.album.genres == ("rap", "folk")
    assert item.cover_id == hashlib.sha256(b"one").hexdigest()
    assert commit(journal) == ["site:1"]
    assert journal.commits.waiting() == 0


def test_bytes_that_are_no_cover_count_as_failed(journal: Journal) -> None:
    add(journal, album(1))
    fetch(journal, Outcome(content=b"<html>"))
    pending = journal.commits.pending(10, 10**9)
    journal.commits.done(pending, {"site:1": ("not_an_image", "begins with <html>")})
    assert journal.store.counts()["failed"] == 1
    assert journal.commits.waiting() == 0
    # Another album with the same address does not point to bytes that the tables refused.
    add(journal, album(2, cover_url=album(1).cover_url), search=FOLK)
    assert journal.covers.claim() == Wanted("https://img.example/1.jpg", None)


def test_the_next_crawl_tries_failed_covers_again_as_often_as_allowed(journal: Journal) -> None:
    add(journal, album(1), album(2))
    fetch(journal, Outcome(reason="unreachable", detail="timed out"))
    fetch(journal, Outcome(reason="too_many_bytes", detail="200 MB"))
    commit(journal)
    # The same crawl goes on: what failed has failed.
    journal.searches.begin(NOW, attempts=3, refresh=False)
    assert journal.covers.claim() is None
    for attempt in (2, 3):
        journal.searches.end()
        journal.searches.begin(NOW, attempts=3, refresh=False)
        assert fetch(journal, Outcome(reason="unreachable", detail="again")).url.endswith("1.jpg")
        assert journal.commits.pending(10, 10**9)[0].attempts == attempt
        commit(journal)
    journal.searches.end()
    journal.searches.begin(NOW, attempts=3, refresh=False)
    assert journal.covers.claim() is None


def test_a_cover_that_was_missing_is_looked_for_when_its_search_is_read_again(
    journal: Journal,
) -> None:
    add(journal, album(1))
    fetch(journal, Outcome(reason="no_cover", detail="404"))
    commit(journal)
    add(journal, album(1), now=NOW + DAY)
    assert journal.covers.claim() is None
    add(journal, album(1), now=NOW + 31 * DAY)
    assert journal.covers.claim() == Wanted("https://img.example/1.jpg", None)


def test_refresh_asks_whether_held_covers_changed(journal: Journal) -> None:
    add(journal, album(1), album(2), album(3))
    for n in (1, 2, 3):
        fetch(journal, Outcome(content=b"old %d" % n, etag=f'"{n}"'))
    commit(journal)
    journal.searches.end()
    journal.searches.begin(NOW, attempts=3, refresh=True)
    assert journal.searches.position(RAP, NOW - DAY) == 1
    add(journal, album(1), album(2), album(3))
    assert fetch(journal, Outcome()).etag == '"1"'
    assert fetch(journal, Outcome(content=b"new", etag='"2b"')).etag == '"2"'
    # Not to be had just now: the bytes that are held stay.
    assert fetch(journal, Outcome(reason="unreachable", detail="down")).etag == '"3"'
    (item,) = journal.commits.pending(10, 10**9)
    assert (item.album.album_id, item.content, item.etag) == ("site:2", b"new", '"2b"')
    assert journal.store.counts() == {"albums": 3, "wanted": 0, "held": 3, "failed": 0}


def test_a_new_address_is_a_new_cover(journal: Journal) -> None:
    add(journal, album(1))
    fetch(journal, Outcome(content=b"old", etag='"1"'))
    commit(journal)
    add(journal, album(1, cover_url="https://img.example/new.jpg"))
    assert fetch(journal, Outcome(content=b"new")) == Wanted("https://img.example/new.jpg", None)
    (item,) = journal.commits.pending(10, 10**9)
    assert (item.looked_at, item.content) == (True, b"new")


def test_a_corrected_title_is_committed_without_the_cover(journal: Journal) -> None:
    add(journal, album(1))
    fetch(journal, Outcome(content=b"one"))
    commit(journal)
    add(journal, album(1, title="Corrected"))
    assert journal.covers.claim() is None
    (item,) = journal.commits.pending(10, 10**9)
    assert (item.album.title, item.looked_at, item.content) == ("Corrected", False, None)


def held(number: int, content: bytes | None) -> Held:
    cover_id = None if content is None else hashlib.sha256(content).hexdigest()
    reason = "no_cover" if content is None else None
    return Held(album(number), cover_id, '"etag"', reason, None, 0 if content else 1)


def test_a_lost_journal_takes_over_what_the_tables_hold(journal: Journal) -> None:
    journal.commits.reconcile([held(1, b"one"), held(2, None)])
    assert journal.store.counts() == {"albums": 2, "wanted": 0, "held": 1, "failed": 1}
    assert journal.commits.waiting() == 0
    add(journal, album(1, "folk"), album(2), album(3), search=FOLK)
    assert journal.covers.claim() == Wanted("https://img.example/3.jpg", None)
    assert journal.covers.claim() is None
    assert [item.album.genres for item in journal.commits.pending(9, 10**9)] == [("rap", "folk")]


def test_tables_set_back_get_again_what_they_lack(journal: Journal) -> None:
    add(journal, album(1), album(2), album(3, cover_url=None))
    fetch(journal, Outcome(content=b"one"))
    fetch(journal, Outcome(content=b"two"))
    commit(journal)
    journal.commits.reconcile([held(1, b"one")])
    assert fetch(journal, Outcome(content=b"two")) == Wanted("https://img.example/2.jpg", None)
    assert journal.covers.claim() is None
    assert commit(journal) == ["site:2", "site:3"]


def test_a_commit_that_was_killed_before_it_was_recorded_is_repeated(journal: Journal) -> None:
    add(journal, album(1))
    fetch(journal, Outcome(content=b"one"))
    journal.commits.reconcile([held(1, b"one")])  # the tables hold it, the journal never knew
    (item,) = journal.commits.pending(10, 10**9)
    assert item.content == b"one"
