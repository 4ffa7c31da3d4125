"""Settings of the label detector: what it is trained on, how, and how its threshold is chosen."""

from __future__ import annotations

from pydantic import Field, field_validator

from covergenre.config.sections import Section


class Detector(Section):
    """The label detector's recipe."""

    marked: str | None
    confirmed: str | None
    art: str | None
    labelled_genres: list[str]
    pictures: int = Field(ge=1)
    validation_pictures: int = Field(ge=1)
    validation_covers: int = Field(ge=1)
    real_share: float = Field(ge=0, lt=1)
    real_versions: int = Field(ge=1)
    passes: float = Field(gt=0)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    precision: float = Field(gt=0, le=1)
    false_per_thousand: float = Field(ge=0)
    seed: int

    @field_validator("labelled_genres")
    @classmethod
    def _lower(cls, genres: list[str]) -> list[str]:
        return [genre.strip().lower() for genre in genres]
