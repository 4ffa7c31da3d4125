"""The files of an analysis: tables as CSV and Parquet, pictures, a report for people, one for
machines."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from covergenre import plots
from covergenre.concepts.counts import ConceptCounts, ranking
from covergenre.config import Settings
from jobs.runtime.analysis import markdown, pictures
from jobs.runtime.analysis.tables import Analysis

REPORT, FIGURES = "analysis.md", "analysis.json"
TABLES = ("concepts", "associations", "published", "appearance", "palettes", "years", "trends")


def write(
    folder: Path,
    found: Analysis,
    published: ConceptCounts | None,
    settings: Settings,
    run: dict[str, str],
) -> dict[str, Any]:
    """Write the report; files of an analysis before it are replaced or removed.

    Args:
        folder: there, and writable.
        found: all that was found.
        published: counts of published concepts, or None.
        settings: of analyse and concepts.
        run: ``run_id``, ``analysed_at``, ``source``.

    Returns:
        what ``analysis.json`` holds.
    """
    tables = _tables(found, published)
    for name in TABLES:
        for ending in ("csv", "parquet"):
            (folder / f"{name}.{ending}").unlink(missing_ok=True)
        if name in tables:
            tables[name].to_csv(folder / f"{name}.csv", index=False)
            tables[name].to_parquet(folder / f"{name}.parquet", index=False, compression="zstd")
    for name in pictures.TITLES:
        (folder / f"{name}.png").unlink(missing_ok=True)
    drawn = []
    for name, picture in pictures.draw(found, settings):
        plots.save(picture, folder / f"{name}.png")
        drawn.append(name)
    text = markdown.render(found, published, settings, run, drawn)
    (folder / REPORT).write_text(text, "utf-8")
    figures = _figures(found, tables, run, drawn)
    (folder / FIGURES).write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n", "utf-8")
    return figures


def _tables(found: Analysis, published: ConceptCounts | None) -> dict[str, pd.DataFrame]:
    tables: dict[str, pd.DataFrame] = {}
    years, trends = [], []
    if (concepts := found.concepts) is not None:
        tables["concepts"], tables["associations"] = concepts.contrasts, concepts.associations
        years.append(concepts.by_period.assign(kind="concept"))
        trends.append(concepts.trends.assign(kind="concept"))
    if published is not None:
        tables["published"] = ranking(published)
    if (appearance := found.appearance) is not None:
        tables["appearance"] = appearance.means
        tables["palettes"] = pd.DataFrame(
            [
                (kind, p.group, p.covers, colour.hex, colour.name, colour.share)
                for kind, groups in (("genre", appearance.palettes), ("decade", appearance.decades))
                for p in groups
                for colour in p.colours
            ],
            columns=["kind", "group", "covers", "hex", "name", "share"],
        )
        years.append(appearance.by_period.assign(kind="appearance"))
        trends.append(appearance.trends.assign(kind="appearance"))
    if found.periods and years:
        columns = ["kind", "name", "first", "last", "covers", "mean", "low", "high"]
        tables["years"] = _stacked([part[columns] for part in years])
        tables["trends"] = _stacked([part.set_index("kind").reset_index() for part in trends])
    return tables


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all, numbers of one type each."""
    return pd.concat([part.convert_dtypes() for part in parts if len(part)], ignore_index=True)


def _figures(
    found: Analysis, tables: dict[str, pd.DataFrame], run: dict[str, str], drawn: list[str]
) -> dict[str, Any]:
    figures = {
        **run,
        "remarks": found.remarks,
        "covers": {str(genre): int(count) for genre, count in found.covers.items()},
        "dated": found.dated,
        "periods": [p.label for p in found.periods],
        "tagger": found.concepts.tagger if found.concepts else None,
        "appearance_version": found.appearance.version if found.appearance else None,
        "eta_squared": found.appearance.told_apart.to_dict() if found.appearance else None,
        "pictures": [f"{name}.png" for name in drawn],
        # Pairs are many with a tagger of a thousand concepts: those seen, here.
        **{
            name: (rows[rows["seen"].fillna(0) > 0] if name == "concepts" else rows).to_dict(
                "records"
            )
            for name, rows in tables.items()
        },
    }
    return dict(_plain(figures))


def _plain(value: Any) -> Any:
    """As JSON holds it; what is missing is null."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value.item() if hasattr(value, "item") else value
