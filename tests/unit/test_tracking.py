"""What is noted in MLflow: in a real SQLite store, on a real tracking server, and without one."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from covergenre import config
from covergenre.backbones import resolve
from covergenre.bundle import Bundle, open_bundle, write_bundle
from covergenre.classifier import Head
from covergenre.errors import SettingError
from jobs.promote import promote
from jobs.runtime import tracking
from tests.conftest import ROOT

LABELS = ["drum'n'bass", "polka"]
MANIFEST = {
    "temperature": 1.5,
    "test": {
        "covers": 300,
        "accuracy": {"value": 0.75, "interval": [0.5, 0.875]},
        "macro_auc": {"value": 0.9, "interval": [0.8, 0.95]},
        "ece_debiased": {"value": 0.01, "interval": [0.0, 0.03]},
        "nll": {"value": float("nan"), "interval": [float("nan")] * 2},
        "per_genre": [
            {"genre": "drum'n'bass", "covers": 4, "recall": {"value": 0.25, "interval": [0, 0.5]}}
        ],
        "confusion": [[1, 3], [0, 4]],
    },
    "training": {
        "recipe": {"recipe": "finetuned", "finetuning": {"epochs": 3, "frozen_until": None}},
        # More than MLflow takes at once.
        "splits": {"test_fold": 0, **{f"other_{n}": n for n in range(120)}},
        "data_versions": {"covers": 17},
        "validation": {"accuracy": {"value": 0.5, "interval": [0.25, 0.625]}},
        "epochs": 3,
        "history": {"val_loss": [1.5, 1.25, 1.0], "loss": [0.5] * 1200},
    },
    "versions": {"keras": "3.15.1"},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    head = Head({"logits.kernel": np.zeros((1280, 2), np.float32),
                 "logits.bias": np.zeros(2, np.float32)})  # fmt: skip
    files = {"MODEL_CARD.md": b"# small\n", "held_out.parquet": bytes(pd.DataFrame().to_parquet())}
    path = tmp_path_factory.mktemp("made") / "small"
    backbone = resolve("efficientnet_lite2", input_size=64)
    return write_bundle(path, "small", LABELS, backbone, head, MANIFEST, files)


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., config.Settings]:
    def make(**changes: Any) -> config.Settings:
        given = [f"tracking.{key}={value}" for key, value in changes.items()]
        # A space in the path, as on many a desk.
        return config.load(assignments=[f"train.bundles={tmp_path / 'my models'}", *given])

    return make


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's own tracking server with its registry and artifacts: its address."""
    from mlflow.server import constants

    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv(constants.BACKEND_STORE_URI_ENV_VAR, f"sqlite:///{folder}/server.db")
        patch.setenv(constants.ARTIFACT_ROOT_ENV_VAR, "mlflow-artifacts:/")
        patch.setenv(constants.ARTIFACTS_DESTINATION_ENV_VAR, str(folder / "artifacts"))
        patch.setenv(constants.SERVE_ARTIFACTS_ENV_VAR, "true")
        from mlflow.server import app
        from werkzeug.serving import make_server

        serving = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.port}"
        serving.shutdown()
        thread.join()


def client(settings: config.Settings) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking.uri(settings))


def the_run(settings: config.Settings) -> Any:
    """The one run that there is."""
    found = client(settings)
    experiment = found.get_experiment_by_name(settings.tracking.experiment)
    (run,) = found.search_runs([experiment.experiment_id])
    return run


def assert_noted(bundle: Bundle, settings: config.Settings) -> None:
    run = the_run(settings)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == bundle.model_version
    assert run.data.tags["digest"] == bundle.digest
    assert run.data.tags["run_id"] == "r1"
    params = run.data.params
    assert params["finetuning.epochs"] == "3"
    assert params["data_versions.covers"] == "17"
    assert params["splits.test_fold"] == "0"
    assert params["versions.keras"] == "3.15.1"
    assert params["labels"] == "drum'n'bass, polka"
    metrics = run.data.metrics
    assert metrics["test/accuracy"] == 0.75
    assert metrics["test/accuracy_low"] == 0.5
    assert metrics["test/accuracy_high"] == 0.875
    assert metrics["validation/accuracy"] == 0.5
    assert metrics["test/drum_n_bass/recall"] == 0.25
    assert "test/nll" not in metrics  # not defined
    last = client(settings).get_metric_history(run.info.run_id, "loss")[-1]
    assert (last.step, last.value) == (1199, 0.5)
    assert params["splits.other_119"] == "119"
    curve = client(settings).get_metric_history(run.info.run_id, "val_loss")
    assert [(point.step, point.value) for point in curve] == [(0, 1.5), (1, 1.25), (2, 1.0)]


def artifacts(settings: config.Settings) -> set[str]:
    run_id = the_run(settings).info.run_id
    return {Path(f.path).name for f in client(settings).list_artifacts(run_id, "bundle")}


def fetched(settings: config.Settings, folder: Path) -> Bundle:
    """The current version of the registered model, downloaded."""
    import mlflow

    mlflow.set_tracking_uri(tracking.uri(settings))
    model = f"models:/{settings.tracking.model_name}@current"
    return open_bundle(Path(mlflow.artifacts.download_artifacts(model, dst_path=str(folder))))


def test_a_training_is_noted_beside_the_bundles(
    bundle: Bundle, make_settings: Callable[..., config.Settings]
) -> None:
    settings = make_settings()
    assert tracking.note(bundle, settings, {"run_id": "r1"})
    assert_noted(bundle, settings)
    assert artifacts(settings) == {"MODEL_CARD.md", "manifest.json", "held_out.parquet"}
    assert (Path(settings.train.bundles) / "mlflow.db").is_file()
    assert client(settings).search_registered_models() == []


def test_a_bundle_is_registered_once_and_promoted(
    bundle: Bundle, make_settings: Callable[..., config.Settings], tmp_path: Path
) -> None:
    settings = make_settings(register_bundles="true", model_name="covers")
    for _ in range(2):
        assert tracking.note(bundle, settings, {})
    (version,) = client(settings).search_model_versions("name = 'covers'")
    assert version.tags == {"digest": bundle.digest, "model_version": bundle.model_version}
    assert promote(bundle, settings).accepted
    assert fetched(settings, tmp_path / "fetched").digest == bundle.digest


def test_promotion_registers_what_was_not(
    bundle: Bundle, make_settings: Callable[..., config.Settings], tmp_path: Path
) -> None:
    settings = make_settings(register_bundles="true")
    assert promote(bundle, settings).accepted
    assert fetched(settings, tmp_path / "fetched").digest == bundle.digest


def test_a_tracking_server(
    bundle: Bundle, make_settings: Callable[..., config.Settings], server: str, tmp_path: Path
) -> None:
    settings = make_settings(uri=server, register_bundles="true")
    assert tracking.note(bundle, settings, {"run_id": "r1"})
    assert_noted(bundle, settings)
    assert tracking.note_current(bundle, settings)
    assert fetched(settings, tmp_path / "fetched").digest == bundle.digest
    assert not Path(settings.train.bundles).exists()  # nothing is kept here


def test_a_server_that_is_gone_is_one_warning(
    bundle: Bundle,
    make_settings: Callable[..., config.Settings],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    # Port 9 discards, where anything listens at all.
    assert not tracking.note(bundle, make_settings(uri="http://127.0.0.1:9"), {})
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: not noted in MLflow at http://127.0.0.1:9: ")
    assert line.endswith("the bundle is not affected")


def test_a_store_that_breaks_half_way_is_a_warning(
    bundle: Bundle,
    make_settings: Callable[..., config.Settings],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from mlflow import MlflowClient

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MlflowClient, "log_artifact", full)
    settings = make_settings()
    assert not tracking.note(bundle, settings, {})
    assert "No space left on device; the bundle is not affected" in capfd.readouterr().err
    assert the_run(settings).info.status == "FAILED"


def test_disabled_notes_nothing(
    bundle: Bundle, make_settings: Callable[..., config.Settings]
) -> None:
    settings = make_settings(enabled="false", register_bundles="true")
    assert not tracking.note(bundle, settings, {})
    assert promote(bundle, settings).accepted
    assert not (Path(settings.train.bundles) / "mlflow.db").exists()


@pytest.mark.parametrize("uri", ["localhost:5000", "file:///tmp/mlruns", "ftp://host", "sqlite://"])
def test_an_address_that_is_none_is_told_before_training(uri: str) -> None:
    with pytest.raises(SettingError, match=r"tracking\.uri: .*name a tracking server"):
        config.load(assignments=[f"tracking.uri={uri}"])


@pytest.mark.parametrize("scheme", ["https", "postgresql"])
def test_passwords_stay_out_of_the_settings(scheme: str) -> None:
    with pytest.raises(SettingError, match="leave the password to the environment"):
        config.load(assignments=[f"tracking.uri={scheme}://me:secret@host/mlflow"])


def test_jobs_start_without_mlflow_and_sqlite_needs_no_network(
    bundle: Bundle, tmp_path: Path
) -> None:
    script = """
import json, socket, sys
import jobs.promote, jobs.score, jobs.train
early = "mlflow" in sys.modules
asked = []
socket.socket.connect = lambda self, address: asked.append(address)
socket.getaddrinfo = lambda *given, **more: asked.append(given)
from pathlib import Path
from covergenre import bundle, config
settings = config.load(assignments=["train.bundles=here"])
noted = jobs.train.tracking.note(bundle.open_bundle(Path(sys.argv[1])), settings, {})
print(json.dumps([early, noted, [str(a) for a in asked]]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::FutureWarning", "-c", script, str(bundle.path)],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [False, True, []]
    assert done.stderr == ""
