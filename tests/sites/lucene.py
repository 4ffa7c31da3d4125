"""Lucene's classic query syntax, as far as MusicBrainz' index of release groups needs it."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Sequence

from tests.sites.release_groups import ReleaseGroup


class QueryError(ValueError):
    """A query that the service answers with 400."""


_Test = Callable[["ReleaseGroup"], bool]
_TOKEN = re.compile(
    r"""\s+
    |(?P<phrase>"(?:\\.|[^"\\])*")
    |(?P<range>\[\S+\ TO\ \S+\])
    |(?P<mark>&&|\|\||[()+\-!])
    |(?P<field>[A-Za-z_]+):
    |(?P<term>(?:\\.|[^\s"\\()\[\]{}:^~/])+)""",
    re.VERBOSE,
)
_AND, _OR, _NOT = ("AND", "&&"), ("OR", "||"), ("NOT", "-", "!")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_TEXT: dict[str, Callable[[ReleaseGroup], Sequence[str]]] = {
    "tag": lambda group: [name for name, _ in group.tags],
    "releasegroup": lambda group: [group.title],
    "artist": lambda group: [group.artist],
    "artistname": lambda group: [name for name, _ in group.credit],
}
_KEYWORD: dict[str, Callable[[ReleaseGroup], Sequence[str]]] = {
    "primarytype": lambda group: [group.primary],
    "secondarytype": lambda group: group.secondary,
    "status": lambda group: ["Official"],
    "rgid": lambda group: [group.mbid],
}
_FIELDS = {**_TEXT, **_KEYWORD}
_FIELDS["firstreleasedate"] = lambda group: [group.date]


class Query:
    """A query in the syntax of Lucene's classic query parser, on the fields of release groups.

    Fields, phrases, wildcards, ranges of dates, groups, AND, OR, NOT, ``&&``, ``||``, ``+``, ``-``
    and ``!`` with that parser's own precedence: AND makes both its neighbours required, whatever
    else is in the group is optional. Not boosts, fuzziness, proximity and regular expressions.

    Raises:
        QueryError: it cannot be parsed.
    """

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise QueryError(f"Cannot parse '{text}': Encountered {text[place]!r} at {place}")
            if found.lastgroup is not None:
                self._tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()
        self._tokens.append(("end", ""))
        self.matches = self._group("releasegroup")
        self._take("end")

    def _take(self, kind: str, *texts: str) -> str:
        found, text = self._tokens[0]
        if found != kind or (texts and text not in texts):
            raise QueryError(f"Cannot parse the query: Encountered '{text or '<EOF>'}'")
        self._tokens.pop(0)
        return text

    def _next_is(self, *texts: str) -> bool:
        kind, text = self._tokens[0]
        return kind in ("term", "mark") and text in texts

    def _group(self, field: str) -> _Test:
        """Clauses up to a closing parenthesis (QueryParserBase.addClause of Lucene)."""
        clauses: list[tuple[str, _Test]] = []
        while True:
            joined = ""
            if clauses and self._next_is(*_AND, *_OR):
                joined = self._tokens.pop(0)[1]
            if joined in _AND and clauses[-1][0] == "should":
                clauses[-1] = ("must", clauses[-1][1])
            role = "must" if joined in _AND else "should"
            if self._next_is(*_NOT, "+"):
                role = "must" if self._tokens.pop(0)[1] == "+" else "not"
            clauses.append((role, self._clause(field)))
            if self._tokens[0] in (("mark", ")"), ("end", "")):
                return functools.partial(_matches, clauses)

    def _clause(self, field: str) -> _Test:
        if self._tokens[0][0] == "field":
            field = self._take("field")
        kind, text = self._tokens.pop(0)
        if (kind, text) == ("mark", "("):
            group = self._group(field)
            self._take("mark", ")")
            return group
        if kind == "phrase":
            return _value(field, re.sub(r"\\(.)", r"\1", text[1:-1]))
        if kind == "range" and field == "firstreleasedate":
            first, last = text[1:-1].split(" TO ")
            return _dates("0000" if first == "*" else first, "9999" if last == "*" else last)
        if kind != "term" or text in (*_AND, *_OR, *_NOT):
            raise QueryError(f"Cannot parse the query: Encountered '{text or '<EOF>'}'")
        if "*" in text:
            return _wildcard(field, text)
        return _value(field, re.sub(r"\\(.)", r"\1", text))


def _matches(clauses: list[tuple[str, _Test]], group: ReleaseGroup) -> bool:
    def holds(role: str) -> list[bool]:
        return [test(group) for kind, test in clauses if kind == role]

    if any(holds("not")) or not all(holds("must")):
        return False
    return bool(holds("must")) or any(holds("should"))


def _value(field: str, text: str) -> _Test:
    if field == "firstreleasedate":
        return _dates(text, text)
    if field in _KEYWORD:
        return lambda group: text.lower() in [value.lower() for value in _KEYWORD[field](group)]
    if field not in _TEXT:
        raise QueryError(f"undefined field {field}")
    phrase = _analysed(text)

    def holds(group: ReleaseGroup) -> bool:
        values = [_analysed(value) for value in _TEXT[field](group)]
        return phrase != "  " and any(phrase in value for value in values)

    return holds


def _wildcard(field: str, text: str) -> _Test:
    values = _FIELDS.get(field)
    if values is None:
        raise QueryError(f"undefined field {field}")
    pattern = re.compile(".*".join(map(re.escape, text.lower().split("*"))))
    return lambda group: any(
        pattern.fullmatch(part)
        for value in values(group)
        if value
        for part in [value.lower(), *value.lower().split()]
    )


def _dates(first: str, last: str) -> _Test:
    """Dates that overlap with those from first to last; a year or month is all its days (Solr,
    DateRangeField)."""
    if not _DATE.fullmatch(first) or not _DATE.fullmatch(last):
        raise QueryError(f"Couldn't parse date because: Improperly formatted datetime: {first}")

    def begin(date: str) -> str:
        return date + "0000-01-01"[len(date) :]

    def end(date: str) -> str:
        return date + "9999-12-31"[len(date) :]

    return lambda group: bool(
        group.date and begin(group.date) <= end(last) and begin(first) <= end(group.date)
    )


def _analysed(text: str) -> str:
    """Words without case and accents between spaces, as text fields are indexed."""
    letters = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return f" {' '.join(re.findall(r'[^_ -/:-@]+', plain))} "
