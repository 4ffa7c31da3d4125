"""MusicBrainz as a source: what it asks, which albums it gives, when it stops. All over sockets,
from a stand-in that knows its albums from a plan of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from covergenre import config
from covergenre.errors import (
    ImageError,
    LayoutError,
    SourceRefusedError,
    SourceUnavailableError,
)
from scraping.musicbrainz import MusicBrainz
from scraping.polite.client import Client
from scraping.records import Album, Page
from tests.sites.musicbrainz import (
    MusicBrainzSite,
    ReleaseGroup,
    make_release_groups,
    serve,
)

MBID = "0d69911b-28f0-38fb-b5f5-29cf26839e3e"
ALBUM = ReleaseGroup(
    mbid=MBID,
    title="Title",
    credit=(("Artist", ""),),
    artist="Artist",
    date="2004-05-21",
    primary="Album",
    secondary=(),
    tags=(("rap", 3),),
    genres=("rap",),
    cover=("rap", 1),
)
ONE_YEAR = ("scrape.musicbrainz.start_year=2004", "scrape.musicbrainz.end_year=2004")

Connect = Callable[..., MusicBrainz]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """Makes the source with a client of its own, from the settings of a stand-in and more."""
    sources: list[MusicBrainz] = []

    def make(site: MusicBrainzSite, *assignments: str) -> MusicBrainz:
        settings = config.load(assignments=[*site.settings, *assignments])
        sources.append(MusicBrainz(settings, _client(settings, tmp_path)))
        return sources[-1]

    yield make
    for source in sources:
        source.close()


def _client(settings: config.Settings, folder: Path) -> Client:
    hosts = settings.scrape.musicbrainz.hosts
    return Client(
        settings.scrape, hosts, MusicBrainz.name, folder / "cache", settings.images.limits
    )


def _group(number: int = 0, **about: Any) -> ReleaseGroup:
    """An album that the search for rap of 2004 finds, but for what is said about it."""
    return replace(ALBUM, mbid=f"{MBID[:-4]}{number:04x}", **about)


def _pages(source: MusicBrainz, title: str = "rap 2004", start: int = 1) -> list[Page]:
    (search,) = [search for search in source.searches() if search.title == title]
    return list(source.pages(search, start))


def _albums(pages: Sequence[Page]) -> list[Album]:
    return [album for page in pages for album in page.albums]


def _all(source: MusicBrainz) -> dict[str, Album]:
    return {
        album.album_id: album
        for search in source.searches()
        for page in source.pages(search)
        for album in page.albums
    }


def _asked(site: MusicBrainzSite, name: str) -> list[str]:
    """One field of every search that the service was asked."""
    return [r.query[name][0] for r in site.service.requests if r.path != "/robots.txt"]


def _statuses(site: MusicBrainzSite) -> list[int]:
    return [r.status for r in site.service.requests if r.path != "/robots.txt"]


# Which albums.


@pytest.mark.parametrize("loose", [False, True])
def test_albums_are_those_of_the_plan(connect: Connect, loose: bool) -> None:
    """Also where the index finds everything: live albums, EPs, other years, tags voted down."""
    groups = make_release_groups(150, seed=1, start_year=2003, end_year=2005)
    years = ("scrape.musicbrainz.start_year=2003", "scrape.musicbrainz.end_year=2005")
    with MusicBrainzSite(groups) as site:
        site.loose = loose
        albums = _all(connect(site, *years, "scrape.musicbrainz.albums_per_search=null"))
        assert len(site.truth) == 70
        assert {
            key: (album.genres, album.year, album.artist, album.title)
            for key, album in albums.items()
        } == {key: (t.genres, t.year, t.artist, t.title) for key, t in site.truth.items()}


def test_every_wish_of_the_settings_is_one_search(connect: Connect) -> None:
    with MusicBrainzSite([]) as site:
        searches = connect(site).searches()
    assert len(searches) == len({search.key for search in searches}) == 5 * 23
    assert [search.title for search in searches[:2]] == ["rap 2000", "rap 2001"]
    assert searches[-1].title == "electronic 2022"
    assert searches[0].key.startswith("musicbrainz/rap/2000/")


def test_key_is_that_of_the_question(connect: Connect) -> None:
    with MusicBrainzSite([]) as site:

        def key(*assignments: str) -> str:
            return connect(site, *assignments).searches()[0].key

        assert key() == key("scrape.musicbrainz.end_year=2001")
        tags = "scrape.musicbrainz.genres=[{genre: rap, tags: [rap, %s]}]"
        assert key(tags % "drill") != key(tags % "trap") != key()
        # What was read to a cut was not read to its end.
        assert key() != key("scrape.musicbrainz.albums_per_search=null")


def test_album_is_described_as_the_service_does(connect: Connect) -> None:
    tags = (("2000s", 1), ("rap", 3), ("Boom Bap", 7), ("jazz", 0), ("polka", -2))
    with MusicBrainzSite([_group(tags=tags)]) as site:
        source = connect(site, *ONE_YEAR)
        (album,) = _albums(_pages(source))
        assert album == Album(
            album_id="musicbrainz:0d69911b-28f0-38fb-b5f5-29cf26830000",
            source_url=f"{site.service.url}/release-group/0d69911b-28f0-38fb-b5f5-29cf26830000",
            artist="Artist",
            title="Title",
            genres=("rap",),
            styles=("Boom Bap", "rap", "2000s"),
            year="2004",
            cover_url=f"{site.covers.url}/release-group/"
            "0d69911b-28f0-38fb-b5f5-29cf26830000/front-500",
            robots=album.robots,
        )
    assert source.name == "musicbrainz"
    assert source.states_all_genres
    assert source.data_licence == "CC0-1.0 (core data), CC-BY-NC-SA-3.0 (tags)"
    assert source.image_licence == "copyright of the label"


@pytest.mark.parametrize(
    ("tags", "genres"),
    [
        ([("rap", 5), ("folk", 2)], ("rap", "folk")),
        ([("rap", 2), ("folk", 5)], ("folk", "rap")),
        ([("disco", 4), ("folk", 4), ("rap", 4)], ("rap", "folk", "disco")),
        ([("rap", 2), ("trap", 2), ("folk", 3)], ("folk", "rap")),  # the highest, not the sum
        ([("Hip-Hop", 1)], ("rap",)),
        ([("rap", 1), ("nu disco", 2)], ("disco", "rap")),
        ([("rap", 1), ("Electrónica", 2)], ("electronic", "rap")),
        ([("rap", 1), ("folk", 0), ("disco", -1)], ("rap",)),
        ([("rap", 1), ("freak folk", 9), ("jazz", 9)], ("rap",)),
    ],
)
def test_genres_are_those_of_the_tags(
    connect: Connect, tags: list[tuple[str, int]], genres: tuple[str, ...]
) -> None:
    with MusicBrainzSite([_group(tags=tuple(tags))]) as site:
        (album,) = _albums(_pages(connect(site, *ONE_YEAR)))
    assert album.genres == genres


@pytest.mark.parametrize(
    "about",
    [
        {"tags": (("rap", 0),)},
        {"tags": (("rap", -3), ("folk", 2))},
        {"tags": (("pop rap", 4),)},
        {"primary": "EP"},
        {"primary": "Single"},
        {"secondary": ("Live",)},
        {"secondary": ("Compilation",)},
        {"date": "2005-01-01"},
        {"date": ""},
    ],
    ids=str,
)
def test_other_release_groups_are_left_out(connect: Connect, about: dict[str, Any]) -> None:
    with MusicBrainzSite([_group(1), _group(2, **about)]) as site:
        site.loose = True
        (album,) = _albums(_pages(connect(site, *ONE_YEAR)))
    assert album.album_id == "musicbrainz:0d69911b-28f0-38fb-b5f5-29cf26830001"


def test_service_is_asked_for_nothing_else(connect: Connect) -> None:
    """What is left out is not counted either: the service need not send it."""
    counts: list[int] = []

    def damage(answer: Any) -> Any:
        counts.append(answer["count"])
        return answer

    others = [
        _group(1, primary="EP"),
        _group(2, secondary=("Live",)),
        _group(3, date="2005"),
        _group(4, tags=(("folk", 1),)),
    ]
    with MusicBrainzSite([_group(), *others]) as site:
        site.damage = damage
        _pages(connect(site, *ONE_YEAR))
    assert counts == [1]


@pytest.mark.parametrize("date", ["2004", "2004-05", "2004-01-01", "2004-12-31"])
def test_year_is_that_of_the_date(connect: Connect, date: str) -> None:
    with MusicBrainzSite([_group(date=date)]) as site:
        (album,) = _albums(_pages(connect(site, *ONE_YEAR)))
    assert album.year == "2004"


@pytest.mark.parametrize(
    ("credit", "artist"),
    [
        ((("A", " feat. "), ("B", " & "), ("東京", "")), "A feat. B & 東京"),
        ((("A", " (with "), ("B", ")")), "A (with B)"),
        ((("A", ""),), "A"),
        ((), None),
    ],
)
def test_artist_is_the_credit_as_printed(
    connect: Connect, credit: tuple[tuple[str, str], ...], artist: str | None
) -> None:
    with MusicBrainzSite([_group(credit=credit)]) as site:
        (album,) = _albums(_pages(connect(site, *ONE_YEAR)))
    assert album.artist == artist


def test_only_ids_of_musicbrainz_become_addresses(connect: Connect) -> None:
    ids = ["../../etc/passwd", "", MBID + "/..", MBID.replace("-", ""), "x" * 36, MBID.upper()]

    def damage(answer: Any) -> Any:
        for group, mbid in zip(answer["release-groups"], ids, strict=True):
            group["id"] = mbid
        return answer

    with MusicBrainzSite([_group(number) for number in range(len(ids))]) as site:
        site.damage = damage
        (album,) = _albums(_pages(connect(site, *ONE_YEAR)))
    assert album.album_id == f"musicbrainz:{MBID}"
    assert str(album.source_url).endswith(f"/release-group/{MBID}")


@pytest.mark.parametrize(
    "tag", ['rock "n" roll', "back\\slash", "r&b (uk)", "what? no: never!", "a/b", "AND", "hip*hop"]
)
def test_any_tag_can_be_asked_for(connect: Connect, tag: str) -> None:
    genres = json.dumps([{"genre": "rap", "tags": [tag, "[other]"]}])
    with MusicBrainzSite([_group(1, tags=((tag, 1),)), _group(2)]) as site:
        source = connect(site, *ONE_YEAR, f"scrape.musicbrainz.genres={genres}")
        (album,) = _albums(_pages(source))
        assert _statuses(site) == [200]
    assert album.styles == (tag,)


# Pages.


def test_search_is_read_page_by_page(connect: Connect) -> None:
    groups = [_group(number) for number in range(7)]
    rows = "scrape.musicbrainz.rows_per_page=3"
    with MusicBrainzSite(groups) as site:
        pages = _pages(connect(site, *ONE_YEAR, rows))
        assert [(page.number, len(page.albums), page.last) for page in pages] == [
            (1, 3, False),
            (2, 3, False),
            (3, 1, True),
        ]
        assert _asked(site, "offset") == ["0", "3", "6"]
        assert set(_asked(site, "limit")) == {"3"}
        assert set(_asked(site, "fmt")) == {"json"}
        assert [album.album_id[-4:] for album in _albums(pages)] == [f"000{n}" for n in range(7)]


@pytest.mark.parametrize("count", [0, 3, 6])
def test_search_ends_where_the_count_says(connect: Connect, count: int) -> None:
    with MusicBrainzSite([_group(number) for number in range(count)]) as site:
        pages = _pages(connect(site, *ONE_YEAR, "scrape.musicbrainz.rows_per_page=3"))
        assert len(_albums(pages)) == count
        assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
        assert _asked(site, "offset") == [str(n) for n in range(0, max(count, 1), 3)]


@pytest.mark.parametrize("most", ["null", "5"])
def test_search_goes_on_where_it_ended(connect: Connect, most: str) -> None:
    """Wherever that was, with the same albums on the same pages; some groups are left out."""
    groups = [_group(n, secondary=("Live",) if n % 3 == 0 else ()) for n in range(11)]
    with MusicBrainzSite(groups) as site:
        site.loose = True
        source = connect(
            site,
            *ONE_YEAR,
            "scrape.musicbrainz.rows_per_page=2",
            f"scrape.musicbrainz.albums_per_search={most}",
        )
        pages = _pages(source)
        assert len(_albums(pages)) == (7 if most == "null" else 5)
        for start in range(1, len(pages) + 1):
            assert _pages(source, start=start) == pages[start - 1 :]
        assert _pages(source, start=9) == [Page(9, (), True)]


def test_cut_ends_a_search(connect: Connect) -> None:
    cut = "scrape.musicbrainz.albums_per_search=4"
    with MusicBrainzSite([_group(number) for number in range(20)]) as site:
        pages = _pages(connect(site, *ONE_YEAR, cut, "scrape.musicbrainz.rows_per_page=3"))
        assert [len(page.albums) for page in pages] == [3, 1]
        assert pages[-1].last
        assert _asked(site, "offset") == ["0", "3"]


def test_cut_counts_albums_not_results(connect: Connect) -> None:
    groups = [_group(n, secondary=("Live",) if n < 5 else ()) for n in range(20)]
    with MusicBrainzSite(groups) as site:
        site.loose = True
        cut = "scrape.musicbrainz.albums_per_search=4"
        pages = _pages(connect(site, *ONE_YEAR, cut, "scrape.musicbrainz.rows_per_page=3"))
    assert [album.album_id[-2:] for album in _albums(pages)] == ["05", "06", "07", "08"]


@pytest.mark.parametrize(("rows", "last"), [(100, "100"), (80, "20")])
def test_nothing_is_asked_beyond_the_depth_of_the_service(
    connect: Connect, rows: int, last: str
) -> None:
    with MusicBrainzSite([_group(number) for number in range(600)]) as site:
        source = connect(
            site,
            *ONE_YEAR,
            "scrape.musicbrainz.albums_per_search=null",
            f"scrape.musicbrainz.rows_per_page={rows}",
        )
        pages = _pages(source)
        assert len(_albums(pages)) == site.depth == 500
        assert pages[-1].last
        assert set(_statuses(site)) == {200}
        assert _asked(site, "limit")[-1] == last
        assert _pages(source, start=8) == [Page(8, (), True)]


@pytest.mark.parametrize("count", [3, 100])
def test_index_that_shrinks_ends_the_search(connect: Connect, count: int) -> None:
    """After the first page there are fewer albums, whether the count says so or not."""

    def damage(answer: Any) -> Any:
        if answer["offset"] > 0:
            answer |= {"count": count, "release-groups": []}
        return answer

    with MusicBrainzSite([_group(number) for number in range(9)]) as site:
        site.damage = damage
        pages = _pages(connect(site, *ONE_YEAR, "scrape.musicbrainz.rows_per_page=3"))
        assert [(len(page.albums), page.last) for page in pages] == [(3, False), (0, True)]
        assert _asked(site, "offset") == ["0", "3"]


# A service that is in trouble, says no, or has changed.


def test_allowed_rate_is_never_exceeded(connect: Connect) -> None:
    with MusicBrainzSite([]) as site:
        site.rate_limit = 20.0
        source = connect(site, "scrape.http.delay_seconds=0.05")
        for search in source.searches()[:25]:
            list(source.pages(search))
        assert _statuses(site) == [200] * 25
        times = [request.time for request in site.service.requests]
        assert times[-1] - times[0] >= 24 * 0.05 * 0.99


def test_service_that_recovers_costs_nothing_but_time(connect: Connect) -> None:
    with MusicBrainzSite([_group()]) as site:
        site.retry_after, site.busy["service"] = 0, 1
        assert len(_albums(_pages(connect(site, *ONE_YEAR)))) == 1
        assert [r.status for r in site.service.requests].count(503) == 1


def test_service_that_stays_away_ends_the_crawl(connect: Connect) -> None:
    with MusicBrainzSite([_group()]) as site:
        site.robots["service"] = ""
        source = connect(site, *ONE_YEAR, "scrape.http.attempts=1")
        assert len(_albums(_pages(source))) == 1
        site.busy["service"] = 99
        with pytest.raises(SourceUnavailableError, match=r"127\.0\.0\.1"):
            _pages(source, "folk 2004")


def test_refusal_ends_the_crawl(connect: Connect) -> None:
    with MusicBrainzSite([_group()]) as site:
        site.refused = True
        with pytest.raises(SourceRefusedError, match="403"):
            _pages(connect(site, *ONE_YEAR))
        assert _statuses(site) == [403]


def test_robots_txt_is_obeyed(connect: Connect) -> None:
    with MusicBrainzSite([_group()]) as site:
        site.robots["service"] = "User-agent: *\nDisallow: /ws/\n"
        with pytest.raises(SourceRefusedError, match=r"robots\.txt"):
            _pages(connect(site, *ONE_YEAR))
        assert _statuses(site) == []


@pytest.mark.parametrize(
    ("robots", "said"),
    [
        ({"service": "User-agent: *\nDisallow: /release-group/\n"}, "allowed by robots.txt"),
        ({}, "no robots.txt (404)"),
    ],
)
def test_albums_say_what_robots_txt_says(
    connect: Connect, robots: dict[str, str], said: str
) -> None:
    with MusicBrainzSite([_group()]) as site:
        site.robots = robots
        (album,) = _albums(_pages(connect(site, *ONE_YEAR)))
        assert album.robots == said
        # What was known of the page asked is not asked again.
        assert len(site.service.requests) == 2


def _without(*keys: str | int) -> Callable[[Any], Any]:
    def damage(answer: Any) -> Any:
        place = answer
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]
        return answer

    return damage


def _with(value: Any, *keys: str | int) -> Callable[[Any], Any]:
    def damage(answer: Any) -> Any:
        place = answer
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
        return answer

    return damage


G = ("release-groups", 0)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda answer: [answer], "the answer is not a JSON object"),
        (_without("count"), "has no 'count'"),
        (_without("offset"), "has no 'offset'"),
        (_without("release-groups"), "has no 'release-groups'"),
        (_with("7", "count"), "'count' that is no int"),
        (_with(True, "count"), "'count' that is no int"),
        (_with({}, "release-groups"), "'release-groups' that is no list"),
        (_with(None, *G), "release group is not a JSON object"),
        (_without(*G, "id"), "has no 'id'"),
        (_with(7, *G, "id"), "'id' that is no str"),
        (_without(*G, "title"), "has no 'title'"),
        (_without(*G, "artist-credit"), "has no 'artist-credit'"),
        (_without(*G, "artist-credit", 0, "name"), "has no 'name'"),
        (_with("x", *G, "artist-credit", 0), "artist credit .* is not a JSON object"),
        (_without(*G, "tags"), "no release group of the answer has 'tags'"),
        (_without(*G, "tags", 0, "count"), "has no 'count'"),
        (_with("3", *G, "tags", 0, "count"), "'count' that is no int"),
        (_without(*G, "first-release-date"), "has 'first-release-date'"),
        (_with(2004, *G, "first-release-date"), "'first-release-date' that is no str"),
        (_without(*G, "primary-type"), "has 'primary-type'"),
        (_with("Live", *G, "secondary-types"), "'secondary-types' that is no list"),
    ],
)
def test_changed_answer_is_told_by_what_is_missing(
    connect: Connect, damage: Callable[[Any], Any], named: str
) -> None:
    with MusicBrainzSite([_group()]) as site:
        site.damage = damage
        with pytest.raises(LayoutError, match=named) as raised:
            _pages(connect(site, *ONE_YEAR))
        assert f"127.0.0.1:{site.service.port}" in str(raised.value)
        assert "scrape.musicbrainz.url" in str(raised.value)


def test_one_release_group_without_a_type_or_tags_is_no_change(connect: Connect) -> None:
    def damage(answer: Any) -> Any:
        for key in ("primary-type", "first-release-date", "tags"):
            answer = _without("release-groups", 1, key)(answer)
        return answer

    with MusicBrainzSite([_group(1), _group(2)]) as site:
        site.damage = damage
        assert len(_albums(_pages(connect(site, *ONE_YEAR)))) == 1


# Covers.


def test_covers_come_through_both_hops(tmp_path: Path) -> None:
    groups = make_release_groups(40, seed=2, start_year=2004, end_year=2004)
    with MusicBrainzSite(groups) as site:
        settings = config.load(assignments=[*site.settings, *ONE_YEAR])
        client = _client(settings, tmp_path)
        source = MusicBrainz(settings, client)
        covers: dict[str, str | None] = {}
        for key, album in _all(source).items():
            try:
                cover = client.get_cover(str(album.cover_url), None)
                covers[key] = hashlib.sha256(cover.content or b"").hexdigest()
            except ImageError as error:
                assert error.reason == "no_cover"
                covers[key] = None
        source.close()
        assert covers == {key: truth.cover_id for key, truth in site.truth.items()}
        found = [cover for cover in covers.values() if cover is not None]
        assert len(set(found)) == len(found) > 10
        assert None in covers.values()
        assert {r.status for r in site.covers.requests} == {307, 404}
        assert [r.status for r in site.archive.requests].count(302) == len(found)
        assert [r.status for r in site.storage.requests].count(200) == len(found)


def _cover(site: MusicBrainzSite, folder: Path, *assignments: str) -> bytes | None:
    settings = config.load(assignments=[*site.settings, *assignments])
    client = _client(settings, folder)
    try:
        url = settings.scrape.musicbrainz.cover_url.replace("{mbid}", ALBUM.mbid)
        return client.get_cover(url, None).content
    finally:
        client.close()


def test_cover_that_leads_to_a_strange_host_is_refused(tmp_path: Path) -> None:
    listed = 'scrape.musicbrainz.hosts=["127.0.0.1", "127.0.0.2", "127.0.0.3"]'
    with MusicBrainzSite([ALBUM]) as site, MusicBrainzSite([ALBUM]) as other:
        with pytest.raises(ImageError, match="address_refused"):
            _cover(site, tmp_path, listed)
        assert site.storage.requests == []
        site.redirect_to = other.storage.url.replace("127.0.0.4", "localhost")
        with pytest.raises(ImageError, match="address_refused"):
            _cover(site, tmp_path)
        assert other.storage.requests == []


def test_robots_txt_of_a_hop_is_obeyed(tmp_path: Path) -> None:
    with MusicBrainzSite([ALBUM]) as site:
        site.robots["archive"] = "User-agent: *\nDisallow: /download/\n"
        with pytest.raises(ImageError, match="robots_disallowed"):
            _cover(site, tmp_path)
        assert [r.path for r in site.archive.requests] == ["/robots.txt"]


def test_archive_that_recovers_gives_the_cover(tmp_path: Path) -> None:
    with MusicBrainzSite([ALBUM]) as site:
        site.retry_after, site.busy["covers"] = 0, 1
        site.robots["covers"] = ""
        assert _cover(site, tmp_path) == ALBUM.art
        assert [r.status for r in site.covers.requests if r.path != "/robots.txt"] == [503, 307]


# The stand-in does as the service's documentation says.

AGENT = {"User-Agent": "crawler/1.0 (crawler@example.org)"}


def _ask(site: MusicBrainzSite, query: str | None, **fields: Any) -> requests.Response:
    url = f"{site.service.url}/ws/2/release-group"
    params = {"query": query, "fmt": "json", **fields}
    return requests.get(url, params=params, headers=AGENT, timeout=10)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tag:rap", "a c"),
        ("tag:RAP", "a c"),
        ('tag:"indie folk"', "b"),
        ('tag:"folk indie"', ""),
        ("tag:folk AND NOT tag:indie", "d"),
        ("tag:folk -tag:indie", "d"),
        ("tag:(rap OR folk)", "a b c d"),
        ("+tag:rap +primarytype:ep", "c"),
        ("tag:rap primarytype:ep", "a c"),
        ("tag:folk OR tag:rap AND primarytype:ep", "c"),  # AND makes its neighbours required
        ("(tag:folk) OR (tag:rap AND primarytype:ep)", "b c d"),
        ("NOT tag:rap", ""),  # a group of nothing but negations finds nothing
        ("primarytype:album AND NOT secondarytype:*", "a d"),
        ("firstreleasedate:2004", "a b c"),
        ("firstreleasedate:2004\\-05\\-21", "a b"),  # a date of 2004-05 is all of May
        ("firstreleasedate:[2005 TO *]", "d"),
        ('releasegroup:"title a"', "a"),
        ("title AND b", "b"),
    ],
)
def test_stand_in_finds_what_lucene_finds(query: str, found: str) -> None:
    groups = [
        _group(0xA, title="Title A", tags=(("gangsta rap", 1),), date="2004-05"),
        _group(0xB, title="Title B", tags=(("indie folk", 1),), secondary=("Live",)),
        _group(0xC, title="Title C", primary="EP", date="2004-06-01"),
        _group(0xD, title="Title D", tags=(("folk", 1),), date="2005"),
    ]
    with MusicBrainzSite(groups) as site:
        answer = _ask(site, query).json()
    assert [group["id"][-1] for group in answer["release-groups"]] == found.split()
    assert answer["count"] == len(found.split())


@pytest.mark.parametrize(
    "query", ['tag:"rap', "tag:rap AND", "AND tag:rap", "(tag:rap", "tag:rap)", "tag:", "x:y", None]
)
def test_stand_in_refuses_what_lucene_cannot_parse(query: str | None) -> None:
    with MusicBrainzSite([_group()]) as site:
        answer = _ask(site, query)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_stand_in_keeps_the_rules_of_the_service() -> None:
    with MusicBrainzSite([_group(number) for number in range(30)]) as site:
        assert len(_ask(site, "tag:rap").json()["release-groups"]) == 25
        assert len(_ask(site, "tag:rap", limit=30, offset=28).json()["release-groups"]) == 2
        wrong: list[dict[str, int]] = [{"limit": 101}, {"limit": 0}, {"offset": -1}]
        assert [_ask(site, "tag:rap", **w).status_code for w in [*wrong, {"offset": 500}]] == [
            400
        ] * 4
        nameless = requests.get(f"{site.service.url}/ws/2/release-group?query=a", timeout=10)
        assert nameless.status_code == 403
        site.rate_limit = 1.0
        answers = [_ask(site, "tag:rap") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 503]
        assert "exceeding the allowable rate limit" in answers[2].json()["error"]
        assert answers[2].headers["Retry-After"] == "1"
        bad = requests.get(f"{site.covers.url}/release-group/{MBID}x/front-500", timeout=10)
        assert bad.status_code == 400


def test_stand_in_can_be_visited() -> None:
    with serve() as site:
        assert site.rate_limit == 1.0
        answer = _ask(site, "primarytype:album AND tag:rap", limit=1).json()
    assert set(answer) == {"created", "count", "offset", "release-groups"}
    assert answer["count"] > 10


def test_plan_is_the_same_for_the_same_seed() -> None:
    assert make_release_groups(30, seed=3) == make_release_groups(60, seed=3)[:30]
    assert make_release_groups(30, seed=3) != make_release_groups(30, seed=4)
