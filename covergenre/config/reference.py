"""The reference of the settings: ``python -m covergenre.config.reference > docs/settings.md``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from covergenre.config.reading import Settings

_TITLE = """\
# The settings

Every setting with its default, from `conf/base.yaml`. Written by
`python -m covergenre.config.reference`. Change some for one run with `--set key.path=value`, for
good with an overlay file that holds only what differs: `--config my.yaml`. A misspelt key, or a
value that cannot be, is an error that names it.
"""
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def markdown() -> str:
    """The reference as Markdown, a section a section."""
    text = resources.files("conf").joinpath("base.yaml").read_text("utf-8")
    root = yaml.compose(text)
    lines = text.splitlines()
    parts = [_TITLE]
    for key, value in _pairs(root):
        section: type[BaseModel] = Settings.model_fields[key.value].annotation  # type: ignore[assignment]
        about = _comment(lines, key)
        table = ["| setting | default | |", "|---|---|---|"]
        table += _rows(lines, section, value, key.value)
        parts.append(
            "\n".join([f"## {key.value}", "", *([about, ""] if about else []), *table, ""])
        )
    return "\n".join(parts)


def _rows(lines: list[str], section: type[BaseModel], node: Any, path: str) -> Iterator[str]:
    for key, value in _pairs(node):
        name, field = f"{path}.{key.value}", section.model_fields[key.value]
        inner = _section(field)
        if inner is not None and isinstance(value, yaml.MappingNode) and not value.flow_style:
            about = _comment(lines, key)
            if about:
                yield f"| `{name}.…` | | {_cell(about)} |"
            yield from _rows(lines, inner, value, name)
            continue
        # What YAML itself makes of it, on one line.
        default = yaml.safe_dump(
            yaml.safe_load(yaml.serialize(value)), default_flow_style=True, width=10**6
        )
        shown = default.removesuffix("...\n").strip()
        if len(shown) > 90:
            shown = f"{shown[:88].rsplit(',', 1)[0]}, …"
        told = [_comment(lines, key), _inline(lines, value), _allowed(field)]
        yield f"| `{name}` | `{shown}` | {_cell(' '.join(filter(None, told)))} |"


def _pairs(node: Any) -> Iterator[tuple[Any, Any]]:
    yield from node.value


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _comment(lines: list[str], key: Any) -> str:
    """The comment above a key, as one line."""
    found, place = [], key.start_mark.line - 1
    start = " " * key.start_mark.column + "#"
    while place >= 0 and lines[place].startswith(start):
        found.append(lines[place].strip().lstrip("# "))
        place -= 1
    return " ".join(reversed(found))


def _inline(lines: list[str], value: Any) -> str:
    """The comment behind a value."""
    if value.start_mark.line != value.end_mark.line:
        return ""
    behind = lines[value.end_mark.line][value.end_mark.column :]
    text = behind.strip().removeprefix("#").strip() if "#" in behind else ""
    return text and f"{text[0].upper()}{text[1:]}."


def _allowed(field: FieldInfo) -> str:
    """What it may be, where the comment need not say so."""
    kinds = (field.annotation, *get_args(field.annotation))
    choices = [
        str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)
    ]
    # A number beside words has its bounds inside (``Annotated[int, Field(ge=1)]``).
    inside = [info for kind in kinds for info in getattr(kind, "__metadata__", ())]
    limits = [*field.metadata, *(limit for info in inside for limit in info.metadata)]
    bounds = [
        f"{word} {bound:,}"
        for limit in limits
        for name, word in _BOUNDS.items()
        if isinstance(bound := getattr(limit, name, None), int | float)
    ]
    if choices and bounds:
        return f"{', '.join(choices)} or {', '.join(bounds)}."
    if choices:
        return f"One of {', '.join(choices)}."
    text = ", ".join(bounds)
    return text and f"{text[0].upper()}{text[1:]}."


def _cell(text: str) -> str:
    # What looks like a tag would be one.
    return re.sub(r"([|<>])", r"\\\1", text)


if __name__ == "__main__":
    print(markdown(), end="")
