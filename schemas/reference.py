"""The reference of the tables, for people: ``python -m schemas.reference > docs/tables.md``."""

from __future__ import annotations

from collections.abc import Iterable

from schemas import TABLES
from schemas.table import Table

_TITLE = """\
# The tables

Delta tables of one warehouse (`--output`). Written by `python -m schemas.reference`; columns,
comments and constraints are those of the tables themselves. A table that an earlier version of the
project made is brought to the layout below by the first job that writes to it; one of a newer
version is refused.
"""


def markdown(tables: Iterable[Table]) -> str:
    """The reference as Markdown."""
    return "\n".join([_TITLE, *(_section(table) for table in tables)])


def _section(table: Table) -> str:
    lines = [
        f"## {table.name}",
        "",
        f"{table.comment}. Key: {', '.join(f'`{name}`' for name in table.key)}. "
        f"Layout {table.version}.",
        "",
        "| column | type | | |",
        "|---|---|---|---|",
    ]
    for column in table.columns:
        null = "" if column.nullable else "not null"
        lines.append(f"| {column.name} | `{column.type}` | {null} | {_cell(column.comment)} |")
    if table.constraints:
        lines += ["", "Constraints:", ""]
        lines += [f"- {name}: `{sql}`" for name, sql in table.constraints.items()]
    if table.properties:
        lines += ["", "Properties:", ""]
        lines += [f"- `{name}` = `{value}`" for name, value in table.properties.items()]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(markdown(TABLES.values()), end="")
