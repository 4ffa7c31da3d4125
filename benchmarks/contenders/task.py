"""What a contender is given, and how it tells what it does. Standard library only."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """One run of one contender.

    Attributes:
        precision: ``f32``, ``bf16``, ...; ``tensorflow`` for TensorFlow, which is always f32.
        bundle: folder of the model bundle.
        parquet: folder of Parquet files with ``cover_id`` and ``content``.
        warehouse: the same covers as a warehouse of the project; it is written to.
        warm_up: a warehouse with other covers, scored before; it is written to.
        converted: folder of the bundle's networks in OpenVINO's format.
        images: covers in ``parquet``.
        batch_size: covers a call of an OpenVINO network, or ``auto``.
        cores: cores to use.
        seconds: how long the engine and the decoder are each measured.
        scratch: folder of this run alone.
    """

    precision: str
    bundle: str
    parquet: str
    warehouse: str
    warm_up: str
    converted: str
    images: int
    batch_size: str | int
    cores: int
    seconds: float
    scratch: str

    @property
    def output(self) -> str:
        """Folder for predictions; not there yet."""
        return str(Path(self.scratch) / "predictions")

    @property
    def stamps(self) -> Path:
        """Folder of the stamps."""
        return Path(self.scratch) / "stamps"

    @property
    def report(self) -> Path:
        """File for what the contender found out itself."""
        return Path(self.scratch) / "report.json"

    def stamp(self, images: int) -> None:
        """Note that a batch is finished, in whatever process and thread; costs microseconds."""
        file = self.stamps / f"{os.getpid()}-{threading.get_ident()}"
        with file.open("a", encoding="ascii") as lines:
            lines.write(f"{time.time()!r} {images}\n")

    def stamped(self) -> list[tuple[float, int, str]]:
        """Time (Unix, seconds), covers, and process and thread of each finished batch, in order."""
        return sorted(
            (float(when), int(images), file.name)
            for file in self.stamps.iterdir()
            for when, images in (line.split() for line in file.read_text("ascii").splitlines())
        )

    def write(self, path: Path) -> None:
        """Write it for :meth:`read`."""
        path.write_text(json.dumps(asdict(self)), "utf-8")

    @classmethod
    def read(cls, path: Path) -> Task:
        """The inverse of :meth:`write`."""
        return cls(**json.loads(path.read_text("utf-8")))
