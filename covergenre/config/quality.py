"""Settings of what a scoring run is expected to look like."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from covergenre.config.sections import Section


class Bound(Section):
    """What is expected of a figure, and what becomes of a run whose figure is outside."""

    least: float | None = Field(ge=0)
    most: float | None = Field(ge=0)
    then: Literal["ignore", "warn", "fail"]

    @model_validator(mode="after")
    def _is_range(self) -> Bound:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("least is more than most")
        return self


class Quality(Section):
    """Expectations of a scoring run, by itself and against the run before."""

    min_albums: int = Field(ge=1)
    quarantined_share: Bound
    unknown_genre_share: Bound
    unknown_year_share: Bound
    genre_share: Bound
    mean_confidence: Bound
    advisory_rate: Bound
    lost_share: Bound
    quarantined_drift: Bound
    genre_drift: Bound
    confidence_drift: Bound
    advisory_drift: Bound
    alert_on: Literal["never", "warn", "fail"]
    webhook_timeout_seconds: float = Field(gt=0, le=60)
    webhook_attempts: int = Field(ge=1, le=10)
