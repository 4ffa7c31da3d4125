"""Labels that people marked on covers, as a CSV holds them."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from covergenre.detector.boxes import Boxes
from covergenre.errors import MarksError, OutputError

LABEL, NONE, AMBIGUOUS = "parental_advisory", "none", "ambiguous"
COLUMNS = ("cover_id", "label", "xmin", "ymin", "xmax", "ymax")
"""What a CSV of marks has at least, but that ``path`` may stand for ``cover_id``."""

_SIDES = COLUMNS[2:]
_COVER_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Marked:
    """A cover that a person has looked at.

    Attributes:
        cover: its path below the catalogue's folder or its ``cover_id``, whichever is given.
        boxes: float32 (n, 4), xmin, ymin, xmax, ymax in 0-1 of the cover's sides: all labels on
            it, those in doubt too.
        ambiguous: whether it is a label is in doubt: to be left out.
        variant: which kind of label; of several the first that is named. Empty if none is.
        line: of the CSV that names it first.
    """

    cover: str
    boxes: Boxes
    ambiguous: bool
    variant: str
    line: int = 0

    @property
    def has_label(self) -> bool:
        """Whether it surely carries one."""
        return len(self.boxes) > 0 and not self.ambiguous


@dataclass(frozen=True)
class Candidate:
    """What a detector takes for a label on a cover that nobody has marked.

    Attributes:
        cover_id: of the cover.
        album: one that carries it, for people to find it by.
        box: float32 (4,), xmin, ymin, xmax, ymax in 0-1 of the cover's sides.
        score: 0-1.
    """

    cover_id: str
    album: str
    box: npt.NDArray[np.float32]
    score: float


@dataclass(frozen=True)
class _Row:
    line: int
    cover: str
    label: str
    box: tuple[float, ...] | None
    variant: str


def read_marks(path: Path) -> list[Marked]:
    """Read the labels of covers, one cover after another as the CSV first names them.

    Args:
        path: CSV in UTF-8 with the columns ``path`` or ``cover_id`` (where both are filled in,
            the ``cover_id``), ``label`` (``parental_advisory``, ``none`` or ``ambiguous``),
            ``xmin``, ``ymin``, ``xmax``, ``ymax`` in 0-1 of the cover's sides, empty where there
            is no label, and maybe ``variant``; others are not looked at. A cover with several
            labels has as many rows.

    Raises:
        MarksError: the file cannot be read as that; names the line.
    """
    rows: dict[str, list[_Row]] = {}
    for row in _rows(path):
        held = rows.setdefault(row.cover, [])
        _check_agreement(path, held, row)
        held.append(row)
    if not rows:
        raise MarksError(f"{path} marks no cover: it needs a row for each cover looked at")
    return [_marked(held) for held in rows.values()]


def write_candidates(path: Path, candidates: Sequence[Candidate]) -> None:
    """Write candidates as a CSV of marks that claims them all, numbered from 1 on.

    A person looks at each and takes out the rows that are no labels: what remains is a CSV that
    :func:`read_marks` reads.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*COLUMNS, "score", "number", "album"])
            for number, one in enumerate(candidates, 1):
                sides = [f"{side:.4f}" for side in one.box]
                row = [one.cover_id, LABEL, *sides, f"{one.score:.4f}", number, one.album]
                writer.writerow(row)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def is_cover_id(cover: str) -> bool:
    """Whether a cover is named by its ``cover_id``, the sha256 of its bytes."""
    return _COVER_ID.fullmatch(cover) is not None


def _marked(rows: Sequence[_Row]) -> Marked:
    boxes = [row.box for row in rows if row.box is not None]
    return Marked(
        rows[0].cover,
        np.array(boxes, np.float32).reshape(-1, 4),
        any(row.label == AMBIGUOUS for row in rows),
        next((row.variant for row in rows if row.variant), ""),
        rows[0].line,
    )


def _rows(path: Path) -> list[_Row]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise MarksError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MarksError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_columns(path, reader.fieldnames or [])
        # A row ends on the line that the reader has come to.
        return [_row(f"{path} line {reader.line_num}", reader.line_num, row) for row in reader]
    except csv.Error as error:
        line = reader.reader.line_num  # the outer one counts whole rows only
        raise MarksError(f"{path} line {line} is not CSV: {error}") from error


def _check_columns(path: Path, header: Collection[str]) -> None:
    missing = [name for name in COLUMNS[1:] if name not in header]
    if not {"path", "cover_id"} & set(header):
        missing.insert(0, "path (or cover_id)")
    if missing:
        raise MarksError(
            f"{path} has no column {', '.join(missing)} (it has: {', '.join(header) or 'none'})"
        )


def _row(where: str, line: int, row: dict[str, str | None]) -> _Row:
    said = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    if len(said) != len(row) or None in row.values():
        raise MarksError(f"{where} has not as many fields as the first line")
    cover = said.get("cover_id") or said.get("path") or ""
    if not cover:
        raise MarksError(f"{where}: no cover is named: give its path or cover_id")
    if not is_cover_id(cover):
        cover = os.path.normpath(cover)
    return _Row(line, cover, said["label"], _box(where, said), said.get("variant", ""))


def _box(where: str, row: dict[str, str]) -> tuple[float, ...] | None:
    label, given = row["label"], [side for side in _SIDES if row[side]]
    if label not in (LABEL, NONE, AMBIGUOUS):
        raise MarksError(f"{where}: label is {label!r}: use {LABEL}, {NONE} or {AMBIGUOUS}")
    if label == NONE and given:
        raise MarksError(
            f"{where}: label is none but {given[0]} is given: empty it, or say {LABEL}"
        )
    if label == NONE or (label == AMBIGUOUS and not given):
        return None
    if len(given) < len(_SIDES):
        lacking = next(side for side in _SIDES if side not in given)
        raise MarksError(f"{where}: {lacking} is empty: a label needs its whole box")
    values = {side: _number(where, side, row[side]) for side in _SIDES}
    for low, high in (("xmin", "xmax"), ("ymin", "ymax")):
        if values[low] >= values[high]:
            raise MarksError(f"{where}: {low} {values[low]:g} is not below {high} {values[high]:g}")
    return tuple(values.values())


def _number(where: str, side: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise MarksError(f"{where}: {side} is {text!r}, not a number") from None
    if not 0 <= value <= 1:
        raise MarksError(
            f"{where}: {side} is {text}, not within 0-1: divide pixels by the cover's width or "
            "height"
        )
    return value


def _check_agreement(path: Path, held: Sequence[_Row], row: _Row) -> None:
    for before in held:
        lines = f"{path} lines {before.line} and {row.line}"
        if (before.label, before.box) == (row.label, row.box):
            raise MarksError(f"{lines} say the same of {row.cover}: take one out")
        if NONE in (before.label, row.label):
            raise MarksError(f"{lines} contradict each other on {row.cover}: take one out")
