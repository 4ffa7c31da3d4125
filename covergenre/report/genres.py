"""Charts of what genres covers look like, and which carry a label."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from covergenre.plots.style import BLUE, ORANGE
from covergenre.report import charts
from covergenre.report.charts import Chart, Table, bars, intervals, label, percent
from covergenre.report.contents import OTHER, Contents

Cells = pd.DataFrame


def in_order(values: pd.Series, labels: Sequence[str]) -> list[str | None]:
    """The genres there are: those the model knows, the others, those shown together, none."""
    there = set(values.dropna())
    known = [name for name in labels if name in there]
    rest = sorted(there - set(known) - {OTHER})
    last: list[str | None] = [OTHER] if OTHER in there else []
    return [*known, *rest, *last, *([None] if values.isna().any() else [])]


def of(cells: Cells, column: str, genre: str | None) -> Cells:
    """The cells of one genre."""
    return cells[cells[column].isna() if genre is None else cells[column] == genre]


def by_year(contents: Contents) -> list[Chart]:
    """Genres and years: a heat map of the predicted, one of the catalogue's own."""
    dated = contents.cells[contents.cells["release_year"].notna() & (contents.cells["scored"] > 0)]
    if dated.empty:
        return []
    made = [
        _heat_map(dated, "predicted_genre", contents.about.labels, "heat-predicted",
                  "Predicted genre by year"),
    ]  # fmt: skip
    if dated["genre"].notna().any():
        title = "The catalogue's own genre by year"
        made.append(_heat_map(dated, "genre", contents.about.labels, "heat-own", title))
    return made


def _heat_map(dated: Cells, column: str, labels: Sequence[str], key: str, title: str) -> Chart:
    genres = in_order(dated[column], labels)
    shown = charts.years(dated["release_year"])
    all_of_year = dated.groupby("release_year")["scored"].sum()
    counts = [of(dated, column, one).groupby("release_year")["scored"].sum() for one in genres]
    shares = [
        [100 * count.get(year, 0) / all_of_year[year] if year in all_of_year else None
         for year in shown]
        for count in counts
    ]  # fmt: skip
    albums = [[int(count.get(year, 0)) for year in shown] for count in counts]
    names = [label(genre) for genre in genres]
    figure = charts.heat(
        shown, names, shares, customdata=albums,
        hovertemplate="%{y}, %{x}<br>%{z:.0f} % of the year, %{customdata} albums<extra></extra>",
    )  # fmt: skip
    rows = [
        [year, *(charts.DASH if all_of_year.get(year) is None
                 else f"{percent(count[k] / all_of_year[year])} ({count[k]})" for count in albums)]
        for k, year in enumerate(shown)
    ]  # fmt: skip
    return Chart(
        key, title, "Share of each year's scored albums.", [figure],
        {"yaxis": charts.top_down(len(genres)), "xaxis": charts.year_axis(shown)},
        charts.row_heights(len(genres), 30), Table(["year", *map(_name, genres)], rows), wide=True,
    )  # fmt: skip


def trends(contents: Contents) -> list[Chart]:
    """A chart a predicted genre: its share of each year."""
    dated = contents.cells[contents.cells["release_year"].notna() & (contents.cells["scored"] > 0)]
    if dated.empty:
        return []
    totals = dated.groupby("release_year")["scored"].sum()
    highest, made = 0.0, []
    shown = charts.years(dated["release_year"])
    for k, genre in enumerate(in_order(dated["predicted_genre"], contents.about.labels)):
        counts = of(dated, "predicted_genre", genre).groupby("release_year")["scored"].sum()
        seen = counts.reindex(totals.index, fill_value=0)
        values = intervals(seen, totals)
        highest = max(highest, *(value[2] for value in values))
        made.append(
            _over_years(
                f"trend-{k}",
                _name(genre),
                "",
                dict(zip(totals.index, values, strict=True)),
                shown,
                totals,
                charts.COLOURS[k % len(charts.COLOURS)],
            )
        )
    for chart in made:  # one scale for all: they are to be compared
        chart.layout["yaxis"]["range"] = [0, 100 * min(1.0, highest * 1.05)]
    return made


def _over_years(
    key: str,
    title: str,
    note: str,
    values: dict[int, tuple[float, float, float]],
    shown: Sequence[int],
    albums: pd.Series,
    colour: str,
) -> Chart:
    known = [values.get(year) for year in shown]
    padded = [value or (0.0, 0.0, 0.0) for value in known]
    figure = {
        "type": "scatter", "mode": "lines+markers", "x": list(shown),
        "y": [None if value is None else 100 * value[0] for value in known],
        "error_y": {**bars(padded), "color": f"{colour}70"}, "cliponaxis": False,
        "marker": {"color": colour, "size": 5},
        "line": {"color": colour, "width": 1.5}, "connectgaps": False,
        "customdata": [
            [charts.with_interval(value), int(albums[year])] if value else None
            for year, value in zip(shown, known, strict=True)
        ],
        "hovertemplate": "%{x}: %{customdata[0]}<br>of %{customdata[1]} albums<extra></extra>",
    }  # fmt: skip
    rows: list[list[object]] = [
        [year, charts.with_interval(value), int(albums[year])] for year, value in values.items()
    ]
    return Chart(
        key, title, note, [figure],
        {"yaxis": {"ticksuffix": " %", "rangemode": "tozero", "nticks": 5},
         "xaxis": charts.year_axis(shown, 6), "margin": {"t": 8}},
        220, Table(["year", "share (95 % interval)", "albums"], rows),
    )  # fmt: skip


def advisory(contents: Contents) -> list[Chart]:
    """How many covers carry the label, by genre and by year."""
    looked = contents.cells[contents.cells["looked_for_advisory"] > 0]
    if looked.empty:
        return []
    own = looked["genre"].notna().any()
    column = "genre" if own else "predicted_genre"
    genres = in_order(looked[column], contents.about.labels)
    parts = [of(looked, column, genre) for genre in genres]
    counts = [int(part["looked_for_advisory"].sum()) for part in parts]
    values = intervals([int(part["advisory"].sum()) for part in parts], counts)
    names = [label(genre) for genre in genres]
    figure = {
        "type": "bar", "orientation": "h", "x": [100 * value[0] for value in values], "y": names,
        "marker": {"color": BLUE}, "error_x": bars(values),
        "customdata": [[charts.with_interval(v), n] for v, n in zip(values, counts, strict=True)],
        "hovertemplate": "%{y}: %{customdata[0]}<br>of %{customdata[1]} albums<extra></extra>",
    }  # fmt: skip
    rows: list[list[object]] = [
        [_name(genre), charts.with_interval(value), count]
        for genre, value, count in zip(genres, values, counts, strict=True)
    ]
    which = "the catalogue's genre" if own else "predicted genre"
    made = [
        Chart(
            "advisory-genre",
            f"Covers with the label, by {which}",
            "Share of the albums looked at, with 95 % intervals.",
            [figure],
            {
                "yaxis": charts.top_down(len(genres)),
                "xaxis": {"ticksuffix": " %", "rangemode": "tozero"},
            },
            charts.row_heights(len(genres), 30),
            Table([which, "share with the label (95 % interval)", "albums"], rows),
        )
    ]
    dated = looked[looked["release_year"].notna()]
    if not dated.empty:
        years = dated.groupby("release_year")[["advisory", "looked_for_advisory"]].sum()
        found = intervals(years["advisory"], years["looked_for_advisory"])
        made.append(
            _over_years(
                "advisory-year",
                "Covers with the label, by year",
                "Share of the albums looked at, with 95 % intervals.",
                dict(zip(years.index, found, strict=True)),
                charts.years(dated["release_year"]),
                years["looked_for_advisory"],
                ORANGE,
            )
        )
    return made


def _name(genre: str | None) -> str:
    return charts.UNKNOWN if genre is None else genre
