"""Settings: ``conf/base.yaml``, an overlay, single keys; validated before anything runs."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from covergenre.errors import SettingError
from covergenre.images import Limits

# A year as catalogues write it: 1999, 1999.0 (a column with gaps), 1999-05 or 1999-05-21.
YEAR_PATTERN = r"^([0-9]{4})(?:\.0|-[0-9]{2}(?:-[0-9]{2})?)?$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Catalogue(_Section):
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


class WarehouseSettings(_Section):
    """Where tables lie."""

    root: str
    lock_timeout_seconds: float = Field(ge=0)


class Images(_Section):
    """What is accepted as a cover."""

    max_bytes: int = Field(ge=1, le=1_000_000_000)
    max_pixels: int = Field(ge=1)
    min_side: int = Field(ge=1)

    @property
    def limits(self) -> Limits:
        """As the decoder takes them."""
        return Limits(self.max_bytes, self.max_pixels, self.min_side)


class Splits(_Section):
    """Near-duplicates and folds."""

    salt: str
    folds: int = Field(ge=3)
    test_fold: int = Field(ge=0)
    validation_fold: int = Field(ge=0)
    hash_radius: int = Field(ge=0, le=15)
    min_correlation: float = Field(ge=-1, le=1)

    @model_validator(mode="after")
    def _folds_exist(self) -> Splits:
        if max(self.test_fold, self.validation_fold) >= self.folds:
            raise ValueError("test_fold and validation_fold must be below folds")
        if self.test_fold == self.validation_fold:
            raise ValueError("test_fold and validation_fold must differ")
        return self


class Train(_Section):
    """The classifier's recipe."""

    backbone: str
    input_size: int | None = Field(ge=32, le=1024)
    preprocessing: Literal["auto", "lite", "tf", "caffe", "torch", "none"]
    mirrored: bool
    hidden_units: int = Field(ge=1)
    feature_dropout: float = Field(ge=0, lt=1)
    hidden_dropout: float = Field(ge=0, lt=1)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    batch_size: int = Field(ge=1)
    max_epochs: int = Field(ge=1)
    patience: int = Field(ge=1)
    refit: bool
    seed: int
    embed_batch_size: int = Field(ge=1)
    bundles: str


class Score(_Section):
    """The scoring job."""

    bundle: str | None
    batch_size: int = Field(ge=1)
    keep_snapshots: int = Field(ge=0)


class Settings(_Section):
    """All settings; ``conf/base.yaml`` says what each means."""

    catalogue: Catalogue
    warehouse: WarehouseSettings
    images: Images
    splits: Splits
    train: Train
    score: Score


def load(overlay: Path | None = None, assignments: Iterable[str] = ()) -> Settings:
    """Read the settings.

    Args:
        overlay: a YAML file holding only what differs from ``conf/base.yaml``.
        assignments: ``key.path=value`` each, the value read as YAML; they win over the overlay.

    Raises:
        SettingError: names the key or file, what is wrong with it, and the nearest known key.
    """
    base = yaml.safe_load(resources.files("conf").joinpath("base.yaml").read_text("utf-8"))
    tree = base
    if overlay is not None:
        tree = _merge(tree, _read_overlay(overlay))
    for assignment in assignments:
        tree = _merge(tree, _parse_assignment(assignment))
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingError(_explain(error, base)) from None


def _read_overlay(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"--config {path} cannot be read: {error}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date or number that is none
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where else ""
        raise SettingError(f"--config {path}{line} is not YAML") from error
    if tree is not None and not isinstance(tree, dict):
        raise SettingError(f"--config {path} must hold settings by name, as conf/base.yaml does")
    return tree or {}


def _parse_assignment(assignment: str) -> dict[str, Any]:
    key, equals, text = assignment.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise SettingError(f"--set {assignment}: write it as key.path=value")
    try:
        value: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise SettingError(f"--set {assignment}: the value is not YAML") from error
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def _merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _explain(error: ValidationError, base: Mapping[str, Any]) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, _keys(base), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else "; conf/base.yaml has them all"
        return f"unknown setting {key}{hint}"
    return f"setting {key}: {first['msg']} (got {first['input']!r})"


def _keys(tree: Mapping[str, Any], prefix: str = "") -> list[str]:
    keys = []
    for name, value in tree.items():
        keys.append(prefix + name)
        if isinstance(value, Mapping):
            keys += _keys(value, f"{prefix}{name}.")
    return keys
