"""A catalogue that is a folder of images: genre folders, or a CSV beside the images."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from covergenre.errors import CatalogueError
from covergenre.images import EXTENSIONS, looks_like_image

# Column of the CSV to its other common names.
CSV_COLUMNS = {
    "file": ("path", "filename", "image"),
    "artist": (),
    "title": ("album",),
    "year": ("release_year",),
    "genre": (),
}


@dataclass(frozen=True)
class Item:
    """One album of the folder.

    Attributes:
        album_id: path of its file below the folder; with a suffix where several albums share it.
        path: of the file, as the file system has it (names need not be Unicode); None if there is
            no such file.
        etag: size and time of modification of the file; None without a file.
        genre, year: as written; None if not given.
        reason, detail: why there is no file, else None.
    """

    album_id: str
    path: bytes | None
    etag: str | None
    artist: str | None = None
    title: str | None = None
    genre: str | None = None
    year: str | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass
class Listing:
    """The albums of a folder, and how many files were no images."""

    items: list[Item] = field(default_factory=list)
    ignored: int = 0


def list_folder(folder: Path, table: Path | None = None) -> Listing:
    """List the albums of a folder; no image is read.

    Every image file is an album, told by its extension or its first bytes; hidden files are left
    out. With a CSV its rows name the albums and their artist, title, year and genre; images that
    it does not name are albums without these. Without one the first folder below names the genre.

    Args:
        folder: searched with everything below it.
        table: the CSV; None for ``albums.csv`` or the only ``*.csv`` in the folder.

    Raises:
        CatalogueError: the folder or CSV cannot be read as a catalogue; says what to change.
    """
    if not folder.is_dir():
        raise CatalogueError(f"{folder} is not a folder")
    listing = Listing()
    files: dict[bytes, str] = {}
    for relative, path in _walk(folder):
        if _is_image(path):
            files[relative] = _etag(path)
        else:
            listing.ignored += 1
    table = table or _find_table(folder)
    root = os.fsencode(folder)
    if table is not None:
        listing.items = list(_rows(folder, table, files))
        listing.ignored -= int(table.parent == folder)
    named = {item.path for item in listing.items}
    for relative, etag in sorted(files.items()):
        path = os.path.join(root, relative)
        if path not in named:
            parts = relative.split(b"/")
            genre = _text(parts[0]) if table is None and len(parts) > 1 else None
            listing.items.append(Item(_text(relative), path, etag, genre=genre))
    if not listing.items:
        raise CatalogueError(
            f"{folder} holds no images ({listing.ignored} other files): name the folder that "
            "holds the covers"
        )
    return listing


def _walk(folder: Path) -> Iterator[tuple[bytes, bytes]]:
    """Files below a folder as (relative path, path); links to folders are followed once."""
    seen = set()

    def refuse(error: OSError) -> None:
        raise CatalogueError(f"{error.filename!r} cannot be listed: {error.strerror}") from error

    root = os.fsencode(folder)
    for here, folders, names in os.walk(root, followlinks=True, onerror=refuse):
        about = os.stat(here)
        if (about.st_dev, about.st_ino) in seen:
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        folders[:] = sorted(f for f in folders if not f.startswith(b"."))
        for name in sorted(names):
            if not name.startswith(b"."):
                path = os.path.join(here, name)
                yield os.path.relpath(path, root), path


def _is_image(path: bytes) -> bool:
    if os.path.splitext(_text(path))[1].lower() in EXTENSIONS:
        return True
    try:
        # A pipe or a device would wait for ever; only its name could make it a cover.
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return looks_like_image(file.read(16))
    except OSError:
        return False


def _etag(path: bytes) -> str:
    try:
        about = os.stat(path)
    except OSError:
        return "unreadable"
    return f"{about.st_size}-{about.st_mtime_ns}"


def _text(name: bytes) -> str:
    """A file's name as Unicode; bytes that are not become ``\\xNN``, so none is lost."""
    return name.decode("utf-8", "backslashreplace")


def _find_table(folder: Path) -> Path | None:
    tables = sorted(p for p in folder.glob("*.csv") if p.is_file() and not p.name.startswith("."))
    if folder / "albums.csv" in tables:
        return folder / "albums.csv"
    if len(tables) > 1:
        names = ", ".join(p.name for p in tables)
        raise CatalogueError(f"{folder} holds several CSVs ({names}): name one with --csv")
    return tables[0] if tables else None


def _rows(folder: Path, table: Path, files: dict[bytes, str]) -> Iterator[Item]:
    rows = list(_read_table(table))
    uses = Counter(os.path.normpath(row["file"]) for row in rows)
    seen: Counter[str] = Counter()
    for row in rows:
        name = row.pop("file")
        normal = os.path.normpath(name)
        suffix = ""
        if uses[normal] > 1:
            # Albums that share a file are told apart by what the row says, so that their ids do
            # not depend on the order of rows; identical rows are counted.
            suffix = "#" + hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:8]
            seen[normal + suffix] += 1
            suffix += f"-{seen[normal + suffix]}" if seen[normal + suffix] > 1 else ""
        about = {key: value or None for key, value in row.items()}
        yield _row_item(folder, name, suffix, about, files)


def _row_item(
    folder: Path, name: str, suffix: str, about: dict[str, str | None], files: dict[bytes, str]
) -> Item:
    normal = os.path.normpath(name)
    album_id = f"{normal}{suffix}"
    if os.path.isabs(normal) or normal.split(os.sep)[0] == "..":
        return Item(album_id, None, None, reason="outside_folder", detail=name, **about)
    relative = os.fsencode(normal)
    path = os.path.join(os.fsencode(folder), relative)
    if relative in files:
        return Item(album_id, path, files[relative], **about)
    if os.path.isfile(path):  # named by the CSV, so an album whatever it looks like
        return Item(album_id, path, _etag(path), **about)
    return Item(album_id, None, None, reason="missing_file", detail=name, **about)


def _read_table(table: Path) -> Iterator[dict[str, str]]:
    try:
        # Decoded whole: of a file read in parts, an error knows the place in its part only.
        text = table.read_bytes().decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = _columns(table, reader.fieldnames or [])
        for row in reader:
            values = {c: (row.get(header) or "").strip() for c, header in columns.items()}
            if values["file"]:
                yield values
            elif any(values.values()):
                raise CatalogueError(f"{table} line {reader.line_num}: no file is named")
    except UnicodeDecodeError as error:
        raise CatalogueError(
            f"{table} is not UTF-8 (byte {error.start}): save it as UTF-8"
        ) from error
    except csv.Error as error:
        line = reader.reader.line_num  # the outer one counts whole rows only
        raise CatalogueError(f"{table} line {line} is not CSV: {error}") from error
    except OSError as error:
        raise CatalogueError(f"{table} cannot be read: {error.strerror}") from error


def _columns(table: Path, header: Sequence[str]) -> dict[str, str]:
    """Our column names to the CSV's."""
    found = {name.strip().lower(): name for name in header if name}
    columns = {
        column: next(found[n] for n in (column, *others) if n in found)
        for column, others in CSV_COLUMNS.items()
        if any(n in found for n in (column, *others))
    }
    if "file" not in columns:
        raise CatalogueError(
            f"{table} has no column `file` (it has: {', '.join(header) or 'none'}): each row must "
            "name its image below the folder"
        )
    return columns
