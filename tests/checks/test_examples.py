"""A folder of files that each check lets through, and one that it stops.

Where a check compares what is staged with what is not, `unstaged` holds the files on disk, for both.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.checks import catalog
from mlops_ci.checks.hook import run

EXAMPLES = Path(__file__).with_name("examples")
FOLDERS = sorted([*EXAMPLES.glob("*/good"), *EXAMPLES.glob("*/bad")])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_example(folder: Path, repo: Any, monkeypatch: Any, capsys: Any) -> None:
    shutil.copytree(folder, repo.path, dirs_exist_ok=True)
    repo.git("add", "--all")
    if (unstaged := folder.with_name("unstaged")).is_dir():
        # Not with the old times: by those and an equal size, Git takes a file for unchanged.
        shutil.copytree(unstaged, repo.path, dirs_exist_ok=True, copy_function=shutil.copyfile)
    monkeypatch.chdir(repo.path)
    assert run(folder.parent.name, []) == (1 if folder.name == "bad" else 0)
    shown = capsys.readouterr()
    assert bool(shown.out) == (folder.name == "bad")
    assert not shown.err


def test_every_check_on_commit_has_both() -> None:
    wanted = {one.id for one in catalog.CATALOG if one.on_commit}
    for name in ("good", "bad"):
        assert {path.parent.name for path in FOLDERS if path.name == name} == wanted
