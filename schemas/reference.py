"""The reference of the tables, for people: ``python -m schemas.reference > docs/tables.md``."""

from __future__ import annotations

from collections.abc import Iterable

from schemas import TABLES, VIEWS
from schemas.table import Table
from schemas.views import View

_TITLE = """\
# The tables

Delta tables of one warehouse (`--output`). Written by `python -m schemas.reference`; columns,
comments and constraints are those of the tables themselves. A table that an earlier version of the
project made is brought to the layout below by the first job that writes to it; one of a newer
version is refused.
"""


_VIEWS = """\
# The views

What people ask of the tables, named by `make sql` and `jobs/query.py` ([sql.md](sql.md)).
"""


def markdown(tables: Iterable[Table], views: Iterable[View]) -> str:
    """The reference as Markdown."""
    sections = [_TITLE, *(_section(table) for table in tables)]
    return "\n".join([*sections, _VIEWS, *(_view(view) for view in views)])


def _view(view: View) -> str:
    return f"## {view.name}\n\n{view.comment}.\n\n```sql\n{view.sql()}\n```\n"


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
    print(markdown(TABLES.values(), VIEWS), end="")
