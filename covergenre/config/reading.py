"""Read the settings: conf/base.yaml, an overlay, single keys; validated before anything runs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from covergenre.config.analyse import Analyse
from covergenre.config.concepts import Concepts
from covergenre.config.describe import Describe
from covergenre.config.detector import Detector
from covergenre.config.engine import EngineSettings
from covergenre.config.fusion import Fusion
from covergenre.config.lifecycle import Promotion, Tracking
from covergenre.config.maintain import Maintain
from covergenre.config.quality import Quality
from covergenre.config.report import Report
from covergenre.config.scrape import Scrape
from covergenre.config.sections import (
    Catalogue,
    Evaluate,
    Images,
    Log,
    Score,
    Section,
    Splits,
    Train,
    WarehouseSettings,
    Workers,
)
from covergenre.errors import SettingError


class Settings(Section):
    """All settings; ``conf/base.yaml`` says what each means."""

    catalogue: Catalogue
    warehouse: WarehouseSettings
    log: Log
    images: Images
    workers: Workers
    splits: Splits
    train: Train
    detector: Detector
    fusion: Fusion
    engine: EngineSettings
    score: Score
    quality: Quality
    maintain: Maintain
    evaluate: Evaluate
    describe: Describe
    analyse: Analyse
    report: Report
    tracking: Tracking
    promotion: Promotion
    scrape: Scrape
    concepts: Concepts


def load(overlay: Path | None = None, assignments: Iterable[str] = ()) -> Settings:
    """Read the settings.

    Args:
        overlay: a YAML file holding only what differs from ``conf/base.yaml``; those of the project
            (``conf/recipes/origin.yaml``) are found wherever it is installed.
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
    own = path.parts[:1] == ("conf",) and not path.exists()
    file = resources.files("conf").joinpath(*path.parts[1:]) if own else path
    try:
        tree = yaml.safe_load(file.read_text("utf-8"))
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
