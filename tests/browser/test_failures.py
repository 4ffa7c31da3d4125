"""What a search says when the site refuses, does not answer, or has changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from covergenre.errors import (
    LayoutError,
    SettingError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from scraping.allmusic import AllMusic
from scraping.records import Page
from tests.browser.conftest import ALBUMS, Crawl, crawling
from tests.sites.allmusic import Site, SiteAlbum, Traps


def read(source: AllMusic) -> list[Page]:
    return list(source.pages(source.searches()[0]))


def posts(site: Site) -> list[float]:
    """When results were asked for."""
    return [request.time for request in site.requests if request.method == "POST"]


def later(site: Site, *statuses: int) -> dict[int, int]:
    """A plan for the results asked for from now on; 200 for as they come."""
    return dict(enumerate(statuses, len(posts(site)) + 1))


# The source says no.


@pytest.mark.parametrize("path", ["/advanced-search$", "/advanced-search/results/"])
def test_robots_txt_forbids(albums: list[SiteAlbum], tmp_path: Path, path: str) -> None:
    traps = Traps(robots=f"User-agent: covergenre\nDisallow: {path}\n")
    with Site(albums, traps) as site, crawling(site, tmp_path) as source:
        with pytest.raises(SourceRefusedError, match=r"^127\.0\.0\.1: robots\.txt forbids /adv"):
            read(source)
        assert [request.path for request in site.requests] == ["/robots.txt"]


def test_403_for_the_page(albums: list[SiteAlbum], tmp_path: Path) -> None:
    with Site(albums, Traps(challenge_after=0)) as site, crawling(site, tmp_path) as source:
        with pytest.raises(
            SourceRefusedError, match=r"^127\.0\.0\.1 answered 403 to /advanced-search: .*nothing"
        ):
            read(source)
        assert site.page_views == 1


def test_challenge_with_status_200(albums: list[SiteAlbum], tmp_path: Path) -> None:
    traps = Traps(challenge_after=0, challenge_status=200)
    with Site(albums, traps) as site, crawling(site, tmp_path) as source:
        with pytest.raises(SourceRefusedError, match=r"shows a challenge .*#challenge-form"):
            read(source)
        assert site.page_views == 1
        assert posts(site) == []


# The source does not answer.


def test_429_is_waited_for(reader: AllMusic, site: Site) -> None:
    site.traps.retry_after = "1"
    site.traps.status_plan = later(site, 200, 200, 200, 200, 429)
    before = site.result_requests
    found = read(reader)
    assert sum(len(page.albums) for page in found) == ALBUMS
    assert site.result_requests - before == {1: 4, 2: 2, 3: 1}  # only Next again
    refused, again = posts(site)[-3:-1]
    assert again - refused >= 1


def test_errors_in_the_form_start_it_anew(reader: AllMusic, site: Site) -> None:
    site.traps.retry_after = None
    site.traps.status_plan = later(site, 503, 200, 500)
    views = site.page_views
    assert sum(len(page.albums) for page in read(reader)) == ALBUMS
    assert site.page_views - views == 3


def test_503_to_the_end(reader: AllMusic, site: Site) -> None:
    site.traps.retry_after = None
    site.traps.status_plan = later(site, 200, 200, 200, 200, *[503] * 9)
    before = site.result_requests
    found = []
    with pytest.raises(
        SourceUnavailableError,
        match=r"^127\.0\.0\.1 .*status 503.*MA0000002816/2000-2022.* page 2, 3 times",
    ):
        found.extend(reader.pages(reader.searches()[0]))
    assert site.result_requests - before == {1: 4, 2: 3}  # scrape.http.attempts


def test_403_for_the_results_keeps_the_pages_before(reader: AllMusic, site: Site) -> None:
    site.traps.status_plan = later(site, 200, 200, 200, 200, 403)
    before = site.result_requests
    pages = reader.pages(reader.searches()[0])
    assert len(next(pages).albums) == 40
    with pytest.raises(SourceRefusedError, match="answered 403 to /advanced-search/results/2: "):
        next(pages)
    assert site.result_requests - before == {1: 4, 2: 1}


def test_503_for_the_page(albums: list[SiteAlbum], tmp_path: Path) -> None:
    traps = Traps(challenge_after=0, challenge_status=503)
    with Site(albums, traps) as site, crawling(site, tmp_path) as source:
        with pytest.raises(SourceUnavailableError, match=r"status 503.*3 times in a row"):
            read(source)
        assert site.page_views == 3


def test_long_retry_after_ends_the_run(crawl: Crawl, site: Site) -> None:
    source = crawl("scrape.http.max_wait_seconds=5")
    site.traps.retry_after = "3600"
    site.traps.status_plan = later(site, 429)
    with pytest.raises(SourceUnavailableError, match="asks to be left alone for 3600 s"):
        read(source)


def test_site_that_is_gone(albums: list[SiteAlbum], tmp_path: Path) -> None:
    with Site(albums) as site, crawling(site, tmp_path, "scrape.http.attempts=2") as source:
        pages = source.pages(source.searches()[0])
        next(pages)
        site.server.stop()
        with pytest.raises(SourceUnavailableError, match=r"ERR_CONNECTION_REFUSED.* 2 times"):
            list(pages)


def test_404(reader: AllMusic, site: Site) -> None:
    site.traps.status_plan = later(site, 404)
    with pytest.raises(SourceError, match=r"answered 404 to .* scrape\.allmusic\.url"):
        read(reader)


# The page has changed.


@pytest.mark.parametrize(
    ("layout", "name"),
    [("changed", "rows"), ("cells changed", "title"), ("form changed", "genre_filter")],
)
def test_changed_layout_names_the_selector_and_is_saved(
    reader: AllMusic, site: Site, layout: str, name: str
) -> None:
    site.traps.layout = layout
    with pytest.raises(LayoutError) as caught:
        read(reader)
    text = str(caught.value)
    assert text.startswith(f"{site.search_url} has changed: scrape.allmusic.selectors.{name} = ")
    assert "\n" not in text
    match = re.search(r"see (\S+\.png) and (\S+\.html)$", text)
    assert match is not None
    assert Path(match[1]).name.endswith(
        "Z-allmusic-ma0000002816-2000-2022-recordingtype-mainalbum-all.png"
    )
    assert Path(match[1]).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert "<title>Advanced Search | AllMusic stand-in</title>" in Path(match[2]).read_text("utf-8")


def test_lost_link_to_the_next_page_is_no_last_page(crawl: Crawl) -> None:
    source = crawl("scrape.allmusic.selectors.next=a.forward")
    with pytest.raises(
        LayoutError, match=r"scrape\.allmusic\.selectors\.next = a\.forward finds nothing"
    ):
        read(source)


def test_year_that_is_not_offered(crawl: Crawl) -> None:
    source = crawl("scrape.allmusic.end_year=2030", "scrape.allmusic.years_per_search=31")
    with pytest.raises(
        LayoutError, match=r"scrape\.allmusic\.end_year = 2030 is not offered, only 1923 to 2023"
    ):
        read(source)


def test_box_that_is_not_there(crawl: Crawl) -> None:
    source = crawl(
        "scrape.allmusic.genres=[{genre: polka, name: Polka, id: MA0000009999, kind: style}]"
    )
    with pytest.raises(LayoutError, match=r"scrape\.allmusic\.genres: .*'Polka'.*MA0000009999"):
        read(source)


def test_selector_that_is_none(crawl: Crawl) -> None:
    source = crawl("scrape.allmusic.selectors.year=td[")
    with pytest.raises(SettingError, match=r"scrape\.allmusic\.selectors\.year: 'td\['"):
        read(source)


# Settings.


def test_terms_come_first(crawl: Crawl) -> None:
    with pytest.raises(SettingError, match=r"scrape\.allmusic\.terms_accepted is false: read"):
        crawl("scrape.allmusic.terms_accepted=false")


def test_address_must_be_of_the_source(crawl: Crawl) -> None:
    with pytest.raises(SettingError, match=r"scrape\.allmusic\.url: .*scrape\.allmusic\.hosts"):
        crawl("scrape.allmusic.hosts=[www.example.org]")


def test_searches_by_default(crawl: Crawl) -> None:
    source = crawl("scrape.allmusic.years_per_search=1")
    searches = source.searches()
    assert len(searches) == 5 * 23
    assert searches[0].key == "allmusic/MA0000002816/2000-2000/recordingtype:mainalbum/all"
    assert searches[0].title == "rap 2000"
    assert searches[-1].title == "electronic 2022"
    assert len({search.key for search in searches}) == len(searches)
    assert (source.name, source.states_all_genres) == ("allmusic", False)
    assert source.data_licence == "AllMusic terms of service"
    assert source.image_licence == "copyright of the label"
