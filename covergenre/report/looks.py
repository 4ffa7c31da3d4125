"""Charts of what covers look like, and of how predictions moved from run to run."""

from __future__ import annotations

from typing import Any

import pandas as pd

from covergenre.report import charts
from covergenre.report.charts import Chart, Table, label, percent
from covergenre.report.contents import OTHER, Contents

Lines = dict[str, list[float | None]]


def palettes(contents: Contents) -> Chart | None:
    """The colours of each predicted genre, as wide as their share."""
    groups = contents.palettes
    if not groups:
        return None
    names = [label(group.genre) for group in groups]
    figures = []
    for k in range(max(len(group.colours) for group in groups)):
        mine = [group.colours[k] if k < len(group.colours) else None for group in groups]
        figures.append(
            {
                "type": "bar",
                "orientation": "h",
                "y": names,
                "x": [100 * colour.share if colour else 0 for colour in mine],
                "marker": {
                    "color": [colour.hex if colour else "#000" for colour in mine],
                    "line": {"width": 0},
                },
                "customdata": [
                    [colour.name, colour.hex] if colour else ["", ""] for colour in mine
                ],
                "hovertemplate": "%{y}: %{customdata[0]} (%{customdata[1]}), %{x:.0f} %"
                "<extra></extra>",
            }
        )
    rows = [
        [
            group.genre,
            ", ".join(f"{c.name} {percent(c.share)}" for c in group.colours),
            group.covers,
        ]
        for group in groups
    ]
    return Chart(
        "palettes", "Colours by predicted genre",
        "The colours that the covers predicted as a genre have together, the darkest first.",
        figures,
        {"barmode": "stack", "bargap": 0.2, "yaxis": charts.top_down(len(groups)),
         "xaxis": {"range": [0, 100], "ticksuffix": " %"}},
        charts.row_heights(len(groups), 44), Table(["genre", "colours", "albums"], rows),
    )  # fmt: skip


def concepts(contents: Contents) -> Chart | None:
    """The most frequent concepts on the covers of each predicted genre."""
    counted = contents.concepts
    if counted.empty:
        return None
    names = list(dict.fromkeys(counted["concept"]))
    genres = [genre for genre in contents.about.labels if genre in contents.described]
    keys = zip(counted["genre"], counted["concept"], strict=True)
    seen = dict(zip(keys, counted["seen"].tolist(), strict=True))
    albums = [[seen.get((genre, name), 0) for genre in genres] for name in names]
    shares = [
        [100 * count / contents.described[genre] for genre, count in zip(genres, row, strict=True)]
        for row in albums
    ]
    figure = charts.heat(
        [label(genre) for genre in genres], [label(name) for name in names], shares,
        customdata=albums, texttemplate="%{z:.0f}",
        hovertemplate="%{y} on %{z:.1f} % of %{x}, %{customdata} albums<extra></extra>",
    )  # fmt: skip
    rows = [
        [
            name,
            *(f"{percent(share / 100, 1)} ({count})" for share, count in zip(*pair, strict=True)),
        ]
        for name, pair in zip(names, zip(shares, albums, strict=True), strict=True)
    ]
    return Chart(
        "concepts", "What is on covers, by predicted genre",
        "The most frequent concepts, in per cent of the genre's described albums.", [figure],
        {"yaxis": charts.top_down(len(names)),
         "xaxis": {"side": "top", "type": "category", "automargin": True}},
        charts.row_heights(len(names), 22, 90), Table(["concept", *genres], rows),
    )  # fmt: skip


def drift(contents: Contents) -> list[Chart]:
    """What each run predicted: shares of genres; confidence and labels."""
    rows = contents.drift
    if rows["run_id"].nunique() < 2:
        return []
    runs = rows.drop_duplicates("run_id")[["run_id", "computed_at", "model_version"]]
    whole = rows.groupby("run_id")["scored"].sum()
    order = list(runs["run_id"])
    times = [f"{at:%Y-%m-%d %H:%M}" for at in runs["computed_at"]]
    # A place a run: two may be minutes apart and the next a month.
    names = [f"{k + 1}" for k in range(len(order))]
    shares: Lines = {}
    for genre in _most_frequent(rows):
        mine = rows[rows["genre"] == genre].set_index("run_id")["scored"]
        shares[genre] = [float(mine.get(run, 0)) / float(whole[run]) for run in order]
    rates: Lines = {
        "mean confidence": _weighted(rows, "confidence", order),
        "share with a label": _weighted(rows, "advisory_rate", order),
    }
    axis = {"type": "category", "title": {"text": "run, the last at the right"}}
    made = []
    kinds: tuple[tuple[str, str, Lines], ...] = (
        ("drift-genres", "Predicted genres from run to run", shares),
        ("drift-rates", "Confidence and labels from run to run", rates),
    )
    for key, title, lines in kinds:
        figures = [
            _line(k, name, names, values, times, list(runs["model_version"]))
            for k, (name, values) in enumerate(lines.items())
            if any(value is not None for value in values)
        ]
        table = [
            [time, version, *(percent(values[k], 1) for values in lines.values())]
            for k, (time, version) in enumerate(zip(times, runs["model_version"], strict=True))
        ]
        made.append(
            Chart(
                key,
                title,
                "Of each run's scored albums, whatever the model.",
                figures,
                {
                    "xaxis": axis,
                    "yaxis": {"ticksuffix": " %", "rangemode": "tozero"},
                    "showlegend": True,
                    "legend": {"orientation": "h", "y": -0.25, "yanchor": "top", "x": 0},
                },
                360,
                Table(["run", "model", *map(str, lines)], table),
            )
        )
    return made


def _most_frequent(rows: pd.DataFrame) -> list[str]:
    totals = rows.groupby("genre")["scored"].sum().sort_values(ascending=False, kind="stable")
    return [str(genre) for genre in totals.index[: len(charts.SYMBOLS)] if genre != OTHER]


def _weighted(rows: pd.DataFrame, column: str, order: list[str]) -> list[float | None]:
    known = rows[rows[column].notna()]
    sums = (known[column].astype(float) * known["scored"]).groupby(known["run_id"]).sum()
    albums = known.groupby("run_id")["scored"].sum()
    return [float(sums[run] / albums[run]) if run in albums else None for run in order]


def _line(
    k: int, name: str, x: list[str], values: list[Any], times: list[str], versions: list[str]
) -> dict[str, Any]:
    colour = charts.COLOURS[k % len(charts.COLOURS)]
    return {
        "type": "scatter", "mode": "lines+markers", "x": x, "name": label(name),
        "y": [None if value is None else round(100 * value, 3) for value in values],
        "line": {"color": colour, "dash": charts.DASHES[k % len(charts.DASHES)]},
        "marker": {"color": colour, "symbol": charts.SYMBOLS[k % len(charts.SYMBOLS)], "size": 8},
        "customdata": [[time, label(v)] for time, v in zip(times, versions, strict=True)],
        "hovertemplate": "%{y:.1f} %<br>%{customdata[0]} UTC<br>%{customdata[1]}",
    }  # fmt: skip
