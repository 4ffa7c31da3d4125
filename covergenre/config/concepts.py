"""The settings of concepts: who says what is on covers, and at what cost."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from covergenre.config.sections import Section, Side

_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]


class Local(Section):
    """Networks on this machine."""

    file: str | None
    labels: str | None
    input_size: Side | None
    preprocessing: Literal["auto", "lite", "tf", "caffe", "torch", "none"]
    output: Literal["auto", "probabilities", "logits"]
    min_score: float = Field(gt=0, le=1)
    max_concepts: int = Field(ge=1, le=1000)
    batch_size: int = Field(ge=1)


class Clarifai(Section):
    """Clarifai's API. Upper bounds are the API's own limits."""

    endpoint: str
    insecure: bool
    user: _Id
    app: _Id
    model: _Id
    version: _Id | None
    max_concepts: int = Field(ge=1, le=200)
    min_score: float = Field(ge=0, le=1)
    batch_size: int = Field(ge=1, le=128)
    max_request_bytes: int = Field(ge=1024, le=128_000_000)
    max_image_bytes: int = Field(ge=1024, le=20_000_000)
    max_image_pixels: int = Field(ge=1024, le=85_000_000)
    timeout_seconds: float = Field(gt=0)
    attempts: int = Field(ge=1, le=20)
    retry_seconds: float = Field(gt=0)
    max_retry_seconds: float = Field(gt=0)
    max_requests: int | None = Field(ge=1)
    max_images: int | None = Field(ge=1)

    @property
    def model_path(self) -> str:
        """User, application, model and version."""
        return f"{self.user}/{self.app}/{self.model}@{self.version or 'newest'}"

    @property
    def tagger(self) -> str:
        """Name of the tagger: all that changes what it says of a cover."""
        return f"clarifai:{self.model_path}?most={self.max_concepts}&least={self.min_score:g}"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the endpoint."""
        parts = _split(self.endpoint)
        return parts.hostname or "", parts.port or 443

    @field_validator("endpoint")
    @classmethod
    def _is_host(cls, endpoint: str) -> str:
        parts = _split(endpoint)
        if not parts.hostname or parts.netloc != endpoint or "@" in endpoint:
            raise ValueError("must be host or host:port, without https://")
        return endpoint

    @model_validator(mode="after")
    def _secret(self) -> Clarifai:
        # Without TLS anyone on the way reads the token.
        if self.insecure and not _is_loopback(self.address[0]):
            raise ValueError("insecure is for an endpoint on this machine (127.0.0.1, localhost)")
        if self.max_image_bytes > self.max_request_bytes:
            raise ValueError("max_image_bytes must not be above max_request_bytes")
        return self


class Concepts(Section):
    """Concepts on covers."""

    min_share: float = Field(ge=0, le=1)
    false_discovery_rate: float = Field(gt=0, lt=1)
    local: Local
    clarifai: Clarifai
    tagger: Literal["imagenet", "file", "clarifai", "none"]

    @field_validator("tagger")
    @classmethod
    def _has_its_file(cls, tagger: str, info: ValidationInfo) -> str:
        local = info.data.get("local")
        if tagger == "file" and local and not (local.file and local.labels):
            raise ValueError("file needs concepts.local.file and concepts.local.labels")
        return tagger

    @property
    def tagger_is_local(self) -> bool:
        """Whether the tagger is a model that workers load, no service."""
        return self.tagger in ("imagenet", "file")


def _split(endpoint: str) -> SplitResult:
    parts = urlsplit(f"//{endpoint}")
    _ = parts.port  # raises ValueError where it is no number
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
