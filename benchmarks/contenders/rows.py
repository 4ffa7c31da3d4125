"""What Ray Data and Daft let the project's models say of covers, on OpenVINO.

Decoding, networks, batches and what is read from the networks are the scoring UDF's own: only what
is around them differs. Decoding and inference are one step, as in the UDF: pixels cross no
processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.contenders import models
from benchmarks.contenders.task import Task
from covergenre import images

ROWS = 64
"""Covers a call of :meth:`Scorer.score`: as many as in a batch that Spark hands the scoring UDF.
The networks take a few of them at a time, as there."""


class Scorer:
    """The models of a task, loaded."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._classifier, self._detector = models.load(task)

    def score(self, contents: Sequence[bytes]) -> list[dict[str, Any]]:
        """What is said of each cover: ``probabilities``, ``advisory_score``, ``advisory_box``."""
        covers = [images.Cover(content) for content in contents]
        probabilities = self._classifier.probabilities(_shown(covers, self._classifier.size))
        rows = [{"probabilities": each.tolist()} for each in probabilities]
        if self._detector is not None:
            boxes, scores = self._detector.best(_shown(covers, self._detector.size))
            for row, box, score in zip(rows, boxes.tolist(), scores.tolist(), strict=True):
                row.update(advisory_score=score, advisory_box=box)
        self._task.stamp(len(rows))
        return rows


def _shown(covers: Sequence[images.Cover], size: int) -> images.Pixels:
    return np.stack([cover.at(size) for cover in covers])
