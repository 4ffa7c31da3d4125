"""pandas UDFs: thin adapters between Spark's columns and the functions of covergenre."""

from __future__ import annotations

from collections.abc import Mapping


def ddl(columns: Mapping[str, str]) -> str:
    """Column names and Spark SQL types as the text that Spark parses; needs no session."""
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())
