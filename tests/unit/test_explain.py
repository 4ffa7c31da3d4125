"""Where a classifier looks, and the job that looks at one cover."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covergenre import tensorflow_runtime
from covergenre.activation import activation_map
from covergenre.backbones import Backbone, resolve
from covergenre.classifier import Head
from covergenre.config import load
from covergenre.errors import CatalogueError, OutputError
from jobs import explain as job
from jobs.runtime.explaining import explain
from tests.covers import drawn

SIZE = 8


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    """A network whose map is the mean colour of each quarter of a cover, 0-1."""
    tensorflow_runtime.start()
    from keras import Input, Model, layers

    pixels = Input((None, None, 3))
    file = tmp_path_factory.mktemp("network") / "quarters.keras"
    Model(pixels, layers.AveragePooling2D(SIZE // 2)(pixels)).save(file)
    return resolve(str(file), SIZE, "none")


def quarters(*reds: int) -> np.ndarray:
    """A cover of four quarters of so much red, all of the same green."""
    cover = np.zeros((SIZE, SIZE, 3), np.uint8)
    cover[..., 1] = 200
    for place, red in enumerate(reds):
        top, left = (place // 2) * SIZE // 2, (place % 2) * SIZE // 2
        cover[top : top + SIZE // 2, left : left + SIZE // 2, 0] = red
    return cover


def linear(*kernel: tuple[float, float]) -> Head:
    values = np.asarray(kernel, np.float32)
    return Head({"logits.kernel": values, "logits.bias": np.zeros(2, np.float32)})


def test_what_speaks_for_a_genre_is_bright_where_it_is(colours: Backbone) -> None:
    likes_red = linear((1, 0), (0, 0), (0, 0))
    found = activation_map(colours, likes_red, quarters(0, 100, 200, 50), 0)
    assert found is not None and found.dtype == np.float32
    np.testing.assert_allclose(found, [[0, 0.5], [1, 0.25]], atol=1e-6)


def test_what_speaks_against_it_is_dark(colours: Backbone) -> None:
    hates_red = linear((-1, 0), (0, 0), (0, 0))
    found = activation_map(colours, hates_red, quarters(0, 100, 200, 50), 0)
    assert found is not None and not found.any()
    # Green speaks for the second genre everywhere, red against it: 2 * 200 - red, cut off at 0.
    mixed = linear((0, -4), (0, 2), (0, 0))
    found = activation_map(colours, mixed, quarters(0, 50, 200, 100), 1)
    np.testing.assert_allclose(found, [[1, 0.5], [0, 0]], atol=1e-6)


def test_a_hidden_layer_is_seen_through(colours: Backbone) -> None:
    head = Head(
        {
            "scale.mean": np.zeros(3, np.float32), "scale.std": np.ones(3, np.float32),
            "hidden.kernel": np.eye(3, dtype=np.float32), "hidden.bias": np.zeros(3, np.float32),
            "logits.kernel": np.asarray([[1, 0], [0, 1], [0, 0]], np.float32),
            "logits.bias": np.zeros(2, np.float32),
        }
    )  # fmt: skip
    found = activation_map(colours, head, quarters(0, 100, 200, 50), 0)
    np.testing.assert_allclose(found, [[0, 0.5], [1, 0.25]], atol=1e-6)


def test_of_several_sizes_it_is_the_largest_that_is_asked(colours: Backbone) -> None:
    assert colours.path is not None
    both = resolve(str(colours.path), (SIZE, 6), "none")
    head = linear(*[(1, 0), (0, 0), (0, 0)] * 2)
    found = activation_map(both, head, quarters(0, 100, 200, 50), 0)
    np.testing.assert_allclose(found, [[0, 0.5], [1, 0.25]], atol=1e-6)


def test_a_network_without_a_map_says_so(tmp_path: Path) -> None:
    from keras import Input, Model, layers

    pixels = Input((SIZE, SIZE, 3))
    Model(pixels, layers.Flatten()(pixels)).save(tmp_path / "flat.keras")
    flat = resolve(str(tmp_path / "flat.keras"), preprocessing="none")
    head = linear(*[(1, 0)] * (SIZE * SIZE * 3))
    assert activation_map(flat, head, quarters(1, 2, 3, 4), 0) is None


def test_one_cover_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "it's <a> cover.jpg"
    file.write_bytes(drawn("rap", 3))
    told = job.main([str(file), "--picture", str(tmp_path / "why.png"), "--json"])
    bundle = job.choose_bundle(None, load())[0]
    assert told["model_version"] == bundle.model_version
    assert told["predicted_genre"] == max(told["probabilities"], key=told["probabilities"].get)
    for kind in ("probabilities", "classifier_probabilities"):
        assert set(told[kind]) == {*bundle.labels}
        assert sum(told[kind].values()) == pytest.approx(1, abs=1e-5)
    # The largest reason, of a picture that says so little to the other parts.
    assert max(told["reasons"], key=lambda r: abs(r["contribution"]))["part"] == "classifier"
    assert told["appearance"]["palette"] and 0 <= told["advisory_score"] <= 1
    with Image.open(tmp_path / "why.png") as picture:
        assert picture.format == "PNG" and picture.width > 1000
    out = capsys.readouterr().out
    assert f"looks like      {told['predicted_genre']} " in out and "why.png" in out
    assert [*tmp_path.glob(".*")] == []


def test_a_label_is_told_and_boxed_where_the_threshold_is_reached() -> None:
    settings = load(assignments=["score.describe=[]"])
    bundle = job.choose_bundle(None, settings)[0]
    found = explain(drawn("folk", 1), bundle, settings)
    assert found.advisory is False and found.threshold == bundle.detector.threshold  # type: ignore[union-attr]
    assert found.said["concepts"] is None and found.said["appearance"] is None
    assert found.heat is not None and found.heat.max() == 1 and found.heat.min() >= 0


def test_mistakes_are_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"nothing\.jpg cannot be read: No such file"):
        job.main([str(tmp_path / "nothing.jpg")])
    (tmp_path / "page.jpg").write_text("<html>")
    with pytest.raises(CatalogueError, match=r"page\.jpg cannot be used: not_an_image: "):
        job.main([str(tmp_path / "page.jpg")])
    (tmp_path / "cover.jpg").write_bytes(drawn("folk", 1))
    with pytest.raises(OutputError, match=r"--picture .*why\.png cannot be written: No such file"):
        job.main([str(tmp_path / "cover.jpg"), "--picture", str(tmp_path / "no/why.png")])
