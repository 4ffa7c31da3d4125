"""What all trainings of whole networks share: the optimizer, and a log that survives a stop."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def adamw(
    learning_rate: float,
    weight_decay: float,
    steps: int,
    warm_up: float,
    average: float | None = None,
) -> Any:
    """AdamW with a warm-up and a cosine to zero; kernels alone decay.

    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization" (ICLR 2019).

    Args:
        learning_rate: at the end of the warm-up.
        weight_decay: a step, times the learning rate.
        steps: of the whole training.
        warm_up: part of the steps.
        average: momentum of a moving average of the weights, which the network has at the end of
            the training; None for none.
    """
    import keras

    warm = max(1, round(warm_up * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm), warmup_target=learning_rate, warmup_steps=warm
    )
    averaging = {} if average is None else {"use_ema": True, "ema_momentum": average}
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay, **averaging)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


@dataclass(frozen=True)
class EpochLog:
    """Figures of each epoch, one line of JSON each, beside the checkpoints.

    Attributes:
        path: of the file.
        what: is trained, for people.
        epochs: of the whole training.
    """

    path: Path
    what: str
    epochs: int

    def callback(self) -> Any:
        """For Keras: say how an epoch went, and note it."""
        import keras

        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: self._tell(epoch, logs or {})
        )

    def _tell(self, epoch: int, figures: Mapping[str, float]) -> None:
        values = {name: float(value) for name, value in figures.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch, **values}) + "\n")
        text = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
        print(
            f"{self.what}: epoch {epoch + 1} of {self.epochs}, {text}", file=sys.stderr, flush=True
        )

    def read(self) -> dict[str, list[float]]:
        """Figures by name, one value an epoch; of an epoch that was repeated, the last."""
        rows = [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]
        by_epoch = {row.pop("epoch"): row for row in rows}
        ordered = [by_epoch[epoch] for epoch in sorted(by_epoch)]
        return {name: [row[name] for row in ordered] for name in ordered[0]}
