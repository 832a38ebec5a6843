"""A folder of files that each check lets through, and one that it stops."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.checks.hook import run

EXAMPLES = Path(__file__).with_name("examples")
FOLDERS = sorted(EXAMPLES.glob("*/*"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_example(folder: Path, repo: Any, monkeypatch: Any, capsys: Any) -> None:
    shutil.copytree(folder, repo.path, dirs_exist_ok=True)
    repo.git("add", "--all")
    monkeypatch.chdir(repo.path)
    assert run(folder.parent.name, []) == (1 if folder.name == "bad" else 0)
    shown = capsys.readouterr()
    assert bool(shown.out) == (folder.name == "bad")
    assert not shown.err


def test_every_check_has_both() -> None:
    assert {path.name for path in FOLDERS} == {"good", "bad"}
    assert len(FOLDERS) == 2 * len({path.parent for path in FOLDERS})
