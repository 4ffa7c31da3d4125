"""One HTML file that shows a catalogue's results: it asks for nothing, from anywhere."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from covergenre.errors import OutputError
from covergenre.report import genres, judged, looks, summary
from covergenre.report.charts import Chart, percent
from covergenre.report.contents import Contents
from covergenre.report.packing import CHUNK, Packed, data_url, pack, script_json

_SCRIPTS = ("data.js", "theme.js", "charts.js", "details.js", "table.js", "start.js")
# Of the page around charts, pictures and rows: text, tables, style.
_AROUND = 1_500_000


def write(file: Path, contents: Contents, max_bytes: int) -> dict[str, Any]:
    """Write the page; a reader of the one before never sees half of it.

    Args:
        file: replaced if it is there; its folder is.
        contents: what is shown.
        max_bytes: of the page. Rows of the table, then what their dialogs show, are left out from
            the end to keep to it, and the page says so.

    Returns:
        ``bytes`` of the page, ``rows`` in the table, ``detailed`` rows.

    Raises:
        OutputError: it cannot be written, or is too large without any row.
    """
    text, packed = render(contents, max_bytes)
    page = text.encode()
    if len(page) > max_bytes:
        raise OutputError(
            f"the page would have {len(page)} bytes, more than report.max_bytes {max_bytes}: lower "
            "report.gallery_covers or report.thumbnail_side, or raise report.max_bytes"
        )
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(page)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"--report {file} cannot be written: {error.strerror}") from error
    return {"bytes": len(page), "rows": packed.shown, "detailed": packed.detailed}


def render(contents: Contents, max_bytes: int) -> tuple[str, Packed]:
    """The page as text, and the rows in it."""
    panels = _panels(contents)
    pictures = {cover: data_url(jpeg) for cover, jpeg in contents.galleries.thumbnails.items()}
    figures = script_json({c.key: _figure(c) for charts in panels.values() for c in charts})
    plotly, code = get_plotlyjs(), _code()
    galleries = summary.galleries(contents, pictures)
    tiles = (tile for gallery in galleries for tile in gallery["tiles"])
    fixed = sum(map(len, (plotly, code, figures, *(tile["picture"] or "" for tile in tiles))))
    packed = pack(contents.rows, max(0, max_bytes - fixed - _AROUND))
    head = {
        "names": packed.names, "count": packed.shown, "detailed": packed.detailed,
        "pack": CHUNK, "labels": list(contents.about.labels),
    }  # fmt: skip
    page = _environment().get_template("page.html.j2")
    text = page.render(
        contents=contents, about=contents.about, quality=contents.quality, panels=panels,
        glance=summary.glance(contents), facts=summary.facts(contents), galleries=galleries,
        runs=summary.runs(contents), unknown=summary.unknown(contents),
        reasons=summary.reasons(contents), examples=summary.examples(contents), packed=packed,
        style=_asset("report.css"), figures=figures,
        head=script_json(head), plotly=plotly, code=code, hashes=[_hash(plotly), _hash(code)],
    )  # fmt: skip
    return text, packed


def _panels(contents: Contents) -> dict[str, list[Chart]]:
    def some(*charts: Chart | None) -> list[Chart]:
        return [chart for chart in charts if chart is not None]

    return {
        "years": genres.by_year(contents),
        "trends": genres.trends(contents),
        "judged": some(
            judged.confusion(contents), judged.roc(contents), judged.reliability(contents)
        ),
        "advisory": genres.advisory(contents),
        "looks": some(looks.palettes(contents), looks.concepts(contents)),
        "drift": looks.drift(contents),
    }


def _figure(chart: Chart) -> dict[str, Any]:
    return {"data": chart.data, "layout": {**chart.layout, "height": chart.height}}


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("covergenre.report", "assets"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = percent
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment


def _asset(name: str) -> str:
    return resources.files("covergenre.report").joinpath("assets", name).read_text("utf-8")


def _code() -> str:
    """The page's own scripts, as one that shares no name with others."""
    return '(() => {\n"use strict";\n' + "\n".join(map(_asset, _SCRIPTS)) + "\n})();\n"


def _hash(script: str) -> str:
    """As a content security policy names a script that may run."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
