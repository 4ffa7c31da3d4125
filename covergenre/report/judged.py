"""Charts of what is predicted beside what the catalogue says."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import auc, roc_curve

from covergenre.evaluation import CALIBRATION_BINS, calibration_bin
from covergenre.evaluation.statistics import calibration_errors
from covergenre.plots.style import BLUE
from covergenre.report import charts
from covergenre.report.charts import Chart, Table, intervals, label, percent
from covergenre.report.contents import Contents
from covergenre.report.genres import in_order, of

_POINTS = 200


def confusion(contents: Contents) -> Chart | None:
    """Which genres the catalogue's own are taken for."""
    cells = contents.cells[contents.cells["genre"].notna() & (contents.cells["scored"] > 0)]
    if cells.empty:
        return None
    labels = contents.about.labels
    own, predicted = in_order(cells["genre"], labels), in_order(cells["predicted_genre"], labels)
    counts = [
        [int(of(of(cells, "genre", g), "predicted_genre", p)["scored"].sum()) for p in predicted]
        for g in own
    ]
    shares = [[100 * count / sum(row) for count in row] for row in counts]
    foreign = [genre not in labels for genre in own]
    rows = [f"{label(g)}{' *' if other else ''}" for g, other in zip(own, foreign, strict=True)]
    figure = charts.heat(
        [label(p) for p in predicted], rows, shares, customdata=counts,
        zmax=100, texttemplate="%{z:.0f}",
        hovertemplate="%{y} taken for %{x}: %{z:.1f} %, %{customdata} albums<extra></extra>",
    )  # fmt: skip
    table = [
        [str(g), *(f"{count} ({percent(share / 100)})" for count, share in zip(*pair, strict=True))]
        for g, pair in zip(own, zip(counts, shares, strict=True), strict=True)
    ]
    note = "A row is a genre of the catalogue, in per cent of its scored albums."
    if any(foreign):
        note += " * The model does not know this genre: it can only be taken for another."
    return Chart(
        "confusion", "Catalogue's genre and predicted genre", note, [figure],
        {"yaxis": {**charts.top_down(len(own)), "title": {"text": "catalogue"}},
         "xaxis": {"side": "top", "title": {"text": "predicted"}, "type": "category",
                   "automargin": True}},
        charts.row_heights(len(own), 36, 120),
        Table(["catalogue", *(f"predicted {p}" for p in predicted)], table),
    )  # fmt: skip


def roc(contents: Contents) -> Chart | None:
    """ROC curves, each genre against the rest."""
    figures, rows, areas = [], [], []
    genres = in_order(contents.steps["label"].dropna(), contents.about.labels)
    for k, genre in enumerate(genres):
        mine = contents.steps[contents.steps["label"] == genre]
        albums = int(mine.loc[mine["truth"], "albums"].sum())
        if not 0 < albums < mine["albums"].sum():
            continue
        x, y, _ = roc_curve(mine["truth"], mine["step"], sample_weight=mine["albums"])
        areas.append(float(auc(x, y)))
        thin = np.unique(np.linspace(0, len(x) - 1, _POINTS).astype(int))
        figures.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": np.round(x[thin], 4).tolist(),
                "y": np.round(y[thin], 4).tolist(),
                "name": f"{label(genre)} {areas[-1]:.2f}",
                "line": {
                    "color": charts.COLOURS[k % len(charts.COLOURS)],
                    "dash": charts.DASHES[k % len(charts.DASHES)],
                },
                "hovertemplate": "%{y:.2f} found, %{x:.2f} of the others taken for it",
            }
        )
        rows.append([str(genre), f"{areas[-1]:.3f}", albums])
    if not figures:
        return None
    even = {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1],
            "hoverinfo": "skip", "showlegend": False,
            "line": {"color": "#808080", "width": 1, "dash": "dot"}}  # fmt: skip
    return Chart(
        "roc", "ROC curves, each genre against the rest",
        f"Area under the curve beside each name; mean {np.mean(areas):.3f}. 0.5 is chance.",
        [even, *figures],
        {"xaxis": {"title": {"text": "share of other albums taken for it"}, "range": [-0.01, 1.01]},
         "yaxis": {"title": {"text": "share of its albums found"}, "range": [-0.01, 1.01]},
         "showlegend": True,
         "legend": {"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0}},
        440, Table(["genre", "area under the curve", "albums of the genre"], rows),
    )  # fmt: skip


def reliability(contents: Contents) -> Chart | None:
    """How often a confidence is right."""
    top = contents.steps[contents.steps["top"]]
    if top.empty:
        return None
    confidence = (top["probability"] / top["albums"]).to_numpy(np.float64)
    correct, weights = top["truth"].to_numpy(bool), top["albums"].to_numpy(np.float64)
    errors = calibration_errors(weights[None], confidence, correct)
    bins = pd.DataFrame(
        {"bin": calibration_bin(confidence), "albums": top["albums"].to_numpy(),
         "correct": top["albums"].to_numpy() * correct, "sum": top["probability"].to_numpy()}
    ).groupby("bin").sum()  # fmt: skip
    values = intervals(bins["correct"], bins["albums"])
    said = (bins["sum"] / bins["albums"]).to_numpy()
    spans = [
        f"{k / CALIBRATION_BINS:.1f}{charts.DASH}{(k + 1) / CALIBRATION_BINS:.1f}"
        for k in bins.index
    ]
    found = [charts.with_interval(value) for value in values]
    albums = [int(count) for count in bins["albums"]]
    figures = [
        {"type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 100], "hoverinfo": "skip",
         "line": {"color": "#808080", "width": 1, "dash": "dot"}},
        {"type": "scatter", "mode": "markers", "x": (100 * said).round(2).tolist(),
         "y": [100 * value[0] for value in values], "error_y": charts.bars(values),
         "marker": {"color": BLUE, "size": 9}, "cliponaxis": False,
         "customdata": [list(row) for row in zip(found, albums, strict=True)],
         "hovertemplate": "confidence %{x:.0f} %<br>right %{customdata[0]}<br>"
                          "of %{customdata[1]} albums<extra></extra>"},
    ]  # fmt: skip
    rows: list[list[object]] = [
        [span, percent(mean), share, count]
        for span, mean, share, count in zip(spans, said, found, albums, strict=True)
    ]
    ece, debiased = float(errors["ece"][0]), float(errors["ece_debiased"][0])
    return Chart(
        "reliability", "Is the confidence right?",
        "How often the predicted genre is the catalogue's, by confidence, with 95 % intervals. On "
        f"the dotted line it would be right. Calibration error {ece:.3f}, debiased {debiased:.3f}.",
        figures,
        {"xaxis": {"title": {"text": "confidence"}, "range": [0, 102], "ticksuffix": " %"},
         "yaxis": {"title": {"text": "right"}, "range": [0, 102], "ticksuffix": " %"}},
        440, Table(["confidence", "mean confidence", "right (95 % interval)", "albums"], rows),
    )  # fmt: skip
