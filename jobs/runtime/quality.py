"""Whether a scoring run looks as it should, by itself and beside the run before.

What each row must be is in the tables' constraints; here are the shares and means of a whole run.
They are judged before predictions are written: a run that fails leaves what people read as it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import pandas as pd
import requests
import tenacity
from pyspark.sql import functions as F

from covergenre.config import Settings
from covergenre.config.quality import Bound, Quality
from covergenre.errors import CovergenreError
from jobs.runtime import logs
from jobs.runtime.runs import Run
from jobs.runtime.warehouse import Warehouse
from schemas import METRICS

WEBHOOK = "COVERGENRE_WEBHOOK"
"""Environment variable with the address that findings are posted to; it may hold a secret."""

Level = Literal["warn", "fail"]


class QualityError(CovergenreError):
    """A run is not what the settings expect: nothing of it is published."""

    exit_code = 8


@dataclass(frozen=True)
class Summary:
    """A scoring run in figures; shares are 0-1, None where there is nothing to take a share of.

    Attributes:
        albums: of the catalogue.
        quarantined_share, unknown_genre_share, unknown_year_share: of the albums.
        genre_shares: of the albums with a prediction, by predicted genre.
        mean_confidence: of the predictions.
        advisory_rate: of the albums with a prediction; None: nobody looked for labels.
    """

    albums: int
    quarantined_share: float | None
    unknown_genre_share: float | None
    unknown_year_share: float | None
    genre_shares: Mapping[str, float]
    mean_confidence: float | None
    advisory_rate: float | None


@dataclass(frozen=True)
class Finding:
    """An expectation that a run does not meet.

    Attributes:
        expectation: the setting's name.
        level: what the settings say becomes of it.
        value: what was found.
        text: that in words.
    """

    expectation: str
    level: Level
    value: float
    text: str


def summary(cells: pd.DataFrame) -> Summary:
    """The figures of cells as :func:`jobs.runtime.metrics.count_cells` gives them."""
    albums, scored = int(cells["albums"].sum()), int(cells["scored"].sum())
    per_genre = cells[cells["scored"] > 0].groupby("predicted_genre")["scored"].sum()
    return Summary(
        albums=albums,
        quarantined_share=_share(cells["quarantined"].sum(), albums),
        unknown_genre_share=_share(cells.loc[cells["genre"].isna(), "albums"].sum(), albums),
        unknown_year_share=_share(cells.loc[cells["release_year"].isna(), "albums"].sum(), albums),
        genre_shares={str(genre): float(n / scored) for genre, n in per_genre.items()},
        mean_confidence=_share(cells["confidence"].sum(), scored),
        advisory_rate=_share(cells["advisory"].sum(), cells["looked_for_advisory"].sum()),
    )


def before(warehouse: Warehouse) -> Summary | None:
    """The figures of the last run that is in the table metrics, of whatever model; None: none."""
    if not warehouse.exists(METRICS) or warehouse.is_new(METRICS):
        return None
    metrics = warehouse.read(METRICS)
    last = metrics.select(F.max_by("run_id", "computed_at")).scalar()
    rows = metrics.where(F.col("run_id") == last).toPandas()
    if rows.empty:
        return None
    rows["confidence"] = rows["mean_confidence"] * rows["scored"]
    rows["advisory"] = rows["advisory_rate"] * rows["scored"]
    rows["looked_for_advisory"] = rows["scored"].where(rows["advisory_rate"].notna(), 0)
    own = rows[rows["genre_basis"] == "catalogue"].assign(predicted_genre=None)
    predicted = rows[rows["genre_basis"] == "predicted"]
    shares = predicted.groupby("genre")["scored"].sum() / max(int(predicted["scored"].sum()), 1)
    figures = asdict(summary(own))
    return Summary(**{**figures, "genre_shares": {str(k): float(v) for k, v in shares.items()}})


def findings(now: Summary, last: Summary | None, settings: Quality) -> list[Finding]:
    """What is not as expected, failures first.

    Args:
        now: of the run.
        last: of the run before; None: there is none, nothing is compared.
        settings: below ``min_albums`` nothing is judged.
    """
    if now.albums < settings.min_albums:
        return []
    figures: list[tuple[str, str, float | None]] = [
        ("quarantined_share", "share of albums in quarantine", now.quarantined_share),
        ("unknown_genre_share", "share of albums of unknown genre", now.unknown_genre_share),
        ("unknown_year_share", "share of albums of unknown year", now.unknown_year_share),
        ("mean_confidence", "mean confidence", now.mean_confidence),
        ("advisory_rate", "share of albums with a label", now.advisory_rate),
    ]
    figures += [
        ("genre_share", f"share of albums that look like {genre}", share)
        for genre, share in sorted(now.genre_shares.items())
    ]
    if last is not None and last.albums >= settings.min_albums:
        figures += _drifts(now, last)
    found = [
        finding
        for name, what, value in figures
        if (finding := _judge(name, what, value, getattr(settings, name))) is not None
    ]
    return sorted(found, key=lambda finding: finding.level)


def _drifts(now: Summary, last: Summary) -> list[tuple[str, str, float | None]]:
    drift = "change since the last run of the"
    genres = sorted({*now.genre_shares, *last.genre_shares})
    return [
        ("lost_share", "share of the last run's albums that are gone",
         max(0, last.albums - now.albums) / last.albums),
        ("quarantined_drift", f"{drift} share in quarantine",
         _change(now.quarantined_share, last.quarantined_share)),
        ("confidence_drift", f"{drift} mean confidence",
         _change(now.mean_confidence, last.mean_confidence)),
        ("advisory_drift", f"{drift} share with a label",
         _change(now.advisory_rate, last.advisory_rate)),
        *(
            ("genre_drift", f"{drift} share that looks like {genre}",
             _change(now.genre_shares.get(genre, 0.0), last.genre_shares.get(genre, 0.0)))
            for genre in genres
        ),
    ]  # fmt: skip


def _change(now: float | None, last: float | None) -> float | None:
    return None if now is None or last is None else abs(now - last)


def _judge(name: str, what: str, value: float | None, bound: Bound) -> Finding | None:
    if bound.then == "ignore" or value is None:
        return None
    if bound.least is not None and value < bound.least:
        limit = f"at least {bound.least:g}"
    elif bound.most is not None and value > bound.most:
        limit = f"at most {bound.most:g}"
    else:
        return None
    text = f"{what}: {value:.4g}, expected {limit} (quality.{name})"
    return Finding(name, bound.then, value, text)


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def check(warehouse: Warehouse, cells: pd.DataFrame, run: Run, settings: Settings) -> list[Finding]:
    """Judge a run before anything of it is published: print, count, post, and fail if need be.

    Args:
        warehouse: with the metrics of the runs before.
        cells: of what would be published.
        run: its counts get ``quality_warnings`` and ``quality_failures``.
        settings: section ``quality``.

    Returns:
        the findings, all of them warnings.

    Raises:
        QualityError: one of them fails the run.
    """
    found = findings(summary(cells), before(warehouse), settings.quality)
    failures = [finding for finding in found if finding.level == "fail"]
    run.counts["quality_warnings"] = len(found) - len(failures)
    run.counts["quality_failures"] = len(failures)
    for finding in found:
        logs.warn(
            f"quality {finding.level}: {finding.text}",
            expectation=finding.expectation,
            value=finding.value,
        )
    _alert(found, warehouse, run, settings.quality)
    if failures:
        raise QualityError(
            "nothing was published: "
            + "; ".join(finding.text for finding in failures)
            + "; what the models said is kept: change what is wrong, or the bound, and run again"
        )
    return found


def _alert(found: Sequence[Finding], warehouse: Warehouse, run: Run, settings: Quality) -> None:
    levels = {"never": [], "warn": ["warn", "fail"], "fail": ["fail"]}[settings.alert_on]
    told = [finding for finding in found if finding.level in levels]
    address = os.environ.get(WEBHOOK)
    if not told or not address:
        return
    body = {
        "text": f"covergenre {run.job} of {warehouse.location}: "
        + "; ".join(f"{finding.level}: {finding.text}" for finding in told),
        "job": run.job,
        "run_id": run.run_id,
        "model_version": run.model_version,
        "warehouse": warehouse.location,
        "findings": [asdict(finding) for finding in told],
    }
    post(address, body, settings)


def post(address: str, body: Mapping[str, Any], settings: Quality) -> bool:
    """Post JSON, again where the receiver is busy or away; returns whether it took it.

    An alert that cannot be told never fails a run: a warning says so, without the address, which
    may hold a secret.
    """
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(settings.webhook_attempts),
        wait=tenacity.wait_exponential_jitter(multiplier=0.2, max=10),
        retry=tenacity.retry_if_exception(_may_pass),
        reraise=True,
    )
    try:
        attempts(_post, address, json.dumps(body), settings.webhook_timeout_seconds)
    except (requests.RequestException, ValueError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        why = f"answered {status}" if status else type(error).__name__
        logs.warn(f"the webhook at {_host(address)} was not told: {why}")
        return False
    return True


def _post(address: str, body: str, timeout: float) -> None:
    answer = requests.post(
        address, data=body, headers={"Content-Type": "application/json"}, timeout=timeout
    )
    answer.raise_for_status()


def _may_pass(error: BaseException) -> bool:
    """Whether the same may be taken later: not what the receiver calls wrong."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, (requests.ConnectionError, requests.Timeout))


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or WEBHOOK
    except ValueError:
        return WEBHOOK
