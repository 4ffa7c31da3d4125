"""Writes a whole catalogue of drawn covers: the picture files and the list of albums."""

from __future__ import annotations

import csv
import re
import secrets
import shutil
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.random import Generator

from scraping.procedural.advisory import VARIANTS, paste_advisory_label
from scraping.procedural.covers import GENRES, draw_cover
from scraping.procedural.formats import PLAIN, UNUSUAL, CoverFormat, broken_file, fitted
from scraping.procedural.names import album_title, artist_name, reissue_title

COLUMNS = ("file", "artist", "title", "year", "genre")

_LABELLED_RAP = 0.5
_LABELLED_OTHER = 0.01
_VARIANT_SHARES = (0.75, 0.15, 0.1)
_REISSUED = 0.02
_UNUSUAL_SHARE = 0.24
_UNDATED = ("", "19xx", "")
_ALBUMS_PER_UNDATED = 10
# Drawing time grows with the area; sleeves larger than this are enlarged, as shops do.
_LARGEST_DRAWN = 640


@dataclass(frozen=True)
class Album:
    """One row of the list and what its file holds.

    `file` is relative to the catalogue's folder; `year` is as listed and may be empty or "19xx";
    `drawn_year` is the year the print looks like; `label` is the advisory plate's variant or None;
    `source` is the number of the album whose file a reissue repeats, else None.
    """

    number: int
    file: str
    artist: str
    title: str
    year: str
    genre: str
    drawn_year: int
    form: CoverFormat
    label: str | None = None
    source: int | None = None


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].rstrip("-") or "untitled"


def _file_name(number: int, title: str, extension: str) -> str:
    return f"covers/{number + 1:04d}-{_slug(title)}.{extension}"


def _check(
    albums: int, genres: Sequence[str], first_year: int, last_year: int, broken: int
) -> None:
    unknown = [genre for genre in genres if genre not in GENRES]
    if unknown or not genres:
        raise ValueError(f"genres must be among {GENRES}, got {tuple(genres)}")
    if len(set(genres)) != len(genres):
        raise ValueError(f"genres must not repeat, got {tuple(genres)}")
    if albums < 1:
        raise ValueError(f"needs at least one album, got {albums}")
    if broken < 0:
        raise ValueError(f"the number of broken files cannot be negative, got {broken}")
    if first_year > last_year:
        raise ValueError(f"first_year {first_year} is after last_year {last_year}")


def _formats(count: int, rng: Generator) -> list[CoverFormat]:
    """Mostly plain JPEG; the unusual ones take turns, so that a small catalogue has them too."""
    forms = [PLAIN] * count
    places = rng.permutation(count)[: round(count * _UNUSUAL_SHARE)]
    for turn, place in enumerate(places):
        forms[place] = UNUSUAL[turn % len(UNUSUAL)]
    return forms


def _years(genres: Sequence[str], first: int, last: int, rng: Generator) -> list[int]:
    """A year for each album, every genre going through all years in an order of its own."""
    span = np.arange(first, last + 1)
    order = {genre: rng.permutation(span) for genre in sorted(set(genres))}
    seen = dict.fromkeys(order, 0)
    years = []
    for genre in genres:
        years.append(int(order[genre][seen[genre] % len(span)]))
        seen[genre] += 1
    return years


def _labelled(genres: Sequence[str], rng: Generator) -> dict[int, str]:
    """Numbers of the albums that carry the plate, with its variant."""
    rap = [i for i, genre in enumerate(genres) if genre == "rap"]
    other = [i for i, genre in enumerate(genres) if genre != "rap"]
    chosen: dict[int, str] = {}
    for group, share in ((rap, _LABELLED_RAP), (other, _LABELLED_OTHER)):
        for place in rng.permutation(len(group))[: round(len(group) * share)]:
            chosen[group[place]] = str(rng.choice(VARIANTS, p=_VARIANT_SHARES))
    return chosen


def _reissues(rows: list[Album], rng: Generator) -> None:
    """Turn some albums, in place, into reissues of another of their genre."""
    wanted = round(len(rows) * _REISSUED)
    for number in rng.permutation(len(rows)):
        if wanted == 0:
            return
        album = rows[number]
        # An unusual file stays, or a small catalogue could lose its only one of a kind.
        if album.form is not PLAIN or any(row.source == album.number for row in rows):
            continue
        sources = [
            row
            for row in rows
            if row.genre == album.genre
            and row.source is None
            and row.drawn_year != album.drawn_year
        ]
        if sources:
            source = sources[rng.integers(len(sources))]
            title = reissue_title(source.title, rng)
            rows[number] = replace(
                album,
                artist=source.artist,
                title=title,
                form=source.form,
                label=source.label,
                source=source.number,
                file=_file_name(album.number, title, source.form.extension),
            )
            wanted -= 1


def plan_albums(
    albums: int = 400,
    seed: int = 7,
    genres: Sequence[str] = GENRES,
    first_year: int = 2000,
    last_year: int = 2022,
) -> list[Album]:
    """The albums `generate_catalogue` writes for the same arguments, the broken ones left out.

    Raises ValueError for no album, an unknown or repeated genre or years in the wrong order.
    """
    _check(albums, genres, first_year, last_year, 0)
    rng = np.random.default_rng(seed)
    row_genres = [genres[i] for i in rng.permutation(np.arange(albums) % len(genres))]
    years = _years(row_genres, first_year, last_year, rng)
    labels, forms = _labelled(row_genres, rng), _formats(albums, rng)
    # Artists make about three albums each.
    pools = {
        genre: [artist_name(genre, rng) for _ in range(1 + albums // (3 * len(genres)))]
        for genre in genres
    }
    rows = []
    for number, (genre, year, form) in enumerate(zip(row_genres, years, forms, strict=True)):
        title = album_title(genre, rng)
        artist = pools[genre][rng.integers(len(pools[genre]))]
        file = _file_name(number, title, form.extension)
        rows.append(
            Album(number, file, artist, title, str(year), genre, year, form, labels.get(number))
        )
    _reissues(rows, rng)
    undated = rng.permutation(albums)[: min(len(_UNDATED), albums // _ALBUMS_PER_UNDATED)]
    for number, year_text in zip(undated, _UNDATED, strict=False):
        rows[number] = replace(rows[number], year=year_text)
    return rows


def _cover_bytes(album: Album, seed: int) -> bytes:
    # Each album draws from a stream of its own, so one more album leaves the others as they are.
    rng = np.random.default_rng([seed, album.number])
    form, quality = album.form, int(rng.integers(62, 92))
    size = min(max(form.width, form.height), _LARGEST_DRAWN)
    cover = draw_cover(album.genre, album.drawn_year, album.artist, album.title, rng, size)
    cover = fitted(cover, form.width, form.height)
    if album.label is not None:
        cover, _ = paste_advisory_label(cover, rng, album.label)
    return form.encode(cover, quality)


def _broken_album(number: int, genres: Sequence[str], years: tuple[int, int], seed: int) -> Album:
    rng = np.random.default_rng([seed, number])
    genre, year = genres[number % len(genres)], int(rng.integers(years[0], years[1] + 1))
    artist, title = artist_name(genre, rng), album_title(genre, rng)
    return Album(
        number, _file_name(number, title, "jpg"), artist, title, str(year), genre, year, PLAIN
    )


def _write(folder: Path, rows: Sequence[Album], faulty: Sequence[Album], seed: int) -> None:
    (folder / "covers").mkdir()
    for album in rows:
        if album.source is None:
            (folder / album.file).write_bytes(_cover_bytes(album, seed))
    for album in rows:
        if album.source is not None:
            shutil.copyfile(folder / rows[album.source].file, folder / album.file)
    for turn, album in enumerate(faulty):
        rng = np.random.default_rng([seed, album.number, 1])
        cover = draw_cover(album.genre, album.drawn_year, album.artist, album.title, rng)
        (folder / album.file).write_bytes(broken_file(turn, cover))
    with (folder / "albums.csv").open("w", encoding="utf-8", newline="") as listing:
        writer = csv.writer(listing, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([a.file, a.artist, a.title, a.year, a.genre] for a in [*rows, *faulty])


def generate_catalogue(
    folder: Path,
    albums: int = 400,
    seed: int = 7,
    genres: Sequence[str] = GENRES,
    first_year: int = 2000,
    last_year: int = 2022,
    broken: int = 3,
) -> None:
    """Write `folder`/covers/ and `folder`/albums.csv: `albums` sound covers, then `broken` others.

    The same arguments give the same bytes. All is drawn into a folder beside `folder` that takes
    its name only when complete, so a stopped run leaves nothing under that name. Raises
    FileExistsError when `folder` exists and is not an empty folder, ValueError for arguments
    without sense.
    """
    _check(albums, genres, first_year, last_year, broken)
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not an empty folder")
    rows = plan_albums(albums, seed, genres, first_year, last_year)
    years = (first_year, last_year)
    faulty = [_broken_album(albums + i, genres, years, seed) for i in range(broken)]
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.partial"
    partial.mkdir()
    try:
        _write(partial, rows, faulty, seed)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
