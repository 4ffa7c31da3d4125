"""The reference of the tables says what the tables are."""

from __future__ import annotations

from schemas import TABLES, VIEWS
from schemas.reference import markdown
from tests.conftest import ROOT


def test_the_reference_is_of_the_tables_as_they_are() -> None:
    held = (ROOT / "docs/tables.md").read_text("utf-8")
    assert held == markdown(TABLES.values(), VIEWS), "python -m schemas.reference > docs/tables.md"


def test_it_names_every_table_column_and_constraint() -> None:
    held = (ROOT / "docs/tables.md").read_text("utf-8")
    for table in TABLES.values():
        assert f"## {table.name}\n" in held
        section = held.split(f"## {table.name}\n")[1].split("\n## ")[0]
        for column in table.columns:
            assert f"| {column.name} | `{column.type}` |" in section
        for name, sql in table.constraints.items():
            assert f"- {name}: `{sql}`" in section
