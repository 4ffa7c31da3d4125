"""Searches read with a real browser: every row, each once, whatever the site does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from covergenre import config
from covergenre.errors import SourceUnavailableError
from scraping.allmusic import AllMusic
from scraping.allmusic.result_table import ResultTable
from scraping.records import Album, Page
from tests.browser import processes
from tests.browser.conftest import ALBUMS, Crawl, Lent, crawling
from tests.sites import pages
from tests.sites.allmusic import STUDY, Site, SiteAlbum, Traps, make_albums
from tests.sites.pages import ROWS
from tests.sites.server import Reply, Request, Server


def read(source: AllMusic, genre: str, start: int = 1) -> list[Page]:
    return list(_pages(source, genre, start))


def _pages(source: AllMusic, genre: str, start: int = 1) -> Iterator[Page]:
    search = next(s for s in source.searches() if s.title.startswith(genre))
    return source.pages(search, start)


def shown(site: Site, genre: str, first: int = 2000, last: int = 2022) -> list[Album]:
    """The albums of a search as they should be read, from what the site was made of."""
    wanted = STUDY[genre]
    name = {"hard rock": "Hard Rock", "disco": "Disco"}.get(genre)
    albums: list[SiteAlbum] = site.listed("recordingtype:mainalbum")
    return [
        Album(
            album_id=f"allmusic:{album.id.upper()}",
            source_url=f"{site.url}/album/{pages.slug(album.title)}-{album.id}",
            artist=album.artist,
            title=album.title,
            genres=(genre,),
            styles=(name,) if name else (),
            year=None if album.year is None else str(album.year),
            cover_url=(
                None
                if album.cover is None
                else f"{site.url}/covers/JPG_250/{album.id}.jpg?partner=site"
            ),
            robots="allowed by robots.txt",
        )
        for album in albums
        if wanted in album.genres and first <= (album.searched_year or 0) <= last
    ]


def rows(found: list[Page]) -> list[Album]:
    return [album for page in found for album in page.albums]


# Complete and exact.


def test_every_row_of_every_page_is_read_once_and_exactly(reader: AllMusic, site: Site) -> None:
    found = read(reader, "rap")
    expected = shown(site, "rap")
    assert len(expected) == ALBUMS == 115
    assert rows(found) == expected
    sizes = [(page.number, len(page.albums), page.last) for page in found]
    assert sizes == [(1, 40, False), (2, 40, False), (3, 35, True)]
    first, second = rows(found)[:2]
    assert (first.artist, first.title, first.year) == (
        "Ann Lee / Bo & Co",
        '<b>&amp;</b> "1/2"',
        None,
    )
    assert (second.artist, second.title, second.cover_url) == ("Various Artists", "静かな夜", None)
    assert site.image_requests.total() == 0  # covers are for the polite client


def test_traps_cost_no_row(reader: AllMusic, site: Site) -> None:
    site.traps = Traps(
        delay=(0.0, 0.15),
        stale_seconds=0.3,
        half_rendered=0.25,
        cookie_box=0.7,
        lost_click_every=2,
        unlinked_various=True,
        ads=True,
    )
    before = site.result_requests.total()
    assert rows(read(reader, "rap")) == shown(site, "rap")
    assert site.result_requests.total() - before == 4 + 2  # four choices, two pages more
    assert site.foreign.requests == []


def test_box_of_a_style(reader: AllMusic, site: Site) -> None:
    site.traps.lazy = False
    found = rows(read(reader, "hard rock"))
    assert found == shown(site, "hard rock")
    assert site.image_requests.total() == 0
    assert {album.styles for album in found} == {("Hard Rock",)}
    posted = [r.form["filters[]"] for r in site.requests if r.method == "POST"]
    assert posted[-1] == [
        "subgenreid:MA0000002636",
        "releaseyear>:2000",
        "releaseyear<:2022",
        "recordingtype:mainalbum",
    ]


def test_boxes_of_2022(albums: list[SiteAlbum], tmp_path: Path) -> None:
    with Site(albums, ids="2022") as site, crawling(site, tmp_path) as source:
        assert rows(read(source, "disco")) == shown(site, "disco")


def test_both_ends_of_the_years(crawl: Crawl, site: Site) -> None:
    source = crawl(
        "scrape.allmusic.start_year=2003",
        "scrape.allmusic.end_year=2007",
        "scrape.allmusic.years_per_search=3",
    )
    titles = [search.title for search in source.searches()]
    assert titles[:3] == ["rap 2003-2005", "rap 2006-2007", "folk 2003-2005"]
    found = rows(list(source.pages(source.searches()[1])))
    assert found == shown(site, "rap", 2006, 2007)
    assert len(found) == 5 * 2


def test_start_page_reads_the_same_rows(reader: AllMusic, site: Site) -> None:
    found = read(reader, "rap", start=2)
    assert [(p.number, p.last) for p in found] == [(2, False), (3, True)]
    assert rows(found) == shown(site, "rap")[ROWS:]
    assert read(reader, "rap", start=9) == [Page(9, (), True)]


def test_no_more_rows_than_wanted_are_asked_for(crawl: Crawl, site: Site) -> None:
    source = crawl("scrape.allmusic.albums_per_search=50")
    before = site.result_requests
    found = read(source, "rap")
    assert [(p.number, len(p.albums), p.last) for p in found] == [(1, 40, False), (2, 10, True)]
    assert rows(found) == shown(site, "rap")[:50]
    assert site.result_requests - before == {1: 4, 2: 1}
    assert read(source, "rap", start=3) == [Page(3, (), True)]


def test_search_without_results_is_an_empty_page(tmp_path: Path) -> None:
    # Ten albums of rap and none of another genre, so none of disco.
    only_rap = [a for a in make_albums(23, seed=5, pictures=5) if STUDY["disco"] not in a.genres]
    with Site(only_rap) as site, crawling(site, tmp_path) as source:
        assert read(source, "disco") == [Page(1, (), True)]


def test_full_last_page(tmp_path: Path) -> None:
    every = make_albums(92, seed=5, pictures=5)
    rap = [album for album in every if STUDY["rap"] in album.genres][: 2 * ROWS]
    with Site(rap) as site, crawling(site, tmp_path) as source:
        found = read(source, "rap")
        assert [(len(p.albums), p.last) for p in found] == [(ROWS, False), (ROWS, True)]
        assert rows(found) == shown(site, "rap")


def test_requests_that_cannot_be_seen(crawl: Crawl, site: Site) -> None:
    """Where the answers go by another address, the rows alone tell."""
    source = crawl(
        "scrape.allmusic.results_path=/elsewhere/",
        "scrape.allmusic.start_year=2004",
        "scrape.allmusic.end_year=2015",
        "scrape.allmusic.years_per_search=12",
    )
    assert rows(read(source, "rap")) == shown(site, "rap", 2004, 2015)


def test_addresses_of_covers_are_rewritten(crawl: Crawl, site: Site) -> None:
    source = crawl(
        "scrape.allmusic.cover_url_replace=[{pattern: JPG_250, replacement: JPG_500}]",
        "scrape.allmusic.placeholders=['0.jpg?']",
        "scrape.allmusic.albums_per_search=40",
    )
    expected = [
        None
        if album.cover_url is not None and "0.jpg?" in album.cover_url
        else (album.cover_url or f"{site.url}{pages.PLACEHOLDER}").replace("JPG_250", "JPG_500")
        for album in shown(site, "rap")[:ROWS]
    ]
    found = [album.cover_url for album in rows(read(source, "rap"))]
    assert found == expected
    assert None in found


TABLE = """<!DOCTYPE html><base href="https://music.example/find/"><section class="results">
<div class="desktop-results"><table><tbody>
<tr><td class="cover"><img src="data:image/gif;base64,R0lGOD"></td><td class="year"> </td>
<td class="artist"><a>Ann  Lee</a> <a>Bo</a></td><td class="title">No\n link</td></tr>
<tr><td class="cover"><img src="//img.example/a.jpg" data-original="../b.jpg"></td>
<td class="year">c. 1999</td><td class="artist">Trad.</td>
<td class="title"><a href="../album/two-mw0000000002?from=mw">Two</a></td></tr>
</tbody></table></div><a class="next disabled">Next &raquo;</a></section>"""


def test_cells_of_rows_of_every_kind() -> None:
    settings = config.load(None, ["scrape.allmusic.selectors.next=a.next:not(.disabled)"])
    allmusic = settings.scrape.allmusic
    with Server(lambda _: Reply(TABLE.encode())) as server:
        driver = Lent(allmusic.browser, ["127.0.0.1"], "tests").driver
        driver.get(server.url)
        table = ResultTable.read(driver, allmusic)
        again = ResultTable.read(driver, allmusic)
    first, second = table.rows
    assert (first.artist, first.title, first.year) == ("Ann Lee & Bo", "No link", None)
    assert (first.linked, first.url, first.cover) == (False, None, None)
    assert first.album_id == again.rows[0].album_id
    assert re.fullmatch("allmusic:[0-9a-f]{16}", first.album_id)
    assert (second.artist, second.title, second.year) == ("Trad.", "Two", "c. 1999")
    assert second.album_id == "allmusic:MW0000000002"
    assert second.url == "https://music.example/album/two-mw0000000002?from=mw"
    assert second.cover == "https://music.example/b.jpg"
    assert (table.next, table.empty, table.missing) == (False, False, ())


# The site repeats itself.


class Repeating(Site):
    """Answers page 2 with the rows of page 1, so many times.

    Attributes:
        times: left.
        stuck: whether its pager leads to page 2 again, else to page 3.
    """

    times = 0
    stuck = False

    def _answer(self, request: Request) -> Reply:
        if not (request.path.endswith("/results/2") and self.times > 0):
            return super()._answer(request)
        self.times -= 1
        reply = super()._answer(replace(request, target="/advanced-search/results/"))
        assert isinstance(reply.body, bytes)
        old, new = (b'rel="next" href="#" data-page="%d"' % number for number in (2, 3))
        assert old in reply.body
        return reply if self.stuck else replace(reply, body=reply.body.replace(old, new))


@pytest.mark.parametrize("times", [1, 9])
def test_rows_that_come_again_are_not_read_again(
    albums: list[SiteAlbum], tmp_path: Path, times: int
) -> None:
    with Repeating(albums) as site, crawling(site, tmp_path) as source:
        site.times = times
        expected = shown(site, "rap")
        found = read(source, "rap")
        if times > 1:  # it is asked twice, then taken at its word
            expected = expected[:ROWS] + expected[2 * ROWS :]
            assert found[1] == Page(2, (), False)
        assert rows(found) == expected


def test_pager_that_leads_nowhere(albums: list[SiteAlbum], tmp_path: Path) -> None:
    with (
        Repeating(albums) as site,
        crawling(site, tmp_path, "scrape.http.attempts=2") as source,
    ):
        site.times, site.stuck = 99, True
        with pytest.raises(SourceUnavailableError, match="asked for page 3, got 2"):
            read(source, "rap")


# The browser dies.


def test_browser_that_is_killed_costs_no_row(reader: AllMusic, site: Site) -> None:
    found = []
    for page in _pages(reader, "electronic"):
        found.append(page)
        if not page.last:
            processes.kill({1: "chromium", 2: "chromedriver"}[page.number])
    assert rows(found) == shown(site, "electronic")
    assert [page.number for page in found] == [1, 2, 3]
