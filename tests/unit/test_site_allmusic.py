"""The AllMusic stand-in does what it says: rows, filters, covers, and every trap."""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from html.parser import HTMLParser

import pytest
import requests
from PIL import Image

from tests.sites.allmusic import STUDY, AlbumTruth, Site, SiteAlbum, Traps, make_albums
from tests.sites.server import Reply, Request, Server

PER_GENRE = 92  # four a year
MAIN = "recordingtype:mainalbum"
RAP, DISCO = "genreid:MA0000002816", "subgenreid:MA0000002552"


class _Table(HTMLParser):
    """Rows of results: what is in each class of cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[dict[str, str]] = []
        self.links: list[str] = []
        self._cell = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attributes}
        if tag == "td":
            self._cell = about["class"]
            self.rows[-1].setdefault(self._cell, "")
        elif tag == "tr":
            self.rows.append({})
        elif tag == "img":
            self.rows[-1] |= {"src": about["src"], "data-original": about.get("data-original", "")}
        elif tag == "a" and self._cell == "title":
            self.rows[-1]["href"] = about["href"]
        elif tag == "a" and "data-page" in about:
            self.links.append(about.get("class", about["data-page"]))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "thead"):
            self._cell = ""
            self.rows = [] if tag == "thead" else self.rows

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][self._cell] += data


@pytest.fixture(scope="module")
def albums() -> list[SiteAlbum]:
    return make_albums(PER_GENRE, seed=1, overlap=0.1, pictures=25, cover_size=48)


@pytest.fixture
def site(albums: list[SiteAlbum]) -> Iterator[Site]:
    with Site(albums) as site:
        yield site


def _ask(site: Site, *filters: str, page: int = 1) -> requests.Response:
    form = {"filters[]": filters, "sort": ""}
    return requests.post(f"{site.search_url}/results/{page}", form, timeout=10)


def _rows(site: Site, *filters: str) -> list[dict[str, str]]:
    """All rows of a search, page by page; every page but the last has 40."""
    rows: list[dict[str, str]] = []
    page = 1
    while True:
        table = _Table(_ask(site, *filters, page=page).text)
        rows += table.rows
        if "next" not in table.links:
            return rows
        assert len(table.rows) == 40
        page += 1


def _ids(rows: list[dict[str, str]]) -> list[str]:
    return [row["href"][-12:] for row in rows]


def _cover(site: Site, album: SiteAlbum, **options: object) -> requests.Response:
    return requests.get(site.url + site.cover_path(album.id), timeout=10, **options)  # type: ignore[arg-type]


def _with_cover(albums: list[SiteAlbum]) -> SiteAlbum:
    return next(album for album in albums if album.cover is not None)


# What the site lists.


@pytest.mark.parametrize("genre", STUDY)
@pytest.mark.parametrize("ids", ["2018", "2022"])
def test_each_genre_has_its_number_of_albums(albums: list[SiteAlbum], genre: str, ids: str) -> None:
    kind = "subgenreid" if genre in ("hard rock", "disco") else "genreid"
    box = STUDY[genre] if ids == "2022" else f"{kind}:{STUDY[genre]}"
    with Site(albums, ids=ids) as site:
        assert f'id="{box}"' in requests.get(site.search_url, timeout=10).text
        found = _ids(_rows(site, box, MAIN))
    assert len(found) == len(set(found)) == PER_GENRE
    assert set(found) == {a.id for a in albums if STUDY[genre] in a.genres}


def test_rows_and_covers_are_those_of_the_truth(site: Site) -> None:
    seen = {}
    for genre in STUDY.values():
        kind = "subgenreid" if genre in (STUDY["hard rock"], STUDY["disco"]) else "genreid"
        for row in _rows(site, f"{kind}:{genre}", MAIN):
            seen[row["href"][-12:]] = row
    assert seen.keys() == site.truth.keys()
    session = requests.Session()
    for album_id, row in seen.items():
        truth = site.truth[album_id]
        shown = tuple(row[cell].strip() for cell in ("artist", "title", "year"))
        assert shown == (truth.artist, truth.title, "" if truth.year is None else str(truth.year))
        cover = session.get(site.url + row["data-original"], timeout=10)
        assert cover.status_code == 200
        if truth.cover_sha256 is None:
            assert "/images/no_image/" in row["data-original"]
        else:
            assert sha256(cover.content).hexdigest() == truth.cover_sha256


def test_plan_has_the_shares_that_are_asked_for() -> None:
    albums = make_albums(115, 3, 0.1, 0.04, 0.08, 0.02, pictures=25, cover_size=48)
    study = [sum(genre in album.genres for genre in STUDY.values()) for album in albums]
    assert sum(study) == 5 * 115
    assert Counter(study) == {2: 52, 1: len(albums) - 52}  # 575 / 1.1 albums, a tenth of them
    assert sum(album.year is None for album in albums) == round(0.04 * len(albums))
    assert sum(album.cover is None for album in albums) == round(0.08 * len(albums))
    for genre in STUDY.values():
        years = Counter(album.searched_year for album in albums if genre in album.genres)
        assert years == {year: 5 for year in range(2000, 2023)}


def test_covers_are_jpegs_and_few_are_shared(albums: list[SiteAlbum]) -> None:
    covers = [album.cover for album in albums if album.cover is not None]
    shared = len(covers) - len(set(covers))
    assert 1 <= shared <= round(0.01 * len(albums))
    for cover in covers[:30]:
        with Image.open(io.BytesIO(cover)) as image:
            image.load()
            assert (image.format, image.size) == ("JPEG", (48, 48))


def test_plan_is_the_same_for_the_same_seed(albums: list[SiteAlbum]) -> None:
    again = make_albums(PER_GENRE, seed=1, overlap=0.1, pictures=25, cover_size=48)
    assert again == albums
    other = make_albums(PER_GENRE, seed=2, overlap=0.1, pictures=25, cover_size=48)
    assert {a.id for a in other}.isdisjoint(a.id for a in albums)


def test_names_are_as_odd_as_real_ones(albums: list[SiteAlbum]) -> None:
    artists = [album.artist for album in albums]
    text = " ".join([*artists, *(album.title for album in albums)])
    for odd in ('"', "&", "<b>", "'", "坂本", "ليلة", "\N{HEADPHONE}", "Various Artists"):
        assert odd in text
    titles: dict[str, set[str]] = {}
    for album in albums:
        titles.setdefault(album.title, set()).add(album.artist)
    assert any(len(artists) > 1 for artists in titles.values())
    assert all(a.artist == a.artist.strip() and a.title == a.title.strip() for a in albums)


def test_page_escapes_what_it_shows() -> None:
    album = SiteAlbum("mw0000000001", "<i>A</i> & B", '<b>"C"</b>', 2001, (STUDY["rap"],), None)
    with Site([album]) as site:
        html = _ask(site, RAP, MAIN).text
    assert "&lt;b&gt;&quot;C&quot;&lt;/b&gt;" in html and "&lt;i&gt;A&lt;/i&gt; &amp; B" in html
    assert "<b>" not in html and "<i>" not in html


# Filters.


def test_years_narrow_a_search(site: Site) -> None:
    rows = _rows(site, RAP, MAIN, "releaseyear>:2004", "releaseyear<:2009")
    assert len(rows) == 6 * 4
    assert {row["year"].strip() for row in rows} <= {*map(str, range(2004, 2010)), ""}
    every_year = [
        album_id
        for year in range(2000, 2023)
        for album_id in _ids(_rows(site, RAP, MAIN, f"releaseyear>:{year}", f"releaseyear<:{year}"))
    ]
    assert sorted(every_year) == sorted(_ids(_rows(site, RAP, MAIN)))


def test_album_without_a_year_is_found_by_its_year(site: Site, albums: list[SiteAlbum]) -> None:
    album = next(a for a in albums if a.year is None and STUDY["rap"] in a.genres)
    year = album.searched_year
    rows = _rows(site, RAP, MAIN, f"releaseyear>:{year}", f"releaseyear<:{year}")
    (row,) = [row for row in rows if row["href"].endswith(album.id)]
    assert row["year"].strip() == ""


def test_recording_type_matters(site: Site) -> None:
    everything = _ids(_rows(site, RAP))
    main = _ids(_rows(site, RAP, MAIN))
    singles = _ids(_rows(site, RAP, "recordingtype:single"))
    studio = _ids(_rows(site, RAP, "recordingtype!:live"))
    live = _ids(_rows(site, RAP, "recordingtype:live"))
    assert len(everything) > 2 * len(main) - 1
    assert set(everything) & site.truth.keys() == set(main)
    assert singles and live and site.truth.keys().isdisjoint(singles + live)
    assert sorted(studio + live) == sorted(everything)


def test_two_genres_must_both_hold(albums: list[SiteAlbum]) -> None:
    both = (STUDY["rap"], STUDY["disco"])
    planned = [
        SiteAlbum(f"mw{n:010d}", "A", "T", 2001, genres, None)
        for n, genres in enumerate([both, both[:1], both[1:]])
    ]
    with Site(planned) as site:
        assert _ids(_rows(site, RAP, DISCO, MAIN)) == ["mw0000000000"]


def test_nothing_is_shown_without_a_genre_or_beyond_the_end(site: Site) -> None:
    assert _ask(site, MAIN).text == ""
    assert _ask(site).text == ""
    beyond = _ask(site, RAP, MAIN, page=4)
    assert 'class="no-results"' in beyond.text and not _Table(beyond.text).rows
    assert len(_Table(_ask(site, RAP, MAIN, page=3).text).rows) == PER_GENRE - 80


@pytest.mark.parametrize(
    "text", ["MA0000002816", "subgenreid:MA0000002816", "genreid:MA0000009999", "year:2004"]
)
def test_filter_that_the_form_does_not_have_is_an_error(site: Site, text: str) -> None:
    assert _ask(site, text).status_code == 400


def test_results_are_posted_for(site: Site) -> None:
    assert requests.get(f"{site.search_url}/results/1", timeout=10).status_code == 405
    form = {"filters[]": [RAP, MAIN], "sort": ""}
    first = requests.post(f"{site.search_url}/results/", form, timeout=10)
    assert first.text == _ask(site, RAP, MAIN, page=1).text
    assert site.result_requests == {1: 2}


def test_pager_leads_to_numbers_and_on(site: Site) -> None:
    assert _Table(_ask(site, RAP, MAIN, page=2).text).links == ["prev", "1", "3", "next"]
    assert "Next »" in _ask(site, RAP, MAIN).text


# Traps.


def test_delay_holds_results_back(site: Site) -> None:
    site.traps.delay = (0.5, 0.6)
    start = time.monotonic()
    _ask(site, RAP)
    assert time.monotonic() - start >= 0.5
    start = time.monotonic()
    requests.get(site.search_url, timeout=10)
    assert time.monotonic() - start < 0.5


def test_status_plan_goes_by_results_requests(site: Site) -> None:
    site.traps.status_plan = {2: 429, 3: 403, 4: 503}
    site.traps.retry_after = "7"
    requests.get(site.search_url, timeout=10)
    answers = [_ask(site, RAP) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 429, 403, 503, 200]
    waits = [answer.headers.get("Retry-After") for answer in answers]
    assert waits == [None, "7", None, "7", None]


@pytest.mark.parametrize("status", [200, 403])
def test_challenge_after_some_requests(albums: list[SiteAlbum], status: int) -> None:
    with Site(albums, Traps(challenge_after=2, challenge_status=status)) as site:
        assert requests.get(site.search_url, timeout=10).text.count("challenge-form") == 0
        assert _ask(site, RAP).status_code == 200
        page = requests.get(site.search_url, timeout=10)
        assert page.status_code == status
        assert 'id="challenge-form"' in page.text and "<title>Just a moment...</title>" in page.text
        assert _ask(site, RAP).status_code == 403
        assert site.page_views == 2


def test_changed_layout_has_other_names(site: Site) -> None:
    for layout, gone, kept in (
        ("changed", 'class="desktop-results"', "<table>"),
        ("cells changed", 'class="title"', 'class="year"'),
    ):
        assert gone in _ask(site, RAP).text
        site.traps.layout = layout
        changed = _ask(site, RAP).text
        assert gone not in changed and kept in changed
        site.traps.layout = ""
    assert 'class="start-year"' in requests.get(site.search_url, timeout=10).text
    site.traps.layout = "form changed"
    assert 'class="start-year"' not in requests.get(site.search_url, timeout=10).text


def test_robots_is_a_text_or_a_status(site: Site) -> None:
    assert "User-agent: *" in requests.get(f"{site.url}/robots.txt", timeout=10).text
    site.traps.robots = "User-agent: *\nDisallow: /"
    assert requests.get(f"{site.url}/robots.txt", timeout=10).text == "User-agent: *\nDisallow: /"
    site.traps.robots = 500
    assert requests.get(f"{site.url}/robots.txt", timeout=10).status_code == 500


def test_covers_are_lazy_or_plain(site: Site) -> None:
    lazy = _Table(_ask(site, RAP).text).rows[0]
    site.traps.lazy = False
    plain = _Table(_ask(site, RAP).text).rows[0]
    assert lazy["src"].startswith("data:image/gif;base64,")
    assert lazy["data-original"] == plain["src"] and plain["data-original"] == ""


def test_artists_are_links_but_for_various_artists() -> None:
    albums = [
        SiteAlbum(f"mw{n:010d}", artist, "T", 2001, (STUDY["rap"],), None)
        for n, artist in enumerate(["A / B", "Various Artists"])
    ]
    with Site(albums) as site:
        linked = _ask(site, RAP, MAIN).text
        site.traps.unlinked_various = True
        unlinked = _ask(site, RAP, MAIN).text
    various = '<a href="/artist/various-artists">Various Artists</a>'
    two = '<a href="/artist/a">A</a> / <a href="/artist/b">B</a>'
    assert two in linked and two in unlinked
    assert various in linked and "Various Artists" in unlinked and various not in unlinked


def test_advertisements_come_from_another_host(site: Site) -> None:
    assert "127.0.0.2" not in requests.get(site.search_url, timeout=10).text
    site.traps.ads = True
    page = requests.get(site.search_url, timeout=10).text
    assert f'<img class="ad" src="{site.foreign.url}/ad.png">' in page
    assert site.foreign.requests == []
    requests.get(f"{site.foreign.url}/ad.png", timeout=10)
    assert [request.target for request in site.foreign.requests] == ["/ad.png"]


# Covers.


def test_cover_that_is_known_is_not_sent_again(site: Site, albums: list[SiteAlbum]) -> None:
    album = _with_cover(albums)
    first = _cover(site, album)
    again = _cover(site, album, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    other = _cover(site, album, headers={"If-None-Match": '"other"'})
    assert other.content == album.cover
    assert site.image_requests == {site.cover_path(album.id): 3}


def test_cover_plans_with_a_whole_answer(site: Site, albums: list[SiteAlbum]) -> None:
    album = _with_cover(albums)
    cover = album.cover or b""

    def answer(plan: str) -> requests.Response:
        site.traps.image_plan = {album.id: plan}
        return _cover(site, album, allow_redirects=False)

    assert answer("truncated").content == cover[: len(cover) // 2]
    assert answer("html").headers["Content-Type"].startswith("text/html")
    wrong = answer("wrong type")
    assert (wrong.content, wrong.headers["Content-Type"]) == (cover, "text/plain")
    bomb = answer("bomb").content
    assert len(bomb) < 200_000 and Image.open(io.BytesIO(bomb)).size == (30_000, 30_000)
    assert answer("403").status_code == 403
    assert answer("404").status_code == 404
    assert answer("503").headers["Retry-After"] == "1"
    off_site = answer("redirect off-site")
    assert off_site.status_code == 302
    assert off_site.headers["Location"].startswith(f"{site.foreign.url}/")
    port = site.server.port
    assert (
        answer("redirect to loopback").headers["Location"].startswith(f"http://localhost:{port}/")
    )
    with pytest.raises(requests.TooManyRedirects):
        site.traps.image_plan = {album.id: "redirect loop"}
        _cover(site, album)


def test_plan_may_hold_once(albums: list[SiteAlbum]) -> None:
    first, second = [album for album in albums if album.cover is not None][:2]
    with Site(albums, Traps(image_plan={first.id: "503 once", second.id: "503"})) as site:
        assert [_cover(site, first).status_code for _ in range(3)] == [503, 200, 200]
        assert [_cover(site, second).status_code for _ in range(3)] == [503, 503, 503]


def test_cover_that_is_cut_off_breaks_the_connection(site: Site, albums: list[SiteAlbum]) -> None:
    album = _with_cover(albums)
    site.traps.image_plan = {album.id: "cut off"}
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        _cover(site, album)


def test_slow_cover_comes_in_parts(site: Site, albums: list[SiteAlbum]) -> None:
    album = _with_cover(albums)
    site.traps.image_plan, site.traps.slow_seconds = {album.id: "slow"}, 0.4
    with _cover(site, album, stream=True) as answer:
        body = answer.raw.read(10)
        first = time.monotonic()
        body += answer.raw.read()
    assert body == album.cover
    assert time.monotonic() - first >= 0.3


@pytest.mark.parametrize(("plan", "length"), [("huge", "200000000"), ("endless", None)])
def test_huge_cover_is_made_as_it_is_sent(
    site: Site, albums: list[SiteAlbum], plan: str, length: str | None
) -> None:
    album = _with_cover(albums)
    site.traps.image_plan = {album.id: plan}
    with _cover(site, album, stream=True) as answer:
        assert answer.headers.get("Content-Length") == length
        assert answer.raw.read(len(album.cover or b"")) == album.cover
    # The client broke off; the site goes on.
    assert requests.get(site.search_url, timeout=10).status_code == 200


def test_site_stops_while_a_cover_is_sent(albums: list[SiteAlbum]) -> None:
    album = _with_cover(albums)
    with Site(albums, Traps(image_plan={album.id: "slow"}, slow_seconds=600)) as site:
        answer = _cover(site, album, stream=True)
        start = time.monotonic()
    assert time.monotonic() - start < 5
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        answer.content  # noqa: B018


# The server.


def test_connection_is_kept_and_closed_when_the_site_stops(albums: list[SiteAlbum]) -> None:
    with Site(albums[:1]) as site:
        client = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=10)
        client.request("GET", "/robots.txt")
        client.getresponse().read()
        kept = client.sock
        client.request("GET", "/advanced-search")
        client.getresponse().read()
        assert client.sock is kept is not None
    assert kept.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", site.server.port), timeout=1)


def test_requests_are_remembered(site: Site) -> None:
    before = time.monotonic()
    requests.post(f"{site.url}/a?b=1&b=2", {"c": "é"}, headers={"X-D": "e"}, timeout=10)
    (request,) = site.requests
    assert (request.method, request.path, request.status) == ("POST", "/a", 404)
    assert (request.query, request.form) == ({"b": ["1", "2"]}, {"c": ["é"]})
    assert request.headers["x-d"] == "e"
    assert before <= request.time <= time.monotonic()


def test_many_clients_at_once_lose_nothing(site: Site) -> None:
    with ThreadPoolExecutor(16) as pool:
        pages = list(pool.map(lambda n: _ask(site, RAP, MAIN, page=n % 3 + 1).text, range(96)))
    assert len(set(pages)) == 3
    assert site.result_requests == {1: 32, 2: 32, 3: 32}


def test_fault_of_the_site_is_not_taken_for_the_clients() -> None:
    def answer(request: Request) -> Reply:
        raise KeyError("oops")

    with pytest.raises(AssertionError, match="KeyError: 'oops'"), Server(answer) as server:
        assert requests.get(server.url, timeout=10).status_code == 500


def test_client_that_breaks_off_is_no_fault_of_the_site(albums: list[SiteAlbum]) -> None:
    with Site(albums[:1]) as site:
        for start in (b"GET /advanced-search HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /ad"):
            client = socket.create_connection(("127.0.0.1", site.server.port))
            client.sendall(start)
            # Linger of zero: closing resets the connection.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            client.close()
        assert requests.get(site.search_url, timeout=10).status_code == 200
    assert site.server.errors == []


def test_truth_is_what_a_crawl_should_know(albums: list[SiteAlbum], site: Site) -> None:
    album = _with_cover(albums)
    digest = sha256(album.cover or b"").hexdigest()
    truth = AlbumTruth(album.artist, album.title, album.year, album.genres, digest)
    assert site.truth[album.id] == truth
