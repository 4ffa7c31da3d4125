"""The references say what tables, views and settings are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from covergenre.config import reference
from schemas import TABLES, VIEWS
from schemas.reference import markdown
from tests.conftest import ROOT

TABLES_PAGE = (ROOT / "docs/tables.md").read_text("utf-8")
SETTINGS_PAGE = (ROOT / "docs/settings.md").read_text("utf-8")


def test_the_reference_is_of_the_tables_as_they_are() -> None:
    should = markdown(TABLES.values(), VIEWS)
    assert should == TABLES_PAGE, "python -m schemas.reference > docs/tables.md"


def test_it_names_every_table_column_and_constraint() -> None:
    for table in TABLES.values():
        assert f"## {table.name}\n" in TABLES_PAGE
        section = TABLES_PAGE.split(f"## {table.name}\n")[1].split("\n## ")[0]
        for column in table.columns:
            assert f"| {column.name} | `{column.type}` |" in section
        for name, sql in table.constraints.items():
            assert f"- {name}: `{sql}`" in section


def test_the_reference_is_of_the_settings_as_they_are() -> None:
    should = reference.markdown()
    assert should == SETTINGS_PAGE, "python -m covergenre.config.reference > docs/settings.md"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from leaves(inner, f"{path}{name}.")
        else:
            yield f"{path}{name}", inner


def test_it_names_every_setting_with_its_default() -> None:
    base = yaml.safe_load((ROOT / "conf/base.yaml").read_text("utf-8"))
    rows = dict(re.findall(r"^\| `([\w.]+)` \| `(.*?)` \|", SETTINGS_PAGE, re.M))
    found = 0
    for path, default in leaves(base):
        if path in rows:
            assert isinstance(default, list) or yaml.safe_load(rows[path]) == default
            found += 1
        else:  # shown whole with what it belongs to
            assert any(path.startswith(f"{row}.") for row in rows)
    assert found > 150


def test_it_says_what_the_comments_say_and_what_a_setting_may_be() -> None:
    assert (
        "| `log.format` | `text` | text: lines for people. json: a line of JSON each (ts, level, "
        "msg, context with job and run_id), as Spark's own structured logs. One of text, json. |"
    ) in SETTINGS_PAGE
    assert "| `catalogue.demo_albums` | `400` | At least 1. |" in SETTINGS_PAGE
    assert "## workers\n\nPython workers, which decode covers and show" in SETTINGS_PAGE
