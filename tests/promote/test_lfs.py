"""A model in Git LFS: a clone has the objects of the commit that is checked out, and of no other."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.errors import UnreadableError
from mlops_ci.git.tree import CommitTree
from mlops_ci.promote import artifacts
from tests.lineage import project
from tests.promote.conftest import record
from tests.promote.test_promote import ask

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = pytest.mark.real


def promote_two_of_git(released: Repo, cli: Any) -> None:
    """v2.0.0, then v2.1.0, whose model is in Git and not in DVC's cache."""
    pipeline = (released.path / "dvc.yaml").read_text()
    released.write("dvc.yaml", pipeline.replace("[model.bin]", "[model.bin: {cache: false}]"))
    ignored = (released.path / ".gitignore").read_text()
    released.write(".gitignore", ignored.replace("/model.bin\n", ""))
    for number, version in enumerate(("v2.0.0", "v2.1.0"), 1):
        released.write("params.yaml", f"lr: 0.{number + 2}\nseed: {number}\n")
        project.dvc(released.path, "repro")
        released.commit(version)
        record(released)
        released.git("tag", "-a", "-m", version, f"churn@{version}")
        released.git("push", "-q", "origin", "main", "--tags", "refs/notes/*:refs/notes/*")
        assert cli("promote", ask(released, version, number))[0] == 0


@pytest.fixture
def clone(released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Without the object of v2.0.0, which v2.1.0 has followed; the current folder. Git knows no filters here."""
    released.git("lfs", "install", "--local")
    released.git("remote", "set-url", "origin", str((released.path / "../origin.git").resolve()))
    released.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    promote_two_of_git(released, cli)
    released.git("clone", "-q", "../origin.git", "../clone")
    monkeypatch.chdir(released.path.parent / "clone")
    assert Path("model.bin").stat().st_size > 100
    assert Path("model.bin").read_bytes().startswith(b"version https://git-lfs")
    return Path.cwd()


def test_a_rollback_gets_the_object_and_prints_what_brings_it_back(clone: Path, cli: Any) -> None:
    code, out, err = cli("rollback", "churn", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    subprocess.run(["git", "lfs", "install", "--local"], check=True, capture_output=True)
    subprocess.run(found["restore"]["data"], shell=True, check=True, capture_output=True)
    assert Path("model.bin").read_bytes().startswith(b"1,2")


def test_an_object_that_is_gone_or_changed_moves_nothing(clone: Path, cli: Any) -> None:
    pointer = subprocess.check_output(["git", "show", "churn@v2.0.0:model.bin"]).decode()
    oid = pointer.partition("sha256:")[2][:64]
    stored = f"lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}"
    (clone.parent / "origin.git" / stored).unlink()
    code, _, err = cli("rollback", "churn")
    assert code == 3
    assert "model.bin at " in err
    assert "is in Git LFS and cannot be had" in err
    here = clone / ".git" / stored
    here.parent.mkdir(parents=True, exist_ok=True)
    here.write_bytes(b"evil")
    code, _, err = cli("rollback", "churn")
    assert (code, "is not what its Git LFS pointer says" in err) == (1, True)
    assert json.loads(cli("status", "--json")[1])["models"][0]["stages"][0]["version"] == "v2.1.0"


def test_a_drill_restores_it_and_misses_it(clone: Path, cli: Any) -> None:
    code, out, _ = cli("drill", "churn#prod")
    assert code == 0, out
    shutil.rmtree(clone.parent / "origin.git/lfs")
    shutil.rmtree(clone / ".git/lfs", ignore_errors=True)
    code, out, _ = cli("drill", "churn#prod")
    assert (code, "what is in Git LFS cannot be had" in out) == (1, True)


def test_a_model_of_any_size_in_git_is_hashed_as_it_is(
    released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over what is read of a text at most; a pointer of Git LFS is far below that."""
    promote_two_of_git(released, cli)
    real = CommitTree.read

    def read(tree: CommitTree, path: str) -> bytes | None:
        if path == "model.bin":
            raise UnreadableError("more than the limit")
        return real(tree, path)

    monkeypatch.setattr(artifacts, "MAX_BYTES", 10)
    monkeypatch.setattr(CommitTree, "read", read)
    code, out, _ = cli("rollback", "churn")
    assert (code, out.partition(":")[0]) == (0, "churn#prod v2.0.0")
