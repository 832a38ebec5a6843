"""Results are where the Record says, or it does not say so."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.lineage import store
from tests.train.conftest import FILES, train

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Repo

pytestmark = pytest.mark.real


@pytest.fixture
def remote(pipeline: Repo, tmp_path: Path) -> Path:
    folder = tmp_path / "remote"
    folder.mkdir()
    config = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {folder}\n"
    pipeline.commit(**{".dvc/config": config})
    return folder


@pytest.fixture
def origin(pipeline: Repo, remote: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "origin.git"
    subprocess.run(["git", "init", "--bare", "-q", str(folder)], check=True)
    pipeline.git("remote", "add", "origin", str(folder))
    pipeline.git("push", "-q", "origin", "main")
    return folder


def persisted(repo: Repo) -> Any:
    path = store.newest(repo.path)
    assert path is not None
    (statement,) = store.read(path)
    return statement["predicate"]["buildDefinition"]["internalParameters"]["mlopsci_persist"]


def test_pushed_data_is_at_the_remote(pipeline: Repo, remote: Path) -> None:
    done = train(pipeline, "--persist", "push")
    assert done.code == 0, done.err
    assert persisted(pipeline) == "push"
    contents = {path.read_bytes() for path in remote.rglob("*") if path.is_file()}
    assert pipeline.path.joinpath("model.bin").read_bytes() in contents
    assert pipeline.path.joinpath("data.csv").read_bytes() in contents


def test_without_a_remote_nothing_is_trained_that_could_not_be_kept(pipeline: Repo) -> None:
    done = train(pipeline, "--persist", "push")
    assert done.code == 4
    assert "no default remote" in done.errors[0]
    assert store.newest(pipeline.path) is None


def test_what_no_stage_makes_is_not_said_to_be_pushed(repo: Repo) -> None:
    """Of a command nothing goes to DVC; its Record said `push`, and could be promoted."""
    text = "train: {command: 'echo 1 > model.bin', outputs: [model.bin]}\n"
    repo.commit(**{"mlops-ci.yaml": text, ".gitignore": "/model.bin\n"})
    done = train(repo, "--persist", "push")
    assert done.code == 4
    assert "no dvc.yaml that makes any" in done.errors[0]
    assert store.newest(repo.path) is None


def test_a_remote_of_the_user_s_own_config_takes_results(
    pipeline: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only DVC knows where that config is."""
    folder = tmp_path / "remote"
    folder.mkdir()
    config = tmp_path / "config/dvc/config"
    config.parent.mkdir(parents=True)
    config.write_text(f"[core]\n    remote = own\n['remote \"own\"']\n    url = {folder}\n")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(config.parent))
    done = train(pipeline, "--persist", "push")
    assert done.code == 0, done.err
    assert persisted(pipeline) == "push"
    contents = {path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert pipeline.path.joinpath("model.bin").read_bytes() in contents


def test_a_remote_that_takes_nothing_costs_no_training(pipeline: Repo, remote: Path) -> None:
    remote.rmdir()
    remote.write_text("no folder")
    done = train(pipeline, "--persist", "push")
    assert done.code == 4
    assert "data cannot be pushed" in done.errors[0]
    assert persisted(pipeline) == "none"


def test_results_in_git_are_committed_to_the_branch(pipeline: Repo, origin: Path) -> None:
    pipeline.write("notes.md", "mine\n")
    pipeline.git("add", "notes.md")
    done = train(pipeline, "--persist", "commit", "--on-dirty", "record")
    assert done.code == 4  # of what was not committed
    assert "notes.md" not in pipeline.git("ls-tree", "-r", "--name-only", "HEAD")
    assert store.newest(pipeline.path) is None
    pipeline.git("commit", "--quiet", "-m", "notes")
    done = train(pipeline, "--persist", "commit")
    assert done.code == 0, done.err
    assert persisted(pipeline) == "commit"
    assert pipeline.git("show", "--stat=80", "--format=%s", "--name-only", "HEAD").splitlines() == [
        "Train prepare, train",
        "",
        "dvc.lock",
        "metrics.json",
    ]
    assert (
        pipeline.git("rev-parse", "HEAD") == pipeline.git("ls-remote", "origin", "main").split()[0]
    )


def test_a_branch_that_has_moved_on_is_not_forced(
    pipeline: Repo, origin: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(origin), str(other), "-b", "main"], check=True)
    theirs = ["commit", "-q", "--allow-empty", "-m", "theirs"]
    subprocess.run(["git", "-C", str(other), *theirs], check=True)
    subprocess.run(["git", "-C", str(other), "push", "-q"], check=True)
    tip = pipeline.git("ls-remote", "origin", "main")
    done = train(pipeline, "--persist", "commit")
    assert done.code == 4
    assert "rejected" in done.errors[0]
    assert pipeline.git("ls-remote", "origin", "main") == tip
    assert persisted(pipeline) == "none"
    again = train(pipeline, "--persist", "commit")  # what is committed here is not there yet
    assert again.code == 4
    assert persisted(pipeline) == "none"
    pipeline.git("pull", "--quiet", "--rebase", "origin", "main")
    done = train(pipeline, "--persist", "commit")
    assert done.code == 0, done.err
    assert persisted(pipeline) == "commit"
    there = pipeline.git("ls-remote", "origin", "main").split()[0]
    assert there == pipeline.git("rev-parse", "HEAD")


def test_what_a_hook_has_changed_is_not_what_the_run_wrote(pipeline: Repo, origin: Path) -> None:
    hook = pipeline.path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho >> metrics.json && git add metrics.json\n")
    hook.chmod(0o755)
    before = pipeline.git("ls-remote", "origin", "main")
    done = train(pipeline, "--persist", "commit")
    assert done.code == 4
    assert "a Git hook has changed what is committed of metrics.json" in done.errors[0]
    assert persisted(pipeline) == "none"
    assert pipeline.git("ls-remote", "origin", "main") == before


def test_a_protected_branch_is_told_from_one_that_has_moved_on(
    pipeline: Repo, origin: Path
) -> None:
    hook = origin / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'error: GH006: Protected branch update failed' >&2; exit 1\n")
    hook.chmod(0o755)
    done = train(pipeline, "--persist", "commit")
    assert done.code == 4
    assert "GH006: Protected branch" in done.errors[0]
    assert "pull request" in done.err
    assert "rebase" not in done.err


def test_a_detached_head_is_no_branch(pipeline: Repo, origin: Path) -> None:
    pipeline.git("switch", "--quiet", "--detach")
    done = train(pipeline, "--persist", "commit")
    assert done.code == 4
    assert "no branch" in done.errors[0]
    assert store.newest(pipeline.path) is None


def test_what_dvc_keeps_is_not_committed_after_a_failure(pipeline: Repo, origin: Path) -> None:
    """A run that fails makes DVC take the outputs of its other stages out of .gitignore again."""
    outs = "data.csv, 'odd [x] * ü.csv', many"
    dvc_yaml = FILES["dvc.yaml"].replace("outs: [data.csv]", f"outs: [{outs}]")
    prepare = "tee data.csv 'odd [x] * ü.csv' < raw.csv; mkdir many; cp raw.csv many/\n"
    pipeline.write(".gitignore", "/raw.csv")
    pipeline.commit(**{"dvc.yaml": dvc_yaml, "prepare.sh": prepare, "train.sh": "exit 1\n"})
    assert train(pipeline).code == 1
    assert "many/raw.csv" in pipeline.git("ls-files", "--others", "--exclude-standard")
    pipeline.write("train.sh", FILES["train.sh"])
    pipeline.git("commit", "--quiet", "--message", "mend", "train.sh")
    done = train(pipeline, "--persist", "commit")
    assert done.code == 0, done.err
    committed = pipeline.git("show", "--name-only", "--format=").split()
    assert committed == [".gitignore", "dvc.lock", "metrics.json"]
    assert pipeline.git("status", "--porcelain") == ""
