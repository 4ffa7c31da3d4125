"""Clarifai concepts as the study published them: a CSV a genre, a row a cover, a column a concept.

A cell is Clarifai's score, empty where the concept was not among those it named. A file has columns
only for the concepts on at least 20 % of its genre's covers. Whether another one is on a cover is
not known: that is None or NULL here, never 0. The columns alone give the genre away, so these
concepts are for tables and plots, and never a model's input.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from covergenre.concepts.tagger import Concept, Tagged, Tagger, TaggerFailure, ranked
from covergenre.errors import ConceptsError

Picture = tuple[str, int]
"""Name of a file or folder, and number: image12.jpg in rap.csv is the cover rap/0_12.jpg."""

_PICTURE = "img"
_NUMBER = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True)
class PublishedGenre:
    """One CSV.

    Attributes:
        genre: the file's name without its ending.
        scores: float64, above 0 and at most 1, NaN where the concept was not seen; a row a cover,
            by its number; a column a concept.
        digest: sha256 of the file, hexadecimal.
    """

    genre: str
    scores: pd.DataFrame
    digest: str


def read_folder(folder: Path) -> list[PublishedGenre]:
    """Read every CSV of a folder, by name.

    Raises:
        ConceptsError: there is none, or one is not as described above.
    """
    files = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    if not files:
        raise ConceptsError(
            f"{folder} holds no CSV of concepts: one a genre, named as the genre is"
        )
    return [_read(file) for file in files]


def picture_of(name: str) -> Picture | None:
    """The published picture that a cover of a catalogue of folders is.

    Args:
        name: path below the catalogue's folder, which is the album's id: rap/0_12.jpg.

    Returns:
        Name of its folder and the last number in its own name; None where one is missing.
    """
    path = PurePosixPath(name)
    number = _NUMBER.search(path.stem)
    return (path.parent.name, int(number[1])) if number and path.parent.name else None


class PublishedConcepts(Tagger):
    """Says of each cover what was published about it.

    Args:
        published: as :func:`read_folder` gives them.
        covers: cover_id of each picture that the catalogue has; see :func:`picture_of`.
    """

    def __init__(self, published: Sequence[PublishedGenre], covers: Mapping[Picture, str]) -> None:
        digest = hashlib.sha256("".join(one.digest for one in published).encode()).hexdigest()
        self.name = f"clarifai-csv:{digest[:12]}"
        self.batch_size = 1024
        names = sorted({name for one in published for name in one.scores.columns})
        self._tagged: dict[str, list[Concept]] = {}
        for one in published:
            unknown = [Concept(name, None) for name in names if name not in one.scores.columns]
            for number, row in one.scores.iterrows():
                cover_id = covers.get((one.genre, int(str(number))))
                if cover_id is not None:
                    seen = ((str(name), float(score)) for name, score in row.dropna().items())
                    self._tagged[cover_id] = ranked(seen) + unknown

    def tag(self, contents: Sequence[bytes]) -> list[Tagged]:
        return [self._of(hashlib.sha256(content).hexdigest()) for content in contents]

    def _of(self, cover_id: str) -> Tagged:
        failure = TaggerFailure("unpublished", "no published picture is this cover")
        return self._tagged.get(cover_id, failure)


def _read(file: Path) -> PublishedGenre:
    try:
        content = file.read_bytes()
        # As text, and with the header as a row: pandas would rename a column given twice.
        cells = pd.read_csv(
            file, header=None, dtype=str, encoding="utf-8-sig", keep_default_na=False, na_values=""
        )
    except (OSError, UnicodeDecodeError, ValueError) as error:  # ValueError: pandas' parser
        raise ConceptsError(f"{file} cannot be read as a CSV: {error}") from error
    header = cells.iloc[0].fillna("").str.strip().tolist()
    table = cells.iloc[1:].set_axis(header, axis=1).drop(columns="", errors="ignore")
    if _PICTURE not in header:
        raise ConceptsError(f"{file} has no column {_PICTURE}, which names the picture of each row")
    if twice := sorted({name for name in table.columns if header.count(name) > 1}):
        raise ConceptsError(f"{file} has the column {twice[0]} twice: keep one")
    if len(table) == 0 or len(table.columns) == 1:
        raise ConceptsError(f"{file} holds no concepts: a row a cover, a column a concept")
    numbers = _numbers(file, table[_PICTURE])
    scores = _scores(file, table.drop(columns=_PICTURE)).set_axis(numbers, axis=0)
    return PublishedGenre(file.stem, scores, hashlib.sha256(content).hexdigest())


def _numbers(file: Path, pictures: pd.Series) -> list[int]:
    found: dict[int, str] = {}
    for line, name in enumerate(pictures.fillna(""), start=2):
        match = _NUMBER.search(PurePosixPath(name).stem)
        if not match:
            raise ConceptsError(f"{file} line {line}: {_PICTURE} {name!r} has no number")
        if (number := int(match[1])) in found:
            raise ConceptsError(f"{file} line {line}: {_PICTURE} {name!r} is there twice: keep one")
        found[number] = name
    return list(found)


def _scores(file: Path, texts: pd.DataFrame) -> pd.DataFrame:
    scores = pd.DataFrame(
        {name: pd.to_numeric(texts[name], errors="coerce").astype(np.float64) for name in texts}
    )
    wrong = texts.notna() & ~((scores > 0) & (scores <= 1))
    for concept in texts.columns[wrong.any()]:
        row = int(np.flatnonzero(wrong[concept])[0])
        raise ConceptsError(
            f"{file} line {row + 2}, column {concept}: {texts[concept].iloc[row]!r} is no score; "
            "one is above 0 and at most 1, and a concept that was not seen is left empty"
        )
    return scores
