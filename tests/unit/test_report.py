"""The page of results: what it says, and that nobody's texts become part of it."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import html.parser
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from covergenre.errors import ImageError, OutputError
from covergenre.report import charts, genres, judged, packing, page, summary
from covergenre.report.thumbnails import thumbnail
from tests import reports
from tests.covers import encoded

LIMIT = 30_000_000


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


class Elements(html.parser.HTMLParser):
    """Counts elements and collects attributes that would run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.running: list[str] = []
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        self.running += [name for name, _ in attrs if name.startswith("on")]
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


@pytest.fixture(scope="module")
def rendered() -> str:
    return page.render(reports.contents(), LIMIT)[0]


def test_hostile_texts_stay_texts(rendered: str) -> None:
    found = Elements(rendered)
    harmless = dataclasses.replace(
        reports.contents(),
        rows=reports.predictions(0),
        runs=[],
        concepts=reports.nothing().concepts,
    )
    less = Elements(page.render(harmless, LIMIT)[0])
    assert found.running == []
    # Two packs of rows, and as many pictures as there are tiles.
    assert found.count["script"] - less.count["script"] == 2
    assert found.count["img"] == 9
    assert "&lt;/script&gt;&lt;img src=x" in rendered


def test_nothing_is_loaded(rendered: str) -> None:
    sources = Elements(rendered).sources
    assert sources
    assert all(source.startswith(("#", "data:")) for source in sources)
    assert re.search(r"default-src 'none'; img-src data: blob:", rendered)


def test_only_the_pages_own_scripts_may_run(rendered: str) -> None:
    allowed = set(re.findall(r"'sha256-([^']+)'", rendered))
    scripts = re.findall(r"<script>(.*?)</script>", rendered, re.S)
    assert len(scripts) == 2
    assert {page._hash(script) for script in scripts} == allowed


def test_json_cannot_end_its_script() -> None:
    text = packing.script_json({reports.HOSTILE: "<!-- \u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {reports.HOSTILE: "<!-- \u2028"}


def test_rows_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "CHUNK", 3)
    rows = reports.predictions(7)
    packed = packing.pack(rows, LIMIT)
    assert (packed.shown, packed.detailed, len(packed.rows)) == (7, 7, 3)
    tables = [unpacked(text) for text in packed.rows]
    assert [len(table["id"]) for table in tables] == [3, 3, 1]
    assert [a for table in tables for a in table["title"]] == list(rows["title"])
    assert tables[0]["year"] == [None, 2001, 2002]
    assert packed.names[tables[0]["genre"][0]] == reports.HOSTILE
    codes = [code for table in tables for code in table["genre"]]
    known = [packed.names[code] if code >= 0 else None for code in codes]
    assert known == [name if isinstance(name, str) else None for name in rows["genre"]]
    details = [one for text in packed.details for one in unpacked(text)]
    assert details == [json.loads(text) for text in rows["details"]]


def test_what_has_no_room_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "CHUNK", 10)
    rows = reports.predictions(40)
    whole = packing.pack(rows, LIMIT)
    table = sum(map(len, whole.rows))
    without = packing.pack(rows, table + len(whole.details[0]) + 1)
    assert (without.shown, without.detailed) == (40, 10)
    few = packing.pack(rows, table - 1)
    assert (few.shown, few.detailed) == (30, 0)
    monkeypatch.setattr(page, "pack", lambda rows, room: few)
    text = page.render(reports.contents(40), LIMIT)[0]
    assert "30 of 40 predictions are in this table" in text
    assert "no room for the reasons of 30 of them" in text


def test_a_page_of_nothing_says_so(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    written = page.write(file, reports.nothing(), LIMIT)
    text = file.read_text("utf-8")
    assert written == {"bytes": file.stat().st_size, "rows": 0, "detailed": 0}
    for said in (
        "No album has been scored yet",
        "No scored album has a year of release",
        "there is nothing to hold predictions against",
        "Nobody has looked for labels",
        "Colours and concepts are not known",
        "There are no predictions",
        "No run is recorded",
        "No album is in quarantine",
    ):
        assert said in text
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_a_page_that_cannot_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"report\.max_bytes"):
        page.write(tmp_path / "page.html", reports.nothing(), 1_000_000)
    with pytest.raises(OutputError, match="cannot be written"):
        page.write(tmp_path / "gone" / "page.html", reports.nothing(), LIMIT)
    assert list(tmp_path.iterdir()) == []


def test_the_catalogue_at_a_glance() -> None:
    rows = pd.DataFrame(
        [
            ("folk", "folk", 2001, 50, 40, 4, 5, 8, 40, 40, 30, 24.0, 24.0),
            (None, "rap", None, 20, 20, 0, 1, 2, 20, 0, 0, 6.0, None),
        ],
        columns=[*reports.CELLS],
    )
    said = {what: (number, note) for what, number, note in summary.glance(
        reports.nothing(cells=rows))}  # fmt: skip
    assert said["albums"][0] == "70"
    assert said["scored"] == ("60", "85.7\u00a0%")
    assert said["in quarantine"][0] == "4"
    assert said["not scored yet"][0] == "6"
    assert said["predicted as catalogued"][0] == "75.0\u00a0%"
    low, high = binomtest(30, 40).proportion_ci(method="wilson")
    assert f"{100 * low:.0f}\N{EN DASH}{100 * high:.0f}" in said["predicted as catalogued"][1]
    assert said["mean confidence"][0] == "50\u00a0%"
    assert said["unsure"][0] == "6"
    assert said["Parental Advisory labels"][0] == "10"


def test_trends_are_shares_of_a_year_with_intervals() -> None:
    rows = pd.DataFrame(
        [
            (None, "rap", 2001.0, 3, 3, 0, 0, 0, 0, 0, 0, 1.0, None),
            (None, "folk", 2001.0, 1, 1, 0, 0, 0, 0, 0, 0, 1.0, None),
            (None, "folk", 2003.0, 2, 2, 0, 0, 0, 0, 0, 0, 1.0, None),
            (None, "folk", None, 9, 9, 0, 0, 0, 0, 0, 0, 1.0, None),
        ],
        columns=[*reports.CELLS],
    )
    known = reports.nothing(cells=rows, about=reports.ABOUT)
    folk, rap = genres.trends(known)
    assert (folk.title, rap.title) == ("folk", "rap")
    assert rap.data[0]["x"] == [2001, 2002, 2003]
    assert rap.data[0]["y"] == [75.0, None, 0.0]
    low, high = binomtest(3, 4).proportion_ci(method="wilson")
    bars = rap.data[0]["error_y"]
    assert bars["array"][0] == pytest.approx(100 * high - 75, abs=1e-3)
    assert bars["arrayminus"][0] == pytest.approx(75 - 100 * low, abs=1e-3)
    (heat,) = genres.by_year(known)
    assert heat.data[0]["z"] == [[25.0, None, 100.0], [75.0, None, 0.0]]
    assert genres.advisory(known) == []


def test_confusion_counts_every_genre_of_the_catalogue() -> None:
    rows = pd.DataFrame(
        [
            ("rap", "rap", None, 3, 3, 0, 0, 0, 0, 3, 3, 2.0, 2.0),
            ("rap", "folk", None, 1, 1, 0, 0, 0, 0, 1, 0, 0.5, 0.5),
            ("polka", "folk", None, 2, 2, 0, 0, 0, 0, 0, 0, 1.0, None),
            (None, "folk", None, 9, 9, 0, 0, 0, 0, 0, 0, 1.0, None),
        ],
        columns=[*reports.CELLS],
    )
    found = judged.confusion(reports.nothing(cells=rows, about=reports.ABOUT))
    assert found is not None
    (heat,) = found.data
    assert (heat["y"], heat["x"]) == (["rap", "polka *"], ["folk", "rap"])
    assert heat["customdata"] == [[1, 3], [2, 0]]
    assert heat["z"] == [[25.0, 75.0], [100.0, 0.0]]
    assert "does not know this genre" in found.note


def test_curves_from_steps_are_those_of_probabilities() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 2000)
    raw = random.dirichlet((1.0, 1.0, 1.0), 2000)
    raw[np.arange(2000), truth] += 0.4
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    top = probabilities.argmax(axis=1)
    long = pd.DataFrame(
        {
            "label": np.tile(reports.LABELS, 2000),
            "step": np.minimum((1000 * probabilities).astype(int), 999).ravel(),
            "truth": (np.arange(3) == truth[:, None]).ravel(),
            "top": (np.arange(3) == top[:, None]).ravel(),
            "albums": 1,
            "probability": probabilities.ravel(),
        }
    )
    counted = long.groupby(["label", "step", "truth", "top"], as_index=False).sum()
    known = reports.nothing(steps=counted, about=reports.ABOUT)
    curves = judged.roc(known)
    assert curves is not None
    for k, (genre, area, albums) in enumerate(curves.table.rows):
        assert genre == reports.LABELS[k]
        assert albums == (truth == k).sum()
        assert float(str(area)) == pytest.approx(
            roc_auc_score(truth == k, probabilities[:, k]), abs=2e-3
        )
    right = judged.reliability(known)
    assert right is not None
    confidence, correct = probabilities.max(axis=1), top == truth
    gaps = 0.0
    for low in np.arange(10) / 10:
        mine = (confidence >= low) & (confidence < low + 0.1)
        gaps += abs((confidence[mine] - correct[mine]).sum())
    assert f"Calibration error {gaps / 2000:.3f}" in right.note
    assert sum(int(str(row[3])) for row in right.table.rows) == 2000


def test_names_are_no_markup_for_plotly() -> None:
    assert charts.label("<b>a&b") == "&lt;b&gt;a&amp;b"
    assert len(charts.label("x" * 1000)) == 28
    assert charts.label(None) == "not known"


def test_years_far_apart_have_no_gaps_between() -> None:
    assert charts.years(pd.Series([2003, None, 2001])) == [2001, 2002, 2003]
    assert charts.years(pd.Series([1000, 9999])) == [1000, 9999]
    assert charts.year_axis([1000, 9999])["type"] == "category"


def test_thumbnails_are_small_and_whole() -> None:
    wide = encoded(Image.new("RGB", (600, 300), "red"))
    small = Image.open(io.BytesIO(thumbnail(wide, 100)))
    assert (small.format, small.size) == ("JPEG", (100, 50))
    tiny = Image.open(io.BytesIO(thumbnail(encoded(Image.new("RGB", (40, 40))), 100)))
    assert tiny.size == (40, 40)
    with pytest.raises(ImageError):
        thumbnail(b"none", 100)
