"""The pages of the AllMusic stand-in: search form, rows of results, challenge."""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections.abc import Sequence
from html import escape
from pathlib import Path

from tests.sites.pages.albums import SiteAlbum

HERE = Path(__file__).resolve().parent
ROWS = 40
"""Rows of a page of results."""
DEBOUNCE_SECONDS = 0.15
GIF = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
PLACEHOLDER = "/images/no_image/album_300x300.png"

GENRES = {
    ("MA0000002532", "Country"): (("MA0000012141", "Country-Folk"),),
    ("MA0000002572", "Electronic"): (
        ("MA0000005001", "Acid House"),
        ("MA0000012208", "Electro-Techno"),
        ("MA0000002651", "House"),
        ("MA0000002893", "Techno"),
    ),
    ("MA0000002592", "Folk"): (
        ("MA0000012099", "Alternative Folk"),
        ("MA0000012267", "Contemporary Folk"),
        ("MA0000004421", "Urban Folk"),
    ),
    ("MA0000002674", "Jazz"): (("MA0000002634", "Hard Bop"),),
    ("MA0000002613", "Pop/Rock"): (
        ("MA0000002636", "Hard Rock"),
        ("MA0000002641", "Hardcore Punk"),
        ("MA0000002721", "Heavy Metal"),
        ("MA0000012149", "Indie Folk"),
    ),
    ("MA0000002809", "R&B"): (("MA0000002552", "Disco"), ("MA0000012124", "Post-Disco")),
    ("MA0000002816", "Rap"): (("MA0000012203", "Alternative Rap"),),
}
"""Id and name of each genre of the form, and of its styles."""

TYPES = {
    "all-recording-types": "All Recording Types",
    "recordingtype:mainalbum": "Main Albums",
    "recordingtype!:live": "Studio Recordings",
    "recordingtype:live": "Live Recordings",
    "recordingtype:single": "Singles",
    "recordingtype:remix": "Remixes",
}

KINDS = {
    **{genre: "genreid" for genre, _ in GENRES},
    **{style: "subgenreid" for styles in GENRES.values() for style, _ in styles},
}
"""Id to what the boxes of 2018 put before it."""

# Layout to the class names that it calls otherwise.
_RENAMED: dict[str, dict[str, str]] = {
    "": {},
    "changed": {
        "desktop-results": "album-list",
        "cover": "artwork",
        "year": "released",
        "artist": "by",
        "title": "name",
        "next": "forward",
        "no-results": "nothing",
    },
    "cells changed": {"artist": "by", "title": "name"},
    "form changed": {"text-filter": "search-box", "start-year": "from", "end-year": "until"},
}
LAYOUTS = tuple(_RENAMED)

STATIC = {
    "/static/allmusic.css": ("text/css", (HERE / "allmusic.css").read_bytes()),
    "/static/allmusic.js": ("text/javascript", (HERE / "allmusic.js").read_bytes()),
}
"""Path to Content-Type and content."""

CHALLENGE = (HERE / "challenge.html").read_bytes()
_FORM = string.Template((HERE / "allmusic.html").read_text("utf-8"))


def renamed(html: str, layout: str) -> str:
    """The same page with the class names of a layout."""
    for old, new in _RENAMED[layout].items():
        html = re.sub(rf'class="{old}"', f'class="{new}"', html)
    return html


def search_page(ids: str, cookie_box: float | None, lost_click_every: int, ad_host: str) -> str:
    """The search form.

    Args:
        ids: ``2018`` for boxes called ``genreid:MA...`` and ``subgenreid:MA...``, ``2022`` for
            ``MA...``.
        cookie_box: seconds until the cookie box appears; None for never.
        lost_click_every: as in ``Traps``.
        ad_host: address of the host that advertisements come from; empty for none.
    """
    config = {
        "cookieBoxSeconds": cookie_box,
        "debounceSeconds": DEBOUNCE_SECONDS,
        "lostClickEvery": lost_click_every,
    }
    ads = f'<img class="ad" src="{ad_host}/ad.png"><script src="{ad_host}/ad.js"></script>'
    return _FORM.substitute(
        genres="\n".join(_genre_boxes(ids)),
        years="\n".join(
            ["<option></option>"]
            + [f'<option value="{y}">{y}</option>' for y in range(2023, 1922, -1)]
        ),
        types="\n".join(_type_buttons()),
        ads=ads if ad_host else "",
        config=json.dumps(config),
    )


def _genre_boxes(ids: str) -> list[str]:
    boxes = []
    for (genre, name), styles in GENRES.items():
        parent = genre if ids == "2022" else f"genreid:{genre}"
        more = f'<a class="expand-collapse" data-id="{parent}">[+]</a>'
        boxes.append(_box("genre", "", parent, name, more))
        for style, style_name in styles:
            box_id = style if ids == "2022" else f"subgenreid:{style}"
            boxes.append(_box("style", f' data-parent="{parent}"', box_id, style_name, ""))
    return boxes


def _box(kind: str, parent: str, box_id: str, name: str, more: str) -> str:
    shown = escape(name)
    return (
        f'<li class="{kind}"{parent} data-text-filter="{shown.lower()}">\n'
        f'<input id="{box_id}" name="genre" type="checkbox" value="{shown}">\n'
        f'<label for="{box_id}">\n                {shown}            </label>\n{more}\n</li>'
    )


def _type_buttons() -> list[str]:
    return [
        f'<li><input id="{key}" name="recording-type" type="radio" value="{name}"'
        f"{' checked' if key == 'all-recording-types' else ''}>"
        f'<label for="{key}">{name}</label></li>'
        for key, name in TYPES.items()
    ]


def results(albums: Sequence[SiteAlbum], page: int, lazy: bool, linked: bool) -> str:
    """What a search answers: the rows of one page and the pager, or that there is nothing.

    Args:
        albums: all that the search found.
        page: from 1.
        lazy: covers come into ``src`` when they come into view.
        linked: whether "Various Artists" is a link, like all other artists.
    """
    shown = albums[(page - 1) * ROWS : page * ROWS]
    if not shown:
        return '<div class="no-results">No results found. Please try other filters.</div>'
    rows = "\n".join(_row(album, lazy, linked) for album in shown)
    head = "<th></th><th>Year</th><th>Artist</th><th>Album</th><th>Rating</th>"
    return (
        f'<div class="desktop-results">\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n'
        f"{rows}\n</tbody>\n</table>\n</div>\n{_pager(page, -(-len(albums) // ROWS))}"
    )


def cover_path(album: SiteAlbum) -> str:
    """Where the site keeps an album's cover."""
    return PLACEHOLDER if album.cover is None else f"/covers/JPG_250/{album.id}.jpg?partner=site"


def slug(text: str) -> str:
    """A title as the addresses of albums have it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "album"


def _row(album: SiteAlbum, lazy: bool, linked: bool) -> str:
    address = escape(cover_path(album))
    source = f'src="{GIF}" data-original="{address}"' if lazy else f'src="{address}"'
    artists = " / ".join(
        f'<a href="/artist/{slug(name)}">{escape(name)}</a>'
        if linked or name != "Various Artists"
        else escape(name)
        for name in album.artist.split(" / ")
    )
    page = f"/album/{slug(album.title)}-{album.id}"
    year = "" if album.year is None else album.year
    rating = int(album.id[2:]) % 9 + 1
    return (
        f'<tr>\n<td class="cover"><a href="{page}"><img class="lazy" {source} alt=""></a></td>\n'
        f'<td class="year">\n    {year}\n</td>\n<td class="artist">\n    {artists}\n</td>\n'
        f'<td class="title">\n    <a href="{page}">{escape(album.title)}</a>\n</td>\n'
        f'<td class="rating"><span class="rating-{rating}">{rating}</span></td>\n</tr>'
    )


def _pager(page: int, pages: int) -> str:
    if pages == 1:
        return ""
    links = []
    if page > 1:
        links.append(f'<a class="prev" rel="prev" href="#" data-page="{page - 1}">« Prev</a>')
    for number in range(max(1, page - 3), min(pages, page + 3) + 1):
        if number == page:
            links.append(f'<span class="current">{number}</span>')
        else:
            links.append(f'<a href="#" data-page="{number}">{number}</a>')
    if page < pages:
        links.append(f'<a class="next" rel="next" href="#" data-page="{page + 1}">Next »</a>')
    return f'<div class="pager" data-pager>{" ".join(links)}</div>'
