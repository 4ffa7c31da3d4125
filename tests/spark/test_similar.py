"""Covers that look alike: found exactly, kept in line night after night."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from jobs.runtime import similar
from jobs.runtime.scoring import infer
from jobs.runtime.views import open_views
from jobs.runtime.warehouse import Warehouse
from schemas import ALBUMS, COVERS, INFERENCES, NEIGHBOURS
from tests.covers import drawn
from tests.nights import Night

ASKED = {"describe": ["embedding"], "similar": 2}


def held(warehouse: Warehouse) -> dict[tuple[str, int], tuple[str, float]]:
    rows = warehouse.read(NEIGHBOURS).collect()
    return {(row.cover_id, row["rank"]): (row.neighbour_id, row.similarity) for row in rows}


def by_hand(warehouse: Warehouse, most: int) -> dict[tuple[str, int], tuple[str, float]]:
    """From the embeddings of the covers that albums carry, a cover after the other."""
    rows = warehouse.read(INFERENCES).where("reason IS NULL").select("cover_id", "embedding")
    carried = {row.cover_id for row in warehouse.spark.sql("SELECT cover_id FROM albums").collect()}
    vectors = {row.cover_id: row.embedding for row in rows.collect() if row.cover_id in carried}
    found = {}
    for cover_id, vector in vectors.items():
        cosines = sorted(
            (-round(sum(a * b for a, b in zip(vector, other, strict=True)), 4), other_id)
            for other_id, other in vectors.items()
            if other_id != cover_id
        )
        for rank, (cosine, other_id) in enumerate(cosines[:most], 1):
            found[cover_id, rank] = (other_id, -cosine)
    return found


def assert_in_line(warehouse: Warehouse, most: int = 2) -> None:
    open_views(warehouse)
    found, should = held(warehouse), by_hand(warehouse, most)
    assert found.keys() == should.keys() and len(found) > 0
    for key, (other_id, cosine) in should.items():
        assert found[key][1] == pytest.approx(cosine, abs=2e-4)
        assert found[key][0] == other_id or abs(found[key][1] - cosine) <= 2e-4


def test_each_cover_knows_those_most_like_it(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "_CANDIDATES", 4)  # in parts
    # The same picture as another's, darker by a shade: the nearest of both is the other.
    with Image.open(night.covers / "rap/0.jpg") as picture:
        picture.point(lambda value: max(value - 3, 0)).save(night.covers / "rap/dark.png")
    night.score(**ASKED)
    assert_in_line(night.warehouse)
    ids = {row.album_id: row.cover_id for row in night.warehouse.read(ALBUMS).collect()}
    nearest, cosine = held(night.warehouse)[ids["rap/dark.png"], 1]
    assert nearest == ids["rap/0.jpg"] and 0.9 < cosine <= 1

    before = night.versions()
    assert night.score(**ASKED).covers == 0
    assert night.versions() == before

    night.add("folk/new.jpg", drawn("folk", 40))
    night.add("rap/1.jpg", drawn("rap", 41))
    (night.covers / "rap/0.jpg").unlink()
    night.score(describe=["embedding"], similar=1)
    assert_in_line(night.warehouse, most=1)

    assert night.score().covers > 0  # without embeddings all are looked at again
    assert held(night.warehouse) == {}
    assert night.warehouse.read(INFERENCES).where("embedding IS NOT NULL").isEmpty()


def test_embeddings_are_of_length_1_and_the_probabilities_the_same(night: Night) -> None:
    night.read()
    covers = night.warehouse.read(COVERS).select("cover_id", "content")
    plain = infer(covers, night.bundle, night.settings).toPandas().set_index("cover_id")
    asked = infer(covers, night.bundle, night.changed(**ASKED)).toPandas().set_index("cover_id")
    assert plain["embedding"].isna().all()
    lengths = np.linalg.norm(np.stack(asked["embedding"].to_list()), axis=1)
    assert lengths == pytest.approx(np.ones(6), abs=1e-5)
    for one, other in zip(
        plain["probabilities"], asked.loc[plain.index, "probabilities"], strict=True
    ):
        assert one == pytest.approx(other, abs=1e-6)
