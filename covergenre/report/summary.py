"""What a page says in words and numbers: the catalogue at a glance, galleries, runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from covergenre.images import REASONS
from covergenre.report.charts import DASH, UNKNOWN, intervals, percent, span, with_interval
from covergenre.report.contents import Contents


def glance(contents: Contents) -> list[tuple[str, str, str]]:
    """The catalogue at a glance: what, how many, and a remark."""
    sums = contents.cells.select_dtypes("number").sum()
    albums, scored = (int(sums.get(name, 0)) for name in ("albums", "scored"))
    quarantined = int(sums.get("quarantined", 0))
    labelled, correct = (int(sums.get(name, 0)) for name in ("labelled", "correct"))
    found: list[tuple[str, str, str]] = [
        ("albums", f"{albums:,}", f"{contents.quality.covers:,} distinct covers"),
        ("scored", f"{scored:,}", _share(scored, albums)),
        ("in quarantine", f"{quarantined:,}", _share(quarantined, albums)),
    ]
    pending = albums - scored - quarantined
    if pending:
        found.append(("not scored yet", f"{pending:,}", _share(pending, albums)))
    found.append(("with a genre the model knows", f"{labelled:,}", _share(labelled, scored)))
    if labelled:
        (value,) = intervals([correct], [labelled])
        found.append(
            ("predicted as catalogued", percent(value[0], 1), f"95 % interval {span(*value[1:])}")
        )
    if scored:
        mean = float(sums["confidence"]) / scored
        found.append(("mean confidence", percent(mean), "probability of the predicted genre"))
        unsure = int(sums.get("abstained", 0))
        found.append(("unsure", f"{unsure:,}", f"{_share(unsure, scored)}, below the threshold"))
    if looked := int(sums.get("looked_for_advisory", 0)):
        (value,) = intervals([int(sums["advisory"])], [looked])
        text = f"{int(sums['advisory']):,}"
        found.append(("Parental Advisory labels", text, f"{with_interval(value)} of covers"))
    return found


def _share(part: int, whole: int) -> str:
    return percent(part / whole, 1) if whole else DASH


def facts(contents: Contents) -> list[tuple[str, str]]:
    """Model, run and engine behind the predictions."""
    about = contents.about
    known = [("warehouse", about.location), ("model", about.model_version or "none has scored")]
    if about.labels:
        known.append(("genres it knows", ", ".join(about.labels)))
    if about.others:
        known.append(("also scored by, not shown here", ", ".join(about.others)))
    scored = (
        run for run in contents.runs
        if run["job"] == "score" and run["outcome"] == "succeeded"
        and run["model_version"] == about.model_version
    )  # fmt: skip
    if run := next(scored, None):
        known.append(("last run", f"{run['started_at']:%Y-%m-%d %H:%M} UTC, {run['run_id']}"))
        engine = " ".join(filter(None, (run["engine"], run["precision"])))
        known.append(("engine", engine or DASH))
        known.append(("processor", run["processor"] or DASH))
        if run["images_per_second"]:
            known.append(("speed", f"{run['images_per_second']:,.1f} covers a second"))
    return known


def galleries(contents: Contents, pictures: Mapping[str, str]) -> list[dict[str, Any]]:
    """Covers to look at: ``key``, ``title``, ``note`` and ``tiles`` of each gallery."""
    shown, rows = contents.galleries, contents.rows.head(_most(contents))
    index = {album: k for k, album in enumerate(rows["album_id"])}

    def tiles(albums: Sequence[str], boxed: bool = False) -> list[dict[str, Any]]:
        # Identifiers are cut to what a table shows.
        places = [index[album[:300]] for album in albums if album[:300] in index]
        return [_tile(k, rows.iloc[k], pictures, boxed) for k in places]

    made = [
        {"key": f"typical-{k}", "title": f"Most typical: {genre}", "tiles": tiles(albums),
         "note": "The most confident, and not catalogued as another genre that the model knows."}
        for k, (genre, albums) in enumerate(shown.typical.items())
    ]  # fmt: skip
    made.append(
        {"key": "surprising", "title": "Most surprising", "tiles": tiles(shown.surprising),
         "note": "The most confident where the catalogue names another genre that the model knows."}
    )  # fmt: skip
    made.append(
        {"key": "labelled", "title": "With a Parental Advisory label",
         "tiles": tiles(shown.labelled, boxed=True),
         "note": "The most certain labels, framed where they were found."}
    )  # fmt: skip
    return made


def _most(contents: Contents) -> int:
    typical = sum(map(len, contents.galleries.typical.values()))
    return typical + len(contents.galleries.surprising) + len(contents.galleries.labelled)


def _tile(k: int, row: pd.Series, pictures: Mapping[str, str], boxed: bool) -> dict[str, Any]:
    named = f" {DASH} ".join(text for text in (row["artist"], row["title"]) if text)
    genre = row["genre"] if isinstance(row["genre"], str) else UNKNOWN
    own = "" if genre == row["predicted_genre"] else f", catalogued as {genre}"
    score = row["advisory_score"]
    return {
        "row": k,
        "name": named or row["album_id"],
        "said": f"label {percent(score)}" if boxed
        else f"{row['predicted_genre']} {percent(row['confidence'])}{own}",
        "picture": pictures.get(row["cover_id"]),
        "box": _place(row["details"]) if boxed else None,
    }  # fmt: skip


def _place(details: str) -> dict[str, float] | None:
    """A label's box as parts of the cover in per cent."""
    box = json.loads(details).get("b")
    if box is None:
        return None
    xmin, ymin, xmax, ymax = (value / 10 for value in box)
    return {"left": xmin, "top": ymin, "width": xmax - xmin, "height": ymax - ymin}


def runs(contents: Contents) -> list[list[str]]:
    """The table of runs: start, job, outcome, seconds, model, engine, counts."""
    rows = []
    for run in contents.runs:
        seconds = (run["finished_at"] - run["started_at"]).total_seconds()
        engine = " ".join(filter(None, (run["engine"], run["precision"])))
        speed = run["images_per_second"]
        counts = ", ".join(f"{name} {number:,}" for name, number in sorted(run["counts"].items()))
        rows.append(
            [f"{run['started_at']:%Y-%m-%d %H:%M}", run["job"], run["outcome"],
             f"{seconds:,.0f}", run["model_version"] or DASH, engine or DASH,
             f"{speed:,.1f}" if speed else DASH, run["error"] or counts or DASH]
        )  # fmt: skip
    return rows


def unknown(contents: Contents) -> dict[str, int]:
    """Albums whose genre, and whose year, the catalogue does not know."""
    albums = contents.cells["albums"]
    return {
        what: int(albums[contents.cells[column].isna()].sum())
        for what, column in (("genre", "genre"), ("year", "release_year"))
    }


def reasons(contents: Contents) -> list[tuple[str, str, str]]:
    """Why covers are in quarantine, how many, and what that means."""
    return [
        (reason, f"{albums:,}", REASONS.get(reason, ""))
        for reason, albums in contents.quality.reasons
    ]


def examples(contents: Contents) -> list[tuple[str, str, str]]:
    """Albums in quarantine."""
    return [
        (row["album_id"], row["reason"], row["detail"] or "") for row in contents.quality.examples
    ]
