"""Workflows that users copy: what act does not look at, read from the files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOWS = sorted((Path(__file__).parents[2] / "templates/workflows").glob("*.yml"))
PINNED = re.compile(r"(?:- )?uses: actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
OWN = re.compile(r"uses: mlops-ci/mlops-ci(?:/actions/[a-z]+)?@v\d+\.\d+\.\d+ # zizmor: ignore")

pytestmark = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def load(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def test_rights_are_asked_for_one_by_one_each_with_its_reason(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert all(job["permissions"] for job in workflow["jobs"].values())
    text = path.read_text(encoding="utf-8")
    grants = re.findall(r"^ {6}[a-z-]+: (?:read|write)\b.*$", text, re.MULTILINE)
    assert len(grants) == sum(len(job["permissions"]) for job in workflow["jobs"].values())
    assert all(" # " in grant for grant in grants)


def test_runs_are_ordered_and_end(path: Path) -> None:
    workflow = load(path)
    assert {"group", "cancel-in-progress"} == workflow["concurrency"].keys()
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_no_workflow_waits_for_another(path: Path) -> None:
    """Least of all a rollback for a promotion; nor does the next one cancel it, as it does what is pending."""
    groups = [load(one)["concurrency"]["group"] for one in WORKFLOWS]
    assert groups.count(load(path)["concurrency"]["group"]) == 1


def test_checkouts_keep_no_credentials(path: Path) -> None:
    for job in load(path)["jobs"].values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_what_is_others_is_pinned_to_a_commit(path: Path) -> None:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    used = [line for line in lines if re.match(r"(- )?uses:", line)]
    assert used
    assert not [line for line in used if not PINNED.search(line) and not OWN.search(line)]


def test_it_says_where_it_goes(path: Path) -> None:
    head = path.read_text(encoding="utf-8").partition("\nname:")[0]
    assert "Copy " in head
    assert ".github/workflows/" in head
