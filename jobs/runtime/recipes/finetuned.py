"""The recipe ``finetuned``: the backbone's last blocks and a linear layer learn together."""

from __future__ import annotations

from dataclasses import replace

from jobs.runtime.recipes.trained import Trained, Training
from jobs.runtime.recipes.tuning import Tuning


def train(training: Training) -> Trained:
    """Train the last blocks and a linear layer on the covers' labels."""
    training = replace(training, backbone=training.backbone.saved(training.scratch))
    targets = training.covers().withColumn("target", training.one_hot())
    return Tuning(training, training.settings.train.finetuning, targets).trained()
