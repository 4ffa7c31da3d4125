"""Conversions to OpenVINO's format: done once, kept whole, and never trusted if damaged."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from covergenre.engines import Graph, openvino
from covergenre.errors import EngineError

SIZE, BATCH = 4, 2
PICTURES = np.random.default_rng(0).integers(0, 256, (BATCH, SIZE, SIZE, 3), dtype=np.uint8)
FACTOR = 0.5

Build = Callable[[], Callable[[Any], tuple[Any, ...]]]


def mean(factor: float = FACTOR) -> Build:
    """A network of one weight: a cover's mean colour, times a factor."""

    def build() -> Callable[[Any], tuple[Any, ...]]:
        import tensorflow as tf

        weight = tf.Variable(np.full(3, factor, np.float32))
        return lambda x: (tf.reduce_mean(tf.cast(x, tf.float32), (1, 2)) * weight,)

    return build


class Counted:
    """Notes how often it is built."""

    def __init__(self, build: Build) -> None:
        self.built = 0
        self._build = build

    def __call__(self) -> Callable[[Any], tuple[Any, ...]]:
        self.built += 1
        return self._build()


def refuses() -> Callable[[Any], tuple[Any, ...]]:
    raise AssertionError("it was converted before")


def graph(build: Build, digest: str = "a", name: str = "small", size: int = SIZE) -> Graph:
    return Graph(name, size, digest, build)


def says(converted: openvino.Converted, factor: float = FACTOR) -> None:
    """A conversion computes what its graph does."""
    (found,) = openvino.OpenVINORun(converted, "f32", 1)(PICTURES)
    np.testing.assert_allclose(found, PICTURES.mean((1, 2)) * factor, rtol=1e-5)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_graph_is_converted_once(tmp_path: Path) -> None:
    first = openvino.convert(graph(mean()), BATCH, tmp_path)
    assert (first.name, first.size, first.batch_size) == ("small", SIZE, BATCH)
    again = openvino.convert(graph(refuses), BATCH, tmp_path)
    assert again == first
    says(again)


@pytest.mark.parametrize(
    ("other", "batch_size"),
    [
        ({"digest": "b"}, BATCH),
        ({"name": "large"}, BATCH),
        ({"size": SIZE + 1}, BATCH),
        ({}, BATCH + 1),
    ],
)
def test_another_graph_or_batch_is_another_conversion(
    tmp_path: Path, other: dict[str, Any], batch_size: int
) -> None:
    openvino.convert(graph(mean()), BATCH, tmp_path)
    build = Counted(mean(2.0))
    converted = openvino.convert(graph(build, **other), batch_size, tmp_path)
    assert build.built == 1
    assert converted.batch_size == batch_size
    size = other.get("size", SIZE)
    pixels = np.full((1, size, size, 3), 10, np.uint8)
    (found,) = openvino.OpenVINORun(converted, "f32", 1)(pixels)
    np.testing.assert_allclose(found, [[20, 20, 20]], rtol=1e-5)
    # Both are kept, side by side.
    openvino.convert(graph(refuses, **other), batch_size, tmp_path)
    says(openvino.convert(graph(refuses), BATCH, tmp_path))


def test_what_is_computed_for_nothing_is_no_output(tmp_path: Path) -> None:
    def build() -> Callable[[Any], tuple[Any, ...]]:
        import tensorflow as tf

        def both(x: Any) -> tuple[Any, ...]:
            floats = tf.cast(x, tf.float32)
            tf.nn.relu(floats - 100)
            return tf.reduce_max(floats, (1, 2)), tf.reduce_mean(floats, (1, 2))

        return both

    converted = openvino.convert(graph(build), BATCH, tmp_path)
    most, middle = openvino.OpenVINORun(converted, "f32", 1)(PICTURES)
    np.testing.assert_allclose(most, PICTURES.max((1, 2)))
    np.testing.assert_allclose(middle, PICTURES.mean((1, 2)), rtol=1e-5)


# What happens to the cache.


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("damage", [flip, cut, empty, foreign, Path.unlink])
@pytest.mark.parametrize("number", range(3))
def test_a_damaged_conversion_is_done_anew(
    tmp_path: Path, damage: Callable[[Path], None], number: int
) -> None:
    openvino.convert(graph(mean()), BATCH, tmp_path)
    kept = files(tmp_path)
    assert len(kept) == 3
    damage(kept[number])
    build = Counted(mean())
    says(openvino.convert(graph(build), BATCH, tmp_path))
    assert build.built == 1
    says(openvino.convert(graph(refuses), BATCH, tmp_path))  # it is whole again
    assert files(tmp_path) == kept


@pytest.mark.parametrize("place", ["cache", "cache/below"])
def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, place: str) -> None:
    (tmp_path / "cache").write_text("mine")
    for _ in range(2):
        build = Counted(mean())
        says(openvino.convert(graph(build), BATCH, tmp_path / place))
        assert build.built == 1
    assert (tmp_path / "cache").read_text("utf-8") == "mine"
    assert files(tmp_path) == [tmp_path / "cache"]


def test_a_disk_that_is_full_keeps_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: Any, **__: Any) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)  # the last of the files
        says(openvino.convert(graph(mean()), BATCH, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    openvino.convert(graph(mean()), BATCH)
    assert {path.parents[1] for path in files(tmp_path)} == {tmp_path / "own/covergenre/engines"}
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("XDG_CACHE_HOME")
        else:
            monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert openvino.cache_folder() == tmp_path / "home/.cache/covergenre/engines"


def _convert_at_once(folder: Path, barrier: Any) -> None:
    def build() -> Callable[[Any], tuple[Any, ...]]:
        barrier.wait(120)  # neither has found what the other kept
        return mean()()

    says(openvino.convert(graph(build), BATCH, folder))


def test_two_processes_that_convert_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    both = [
        context.Process(target=_convert_at_once, args=(tmp_path, barrier), daemon=True)
        for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(240)
    assert [process.exitcode for process in both] == [0, 0]
    (folder,) = tmp_path.iterdir()  # nothing half-written is left beside it
    assert len(files(folder)) == 3
    says(openvino.convert(graph(refuses), BATCH, tmp_path))


# What reaches a worker.


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> openvino.Converted:
    return openvino.convert(graph(mean()), BATCH, tmp_path_factory.mktemp("converted"))


@pytest.mark.parametrize("part", ["model", "weights"])
def test_what_was_damaged_on_its_way_is_refused(converted: openvino.Converted, part: str) -> None:
    content = bytearray(getattr(converted, part))
    content[-1] ^= 1
    damaged = replace(converted, **{part: bytes(content)})
    with pytest.raises(EngineError, match="the converted small was damaged on its way: run again"):
        openvino.OpenVINORun(damaged, "f32", 1)


@pytest.mark.parametrize("model", [b"", b"no model"])
def test_what_openvino_cannot_read_is_told_in_its_words(
    converted: openvino.Converted, model: bytes
) -> None:
    sha256 = hashlib.sha256(model + converted.weights).hexdigest()
    broken = replace(converted, model=model, sha256=sha256)
    with pytest.raises(
        EngineError, match=r"cannot compile the small \(.+\): --set engine\.name=tensorflow"
    ):
        openvino.OpenVINORun(broken, "f32", 1)
