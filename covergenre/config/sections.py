"""The sections of the settings, one class each; ``conf/base.yaml`` says what each setting means."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from covergenre.images import Limits

# A year as catalogues write it: 1999, 1999.0 (a column with gaps), 1999-05 or 1999-05-21.
YEAR_PATTERN = r"^([0-9]{4})(?:\.0|-[0-9]{2}(?:-[0-9]{2})?)?$"


Side = Annotated[int, Field(ge=32, le=1024)]
"""Of a network's input, in pixels."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Catalogue(Section):
    """What is scored by default, and how its genres and years are read."""

    default: str
    demo_albums: int = Field(ge=1)
    genre_aliases: dict[str, str]
    first_year: int = Field(ge=1000, le=9999)
    last_year: int | None = Field(ge=1000, le=9999)

    @field_validator("genre_aliases")
    @classmethod
    def _lower(cls, aliases: dict[str, str]) -> dict[str, str]:
        return {name.strip().lower(): genre.strip().lower() for name, genre in aliases.items()}

    def genre(self, name: str | None) -> str | None:
        """A catalogue's genre under the name the models use; None when empty."""
        lowered = (name or "").strip().lower()
        return self.genre_aliases.get(lowered, lowered) or None

    def year(self, text: str | int | None) -> int | None:
        """A release year, or None when it is missing or not plausible."""
        match = re.match(YEAR_PATTERN, str(text if text is not None else "").strip())
        if not match:
            return None
        year, last = int(match[1]), self.last_year or datetime.datetime.now(datetime.UTC).year + 1
        return year if self.first_year <= year <= last else None


class WarehouseSettings(Section):
    """Where tables lie."""

    root: str
    lock_timeout_seconds: float = Field(ge=0)
    locks: str | None

    @property
    def lock_folder(self) -> str:
        """Of the locks of warehouses that are URLs."""
        return self.locks or f"{self.root}/.locks"


class Images(Section):
    """What is accepted as a cover."""

    max_bytes: int = Field(ge=1, le=1_000_000_000)
    max_pixels: int = Field(ge=1)
    min_side: int = Field(ge=1)

    @property
    def limits(self) -> Limits:
        """As the decoder takes them."""
        return Limits(self.max_bytes, self.max_pixels, self.min_side)


class Splits(Section):
    """Near-duplicates, artists and folds."""

    salt: str
    folds: int = Field(ge=3)
    test_fold: int = Field(ge=0)
    validation_fold: int = Field(ge=0)
    hash_radius: int = Field(ge=0, le=15)
    min_correlation: float = Field(gt=0, le=1)
    max_artists: int = Field(ge=1)
    no_artist: list[str]

    @model_validator(mode="after")
    def _folds_exist(self) -> Splits:
        if max(self.test_fold, self.validation_fold) >= self.folds:
            raise ValueError("test_fold and validation_fold must be below folds")
        if self.test_fold == self.validation_fold:
            raise ValueError("test_fold and validation_fold must differ")
        return self


class Augmentation(Section):
    """How covers are varied while a network is fine-tuned."""

    least_area: float = Field(gt=0, le=1)
    aspect: float = Field(ge=0, le=1)
    mirrored: float = Field(ge=0, le=1)
    colour: float = Field(ge=0, lt=1)
    mixed: float = Field(ge=0, le=1)
    mixing: float = Field(gt=0)


class FineTuning(Section):
    """The recipe of fine-tuning."""

    stored_size: int = Field(ge=32, le=1024)
    frozen_until: str | None
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    warm_up: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    label_smoothing: float = Field(ge=0, lt=1)
    dropout: float = Field(ge=0, lt=1)
    seed: int
    bits: Literal[2, 3, 4, 5, 6, 7, 8]
    augmentation: Augmentation


class Distillation(Section):
    """The teachers of the recipe distilled."""

    share: float = Field(gt=0, lt=1)
    input_size: int = Field(ge=32, le=1024)
    stored_size: int = Field(ge=32, le=1024)


class Train(Section):
    """The classifier's recipe."""

    recipe: Literal["frozen", "finetuned", "distilled"]
    backbone: str
    input_size: list[Side] | None = Field(min_length=1)
    preprocessing: Literal["auto", "lite", "tf", "caffe", "torch", "none"]
    mirrored: bool
    feature_power: float = Field(gt=0, le=1)
    hidden_units: int = Field(ge=1)
    feature_dropout: float = Field(ge=0, lt=1)
    hidden_dropout: float = Field(ge=0, lt=1)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    batch_size: int = Field(ge=1)
    max_epochs: int = Field(ge=1)
    patience: int = Field(ge=1)
    refit: bool
    abstain_accuracy: float = Field(gt=0, le=1)
    seed: int
    embed_batch_size: int = Field(ge=1)
    bundles: str
    detector: str | None
    finetuning: FineTuning
    distillation: Distillation

    @field_validator("input_size", mode="before")
    @classmethod
    def _one_or_several(cls, sizes: Any) -> Any:
        return [sizes] if isinstance(sizes, int) else sizes

    @field_validator("input_size")
    @classmethod
    def _sizes_suit(cls, sizes: list[int] | None, info: ValidationInfo) -> list[int] | None:
        # From twice as large, a resize without antialiasing skips pixels.
        if sizes and max(sizes) >= 2 * min(sizes):
            raise ValueError("the largest must be less than twice the smallest")
        if sizes and len(sizes) > 1 and info.data.get("recipe") != "frozen":
            raise ValueError("must be one number, unless train.recipe is frozen")
        return sizes


class Log(Section):
    """What jobs say while they work."""

    format: Literal["text", "json"]


class Workers(Section):
    """The Python workers that decode covers and show them to the networks."""

    timeout_seconds: float = Field(ge=0)
    poison_attempts: int = Field(ge=1)
    step_covers: int = Field(ge=1)


class Score(Section):
    """The scoring job."""

    bundle: str | None
    batch_size: int = Field(ge=1)
    describe: list[Literal["appearance", "concepts", "embedding"]]
    similar: int = Field(ge=1, le=100)
    keep_snapshots: int = Field(ge=0)
    label_pictures: int = Field(ge=0)


class Evaluate(Section):
    """The evaluation job."""

    bootstrap_samples: int = Field(ge=100)
    seed: int
    colour_covers: int = Field(ge=1)
    shown_errors: int = Field(ge=1, le=200)
