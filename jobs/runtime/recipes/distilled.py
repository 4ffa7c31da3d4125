"""The recipe ``distilled``: fine-tuning on labels softened by networks that had not seen the cover.

A cover's genre is often a matter of opinion; its one label says nothing of that. Teachers, each
trained without one fold, say how much of which genre the covers of that fold look, and the student
learns the mean of label and opinion: knowledge distillation (G. Hinton, O. Vinyals, J. Dean,
"Distilling the knowledge in a neural network", 2015) with teachers that are cross-fitted, so that
they cannot repeat labels they have learnt by heart.

No teacher sees the validation fold, either. Opinions carry more of it than one would think: with
teachers that had seen it, a student that had not was right on 0.655 of its covers, on the test
fold's only on 0.608, and its temperature came out too low.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from covergenre.backbones import Backbone
from jobs.runtime.recipes.trained import Judged, Trained, Training, joined
from jobs.runtime.recipes.tuning import Tuning


def train(training: Training) -> Trained:
    """Train teachers, then the student; what the teachers said is kept as ``out_of_fold``."""
    training = replace(training, backbone=training.backbone.saved(training.scratch))
    share = training.settings.train.distillation.share
    said, sources = _taught(training)
    targets = _softened(training, said, share)
    sources = [*sources, f"share {share}"]
    student = Tuning(training, training.settings.train.finetuning, targets, sources)
    return replace(student.trained(), out_of_fold=said)


def _taught(training: Training) -> tuple[Judged, list[str]]:
    """What teachers say of every cover that is trained on, and the names of their checkpoints.

    A teacher's opinion is the mean over a cover and its mirror image.
    """
    settings, recipe = training.settings, training.settings.train.distillation
    splits = settings.splits
    backbone = _resized(training.backbone, recipe.input_size)
    teachers = Tuning(
        replace(training, backbone=backbone),
        settings.train.finetuning.model_copy(update={"stored_size": recipe.stored_size}),
        training.covers().withColumn("target", training.one_hot()),
    )
    said, names = [], []
    for fold in range(splits.folds):
        if fold == splits.test_fold:
            continue
        without = sorted({fold, splits.validation_fold})
        name = f"teacher-without-{'-'.join(map(str, without))}"
        held = teachers.held(fold)
        tuned_backbone, tuned = teachers.tune(name, without)
        mirrored = replace(held, inputs=held.inputs[:, :, ::-1])
        views = [teachers.judge(tuned_backbone, tuned.head, view) for view in (held, mirrored)]
        mean = np.mean([view.probabilities() for view in views], axis=0)
        said.append(
            held.judged(np.log(np.maximum(mean, np.finfo(np.float32).tiny)).astype(np.float32))
        )
        names.append(teachers.checkpoints(name, without).name)
    return joined(said), names


def _softened(training: Training, said: Judged, share: float) -> DataFrame:
    """Labels mixed with opinions; a cover without one (of the test fold) keeps its label alone."""
    opinions = training.warehouse.spark.createDataFrame(
        list(zip(said.cover_ids, said.probabilities().tolist(), strict=True)),
        "cover_id string, opinion array<float>",
    )
    mixture = F.zip_with(
        "target", "opinion", lambda label, other: (1 - share) * label + share * other
    )
    labelled = training.covers().withColumn("target", training.one_hot())
    rows = labelled.join(F.broadcast(opinions), "cover_id", "left")
    soft = F.coalesce(mixture, F.col("target")).cast("array<float>")
    return rows.withColumn("target", soft).drop("opinion")


def _resized(backbone: Backbone, size: int) -> Backbone:
    return replace(backbone, preprocessing=replace(backbone.preprocessing, size=size))
