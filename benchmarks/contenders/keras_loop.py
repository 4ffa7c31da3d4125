"""A plain Python loop: tf.data decodes, TensorFlow computes, all in one process and in float32.

Decoding is the project's own (:mod:`covergenre.images`, by ``tf.numpy_function`` in a parallel
map), so that every contender sees the same pixels; most of it runs outside Python's lock.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders import covers
from benchmarks.contenders.task import Task
from covergenre import images, tensorflow_runtime
from covergenre.bundle import open_bundle
from covergenre.engines import tensorflow

_BATCH = 32


def run(task: Task) -> dict[str, Any]:
    """Score all covers.

    Returns:
        ``job_seconds`` from loading the model to the last batch.
    """
    tensorflow_runtime.start()
    import tensorflow as tf

    start = time.perf_counter()
    bundle, loader = open_bundle(Path(task.bundle)), tensorflow.loader(_BATCH)
    classifier = bundle.classifier(loader)
    detector = None if bundle.detector is None else bundle.detector.load(loader)
    sizes = [classifier.size, *([] if detector is None else [detector.size])]

    def pixels(content: bytes) -> list[images.Pixels]:
        cover = images.Cover(content)
        return [cover.at(size) for size in sizes]

    contents = covers.first(task.parquet, task.images)
    batches = (
        tf.data.Dataset.from_tensor_slices(np.array(contents, object))
        .map(
            lambda content: tf.numpy_function(pixels, [content], [tf.uint8] * len(sizes)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        .batch(_BATCH)
        .prefetch(tf.data.AUTOTUNE)
    )
    said = []
    for shown in batches.as_numpy_iterator():
        said.append(classifier.probabilities(shown[0]))
        if detector is not None:
            said.append(detector.best(shown[1])[1])
        task.stamp(len(shown[0]))
    return {"job_seconds": time.perf_counter() - start}
