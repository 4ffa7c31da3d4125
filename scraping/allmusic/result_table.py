"""The table of results as it stands in the page at one moment."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from selenium.webdriver.remote.webdriver import WebDriver

from covergenre.config import scrape as config
from covergenre.errors import SettingError
from scraping.allmusic.network import ALBUM

# One script, so that all it returns is of the same state of the page. Where a cell has no link, as
# for artists without a page of their own, the selector counts without its last part.
_READ = """
const [s] = arguments;
const text = (node) => node.textContent.split(/\\s+/).filter(Boolean).join(' ');
const seen = (node) => node !== null && node.getClientRects().length > 0;
const cellOf = (row, selector) => {
  const shorter = selector.replace(/[\\s>+~]+[^\\s>+~]+$/, '');
  try { return row.querySelector(shorter); } catch { return row.querySelector(selector); }
};
const names = (row) => {
  const links = [...row.querySelectorAll(s.artist)].map(text).filter(Boolean);
  const cell = cellOf(row, s.artist);
  if (cell === null) return null;
  const shown = text(cell);
  const bare = (words) => words.replace(/\\s/g, '');
  return links.length > 1 && bare(shown) === bare(links.join('')) ? links.join(' & ') : shown;
};
const rows = [...document.querySelectorAll(s.rows)].map((row) => {
  const title = row.querySelector(s.title) || cellOf(row, s.title);
  const year = row.querySelector(s.year);
  const image = row.querySelector(s.cover);
  const links = [title && title.closest('a'), ...row.querySelectorAll('a[href]')].filter(Boolean)
    .map((link) => link.getAttribute('href') || '');
  return {
    link: links.find((href) => /mw[0-9]{10}/i.test(href)) || null,
    artist: names(row), title: title && text(title), year: year && text(year),
    image: image !== null,
    cover: image && (image.getAttribute('data-original') || image.getAttribute('src')),
  };
});
const next = document.querySelector(s.next);
const empty = document.querySelector(s.no_results);
return {
  rows, base: document.baseURI, next: seen(next),
  pager: [...document.querySelectorAll(`${s.results} a`)]
    .filter((link) => seen(link) && !link.matches('.disabled, [aria-disabled="true"]'))
    .some((link) => link.rel === 'next' || /^next\\b/i.test(text(link))),
  empty: rows.length === 0 && seen(empty),
  cookie: s.cookie_accept.find((one) => seen(document.querySelector(one))) || null,
  challenge: s.challenge.find((one) => {
    const node = document.querySelector(one);
    return node !== null && (seen(node) || !document.querySelector(s.genre_filter));
  }) || null,
};
"""


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        key: of the album: AllMusic's id in lower case where the row links to it, else a digest of
            the row's texts.
        linked: whether it links to the album.
        url: absolute address of the album; None without a link.
        artist, title, year: as shown, white space normalised; None if empty.
        cover: absolute address of the cover; None for a placeholder.
    """

    key: str
    linked: bool
    url: str | None
    artist: str | None
    title: str | None
    year: str | None
    cover: str | None

    @property
    def album_id(self) -> str:
        """As :class:`scraping.records.Album` has it."""
        return f"allmusic:{self.key.upper() if self.linked else self.key}"


@dataclass(frozen=True)
class ResultTable:
    """The table, and what else the page shows at the same moment.

    Attributes:
        rows: in the page's order.
        next: whether there is a link to the next page.
        empty: whether the page says that nothing was found.
        cookie: selector of the cookie box's button, if that is shown.
        challenge: selector of the challenge that the page is, if it is one.
        missing: selectors (by setting) that find nothing though it must be there.
    """

    rows: tuple[Row, ...]
    next: bool
    empty: bool
    cookie: str | None = field(compare=False)
    challenge: str | None = field(compare=False)
    missing: tuple[str, ...] = ()

    @classmethod
    def read(cls, driver: WebDriver, settings: config.AllMusic) -> ResultTable:
        """Read the page as it is now.

        Raises:
            WebDriverException: there is no page to read.
        """
        state = driver.execute_script(_READ, settings.selectors.model_dump())
        rows = [_row(cells, state["base"], settings) for cells in state["rows"]]
        return cls(
            tuple(rows),
            bool(state["next"]),
            bool(state["empty"]),
            state["cookie"],
            state["challenge"],
            _missing(state),
        )

    @property
    def albums(self) -> tuple[str, ...]:
        """Ids of the linked albums, in order, each once."""
        return tuple(dict.fromkeys(row.key for row in self.rows if row.linked))

    @property
    def keys(self) -> tuple[str, ...]:
        """Of all rows, in order."""
        return tuple(row.key for row in self.rows)


def _row(cells: dict[str, Any], base: str, settings: config.AllMusic) -> Row:
    artist, title, year = (_words(cells[name]) for name in ("artist", "title", "year"))
    cover = _cover(cells["cover"], base, settings)
    link = cells["link"]
    if link is None:
        digest = hashlib.sha256(repr((artist, title, year)).encode()).hexdigest()[:16]
        return Row(digest, False, None, artist, title, year, cover)
    key = ALBUM.findall(link)[-1].lower()
    return Row(key, True, _absolute(base, link), artist, title, year, cover)


def _words(text: str | None) -> str | None:
    return " ".join((text or "").split()) or None


def _absolute(base: str, address: str) -> str | None:
    try:
        url = urljoin(base, address.strip())
        return url if urlsplit(url).scheme in ("http", "https") else None
    except ValueError:  # e.g. an IPv6 address that is none
        return None


def _cover(address: str | None, base: str, settings: config.AllMusic) -> str | None:
    url = _absolute(base, address) if address else None
    if url is None or any(placeholder in url for placeholder in settings.placeholders):
        return None
    for rule in settings.cover_url_replace:
        try:
            url = re.sub(rule.pattern, rule.replacement, url)
        except (re.error, IndexError) as error:
            raise SettingError(
                f"scrape.allmusic.cover_url_replace: {rule.replacement!r} does not go with "
                f"{rule.pattern!r} ({error})"
            ) from None
    return url


def _missing(state: dict[str, Any]) -> tuple[str, ...]:
    rows = state["rows"]
    if not rows:
        return ()
    found = {
        "title": any(cells["title"] is not None for cells in rows),
        "artist": any(cells["artist"] is not None for cells in rows),
        "year": any(cells["year"] is not None for cells in rows),
        "cover": any(cells["image"] for cells in rows),
        "next": state["next"] or not state["pager"],
    }
    return tuple(name for name, there in found.items() if not there)
