"""The cluster and the catalogue that these tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scraping.procedural import generate_catalogue
from tests.cluster.standalone import Cluster, running

ALBUMS, BROKEN = 40, 3


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and two workers of one core each, as processes."""
    with running(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawn covers."""
    folder = tmp_path_factory.mktemp("catalogue") / "covers"
    generate_catalogue(folder, albums=ALBUMS, broken=BROKEN)
    return folder
