"""The documents: links lead somewhere, and what they name is there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy.cli import verbs
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page: page.read_text("utf-8") for page in PAGES}


def test_the_site_is_made_and_no_link_leads_nowhere(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {page.stem for page in (tmp_path / "site").glob("*.html")} - {"404"}
    assert pages == {page.stem for page in (ROOT / "docs").glob("*.md")}
    # It opens without a network.
    for page in (tmp_path / "site").glob("*.html"):
        assert not re.search(
            r"<(?:script|link|img)[^>]*(?:src|href)=\"(?:https?:)?//", page.read_text()
        )


@pytest.mark.parametrize("page", PAGES[:2], ids=lambda page: page.name)
def test_links_of_pages_beside_the_site_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT[page]):
        assert "://" in target or (page.parent / target).exists(), target


def test_every_job_has_its_section() -> None:
    told = re.findall(r"^## (\w+)$", TEXT[ROOT / "docs/jobs.md"], re.M)
    assert sorted(told) == sorted(verbs())


def shown() -> Iterator[tuple[Path, str]]:
    """Blocks of commands."""
    for page, text in TEXT.items():
        for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S):
            yield page, block


def test_commands_that_are_shown_exist() -> None:
    targets = set(re.findall(r"^([a-z_]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    found = 0
    for page, block in shown():
        for target in re.findall(r"^make ([a-z_]+)", block, re.M):
            assert target in targets, (page.name, target)
            found += 1
        for job in re.findall(r"jobs/(\w+)\.py", block):
            assert job in verbs(), (page.name, job)
    assert found > 40


def test_settings_that_are_named_exist() -> None:
    base = yaml.safe_load((ROOT / "conf/base.yaml").read_text("utf-8"))
    found = 0
    for page, text in TEXT.items():
        for name in re.findall(r"(?:`|--set )([a-z_]+(?:\.[a-z0-9_]+)+)(?:=[^` ]*)?", text):
            section, *path = name.split(".")
            if section not in base or path[-1] in ("py", "md", "json", "safetensors"):
                continue
            value = base[section]
            for part in path:
                assert isinstance(value, dict) and part in value, (page.name, name)
                value = value[part]
            found += 1
    assert found > 100
