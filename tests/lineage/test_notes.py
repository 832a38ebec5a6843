"""Records in Git notes: added and never lost, whoever writes at the same time, in whichever clone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.errors import ToolError, UnreadableError
from mlops_ci.git import Repository
from mlops_ci.lineage import notes
from mlops_ci.lineage.statement import STATEMENT, encode
from tests.conftest import Repo

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


def statement(number: int) -> dict[str, Any]:
    subject = [{"name": f"model-{number}", "digest": {"sha256": "0" * 64}}]
    return {"_type": STATEMENT, "predicateType": "x", "predicate": {}, "subject": subject}


def names(repo: Repo, commit: str) -> list[str]:
    found = notes.read(Repository.discover(repo.path), commit)
    return sorted(one["subject"][0]["name"] for one in found)


def add(repo: Repo, commit: str, *numbers: int) -> bool:
    return notes.add(Repository.discover(repo.path), commit, [statement(one) for one in numbers])


def cloned(repo: Repo, path: Path) -> Repo:
    repo.git("clone", "--quiet", str(repo.path), str(path))
    return Repo(path)


def test_a_note_is_read_back(repo: Repo) -> None:
    commit = repo.commit()
    assert names(repo, commit) == []
    assert add(repo, commit, 1)
    assert names(repo, commit) == ["model-1"]


def test_lines_are_added_once_and_others_stay(repo: Repo) -> None:
    commit = repo.commit()
    add(repo, commit, 1)
    tip = repo.git("rev-parse", notes.REF)
    assert not add(repo, commit, 1)
    assert repo.git("rev-parse", notes.REF) == tip
    add(repo, commit, 2, 1)
    assert names(repo, commit) == ["model-1", "model-2"]


def test_writers_at_once_lose_nothing(repo: Repo) -> None:
    commit = repo.commit()
    writers = [threading.Thread(target=add, args=(repo, commit, number)) for number in range(4)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert names(repo, commit) == [f"model-{number}" for number in range(4)]


def test_two_clones_join_their_notes(repo: Repo, tmp_path: Path) -> None:
    commit = repo.commit()
    repo.git("config", "receive.denyCurrentBranch", "ignore")
    one, other = (cloned(repo, tmp_path / name) for name in ("one", "other"))
    for number, clone in enumerate((one, other)):
        add(clone, commit, number)
        notes.push(Repository.discover(clone.path), "origin")
        notes.push(Repository.discover(clone.path), "origin")
    assert names(other, commit) == names(repo, commit) == ["model-0", "model-1"]


def test_a_note_needs_nobodys_name(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = repo.commit()
    repo.git("config", "user.useConfigOnly", "true")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    assert add(repo, commit, 1)


def test_what_cannot_be_done_is_said(repo: Repo) -> None:
    commit = repo.commit()
    with pytest.raises(ToolError, match="0000000 is not in this clone"):
        add(repo, "0" * 40, 1)
    add(repo, commit, 1)
    with pytest.raises(
        ToolError, match="nowhere does not take the notes: fatal: 'nowhere' does not appear to be"
    ):
        notes.push(Repository.discover(repo.path), "nowhere")
    repo.git("notes", f"--ref={notes.REF}", "add", "-f", "-m", "hello", commit)
    with pytest.raises(UnreadableError, match="the note of"):
        names(repo, commit)
    assert encode(statement(1)).isascii()
