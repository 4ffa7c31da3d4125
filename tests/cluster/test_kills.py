"""Runs that are killed one after the other end where an undisturbed one does."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster import delta_files
from tests.cluster.comparing import differences
from tests.cluster.kills import Plan, strike
from tests.cluster.nights import score, undisturbed
from tests.cluster.reading import Reader, known
from tests.cluster.standalone import Cluster

COVERS = 30
PLANS = (
    Plan(1, "fresh", "driver's Java", phase="step 2"),
    Plan(2, "fresh", "driver's Python", phase="publishing"),
    Plan(3, "fresh", "executor"),
)


def test_after_three_kills_all_is_as_if_there_had_been_none(
    cluster: Cluster, tmp_path: Path
) -> None:
    nights = undisturbed(cluster, tmp_path, COVERS, ["fresh"], steps=2)
    after, output = nights.starts["fresh"].after, tmp_path / "killed"
    with Reader(output, known(after)) as reader:
        struck = [strike(cluster, nights, plan, output) for plan in PLANS]
        codes = [one.codes[0] for one in struck]
        assert all(one.phase for one in struck) and 0 not in codes[:2], struck
        # Most often the run goes on without an executor.
        if codes[2] != 0:
            score(cluster, nights, output)
    assert reader.problems == []
    assert reader.looks > 0
    assert differences(after, output) == []
    runs = delta_files.rows(output / "runs").sort_values("started_at")
    told = list(runs["outcome"])
    assert (told[:2], told[-1]) == (["killed", "killed"], "succeeded")
    _lose_a_file(output / "inferences")
    assert any(line.startswith("inferences: lost ") for line in differences(after, output))


def _lose_a_file(table: Path) -> None:
    """What a commit that came between would do."""
    state = delta_files.state(table)
    removed = json.dumps({"remove": {"path": state.files[0].name}})
    (table / f"_delta_log/{state.version + 1:020d}.json").write_text(removed)
