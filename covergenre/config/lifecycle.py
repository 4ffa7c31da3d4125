"""Settings of what becomes of a trained bundle: where it is noted, and whether it may be used."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from covergenre.config.sections import Section

# Databases may name a driver: postgresql+psycopg2://...
_SERVERS = r"https?://.+|databricks(://.*)?"
_DATABASES = r"(sqlite|postgresql|mysql|mssql)(\+\w+)?://.+"


class Tracking(Section):
    """The experiments in MLflow."""

    enabled: bool
    uri: str | None
    experiment: str = Field(min_length=1)
    register_bundles: bool
    model_name: str = Field(min_length=1, pattern=r"^[\w .-]+$")

    @field_validator("uri")
    @classmethod
    def _is_tracking_server(cls, uri: str | None) -> str | None:
        if uri is not None and not re.fullmatch(f"{_SERVERS}|{_DATABASES}", uri):
            raise ValueError(
                "name a tracking server (http://..., https://..., databricks) or a database "
                "(sqlite:///FILE, postgresql://..., mysql://..., mssql://...)"
            )
        if uri is not None and re.search(r"//[^/@]*:[^/@]*@", uri):
            # Settings are kept in the table runs.
            raise ValueError(
                "leave the password to the environment: MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD for a server, PGPASSWORD for PostgreSQL"
            )
        return uri

    @property
    def served(self) -> bool:
        """Whether a server keeps the artifacts, too."""
        return self.uri is not None and re.fullmatch(_SERVERS, self.uri) is not None


class Promotion(Section):
    """What a bundle must reach on its held-out covers to become the current one."""

    min_covers: int = Field(ge=1)
    min_accuracy: float | None = Field(ge=0, le=1)
    min_macro_auc: float | None = Field(ge=0, le=1)
    max_ece: float | None = Field(ge=0, le=1)
    not_worse_than_current: bool
