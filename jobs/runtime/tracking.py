"""Experiments: each training is a run in MLflow, and its bundle, if wanted, a model version there.

All that is noted stands in the bundle, so a bundle can be noted at any time after its training.
MLflow is imported here, in the driver, only when something is noted.
"""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from covergenre.bundle import Bundle
from covergenre.config import Settings
from covergenre.current import CURRENT
from jobs.runtime import logs

DATABASE = "mlflow.db"
_ARTIFACTS = "mlruns"
_BUNDLE = "bundle"
_DIGEST = "digest"
_KEPT = ("MODEL_CARD.md", "manifest.json", "held_out.parquet")
# MLflow's own limits: entries a call, and characters a value.
_PARAMS_A_CALL, _METRICS_A_CALL, _CHARACTERS = 100, 1000, 6000


def note(bundle: Bundle, settings: Settings, tags: Mapping[str, str]) -> bool:
    """Note a training in MLflow, after its bundle is written.

    Args:
        bundle: holds settings, figures and curves of its training.
        settings: of tracking.
        tags: what the bundle does not say, e.g. ``run_id`` of the table ``runs``.

    Returns:
        whether it is noted; if not, and it should have been, a warning says why.
    """
    return _attempted(settings, lambda: _Experiments(settings).add(bundle, tags))


def note_current(bundle: Bundle, settings: Settings) -> bool:
    """Give a promoted bundle's model version the alias ``current``; registers it if need be.

    Returns:
        as :func:`note`.
    """
    if not settings.tracking.register_bundles:
        return False
    return _attempted(settings, lambda: _Experiments(settings).make_current(bundle))


def uri(settings: Settings) -> str:
    """The tracking server, or the SQLite file beside the bundles."""
    return settings.tracking.uri or f"sqlite:///{_folder(settings) / DATABASE}"


def _attempted(settings: Settings, action: Callable[[], None]) -> bool:
    if not settings.tracking.enabled:
        return False
    try:
        action()
    except Exception as error:  # whatever MLflow, a database or the network raise
        text = (str(error).strip().splitlines() or [""])[0][:500]
        logs.warn(
            f"not noted in MLflow at {uri(settings)}: {type(error).__name__}: {text}; "
            "the bundle is not affected"
        )
        return False
    return True


class _Experiments:
    """The experiment and the registered model that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.tracking
        self._folder = _folder(settings)
        mlflow = _mlflow()
        if settings.tracking.uri is None:
            self._folder.mkdir(parents=True, exist_ok=True)
        self._client = mlflow.MlflowClient(uri(settings))

    def add(self, bundle: Bundle, tags: Mapping[str, str]) -> None:
        """Note a training."""
        from mlflow.entities import Metric, Param

        client, name = self._client, bundle.model_version
        about = {_DIGEST: bundle.digest, "model_version": name, **tags}
        run = client.create_run(self._experiment(), tags=about, run_name=name)
        run_id, now = run.info.run_id, int(run.info.start_time)
        try:
            params = [Param(k, str(v)[:_CHARACTERS]) for k, v in _params(bundle.manifest)]
            for start in range(0, len(params), _PARAMS_A_CALL):
                client.log_batch(run_id, params=params[start : start + _PARAMS_A_CALL])
            metrics = [Metric(key, value, now, step) for key, value, step in figures(bundle)]
            for start in range(0, len(metrics), _METRICS_A_CALL):
                client.log_batch(run_id, metrics=metrics[start : start + _METRICS_A_CALL])
            self._keep(bundle, run_id)
            if self._settings.register_bundles:
                self._register(bundle, run)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)

    def make_current(self, bundle: Bundle) -> None:
        """Point the alias at a bundle's version."""
        if self._version(bundle) is None:
            self.add(bundle, {})
        name = self._settings.model_name
        self._client.set_registered_model_alias(name, CURRENT, self._version(bundle))

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(self._settings.experiment)
        if found is not None:
            return str(found.experiment_id)
        # A server says itself where artifacts lie; a database would take the working directory.
        place = None if self._settings.served else (self._folder / _ARTIFACTS).as_uri()
        return str(self._client.create_experiment(self._settings.experiment, place))

    def _keep(self, bundle: Bundle, run_id: str) -> None:
        if self._settings.register_bundles:
            self._client.log_artifacts(run_id, str(bundle.path), _BUNDLE)
            return
        for name in _KEPT:  # a backbone may be large
            if (bundle.path / name).is_file():
                self._client.log_artifact(run_id, str(bundle.path / name), _BUNDLE)

    def _register(self, bundle: Bundle, run: Any) -> None:
        from mlflow.exceptions import MlflowException

        if self._version(bundle) is not None:
            return
        name = self._settings.model_name
        try:
            self._client.get_registered_model(name)
        except MlflowException:
            self._client.create_registered_model(name)
        self._client.create_model_version(
            name,
            f"{run.info.artifact_uri}/{_BUNDLE}",
            run.info.run_id,
            {_DIGEST: bundle.digest, "model_version": bundle.model_version},
        )

    def _version(self, bundle: Bundle) -> str | None:
        found = self._client.search_model_versions(
            f"name = '{self._settings.model_name}' AND tags.{_DIGEST} = '{bundle.digest}'"
        )
        return str(found[0].version) if found else None


def figures(bundle: Bundle) -> Iterator[tuple[str, float, int]]:
    """What a bundle says of itself: name, value, step; what is not defined is left out.

    ``test/...`` and ``validation/...`` at step 0, with the ends of 95 % intervals as ``..._low``
    and ``..._high``; the curves of training under Keras' names, the epoch being the step.
    """
    training = bundle.manifest.get("training", {})
    parts = {"test": bundle.manifest.get("test"), "validation": training.get("validation")}
    for part, judged in parts.items():
        yield from _numbers(judged or {}, part)
        for row in (judged or {}).get("per_genre", []):
            # MLflow allows these characters; drum'n'bass has others.
            genre = re.sub(r"[^\w. -]", "_", row["genre"])
            yield from _numbers(row, f"{part}/{genre}")
    for name, values in training.get("history", {}).items():
        for epoch, value in enumerate(values):
            yield name, float(value), epoch


def _numbers(judged: Mapping[str, Any], part: str) -> Iterator[tuple[str, float, int]]:
    for name, figure in judged.items():
        if isinstance(figure, Mapping):
            low, high = figure["interval"]
            named = {name: figure["value"], f"{name}_low": low, f"{name}_high": high}
        else:
            named = {name: figure}
        for key, value in named.items():
            if isinstance(value, int | float) and not math.isnan(value):
                yield f"{part}/{key}", float(value), 0


def _params(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Settings, data and packages of a training, flattened."""
    training = manifest.get("training", {})
    tree = {
        "labels": ", ".join(manifest["labels"]),
        "temperature": manifest.get("temperature"),
        "epochs": training.get("epochs"),
        **training.get("recipe", {}),
        "splits": training.get("splits", {}),
        "data_versions": training.get("data_versions", {}),
        "versions": manifest.get("versions", {}),
    }
    return _flattened(tree, "")


def _flattened(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _folder(settings: Settings) -> Path:
    return Path(settings.train.bundles).resolve()


def _mlflow() -> Any:
    # MLflow reports its use to its makers unless told not to; nobody asked for that here.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # A server that is gone is given up within seconds, not minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    import mlflow

    # Says of each table that it makes it.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return mlflow
