"""Settings of the care of the tables."""

from __future__ import annotations

from pydantic import Field, field_validator

from covergenre.config.sections import Section


class Maintain(Section):
    """How long what is not current is kept, and how files are laid out."""

    retention_hours: int = Field(ge=24)
    history_days: int = Field(ge=1)
    target_file_bytes: int = Field(ge=1_048_576, le=1_073_741_824)
    cluster: dict[str, list[str]]
    drop_unused_inferences: bool
    drop_unused_covers: bool

    @field_validator("cluster")
    @classmethod
    def _are_columns(cls, cluster: dict[str, list[str]]) -> dict[str, list[str]]:
        for table, columns in cluster.items():
            if not columns or not all(name.isidentifier() for name in (table, *columns)):
                raise ValueError("give for each table the names of one or more of its columns")
        return cluster
