"""A repository that trained three models with DVC, with their Records in its notes, and a remote of its own."""

from __future__ import annotations

import functools
import shutil
from typing import TYPE_CHECKING

import pytest

from mlops_ci.cli import run as run_cli
from mlops_ci.git import Repository
from mlops_ci.github import client
from mlops_ci.lineage import notes
from mlops_ci.lineage.collect import collect
from mlops_ci.promote import hub as promote_hub
from tests.conftest import Repo
from tests.github.api.server import serving
from tests.lineage import project
from tests.promote.memory import registry, trap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.github.api.server import Api

# Fixtures of these modules are for the tests beside this one.
__all__ = ["registry", "trap"]

GATES = "gates:\n- {id: accuracy, metric: accuracy, change: {max_regression: 0.01}, threshold: {min: 0.5}}\n"


@pytest.fixture(scope="session")
def _released(tmp_path_factory: pytest.TempPathFactory, _environment: None) -> Path:
    """v1.0.0, a better v1.1.0 and a worse v1.2.0 of `churn`, one commit each."""
    root = tmp_path_factory.mktemp("released")
    made = Repo(root / "repo")
    made.path.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("config", "user.name", "Test")
    made.git("config", "user.email", "test@example.com")
    made.write("mlops-ci.yaml", GATES)
    project.make(made)
    record(made)
    made.git("tag", "-a", "-m", "first", "churn@v1.0.0")
    for version, rate in (("v1.1.0", "0.2"), ("v1.2.0", "0.15")):
        made.write("params.yaml", f"lr: {rate}\nseed: 7{version[3]}\n")
        project.dvc(made.path, "repro")
        project.dvc(made.path, "push")
        made.commit(f"train {version}")
        record(made)
        made.git("tag", "-a", "-m", version, f"churn@{version}")
    made.git("clone", "--quiet", "--bare", "--mirror", ".", "../origin.git")
    made.git("remote", "add", "origin", "../origin.git")
    return root


def record(made: Repo) -> None:
    statements = collect(made.path, project.run_of(made))
    notes.add(Repository.discover(made.path), made.git("rev-parse", "HEAD"), statements)


@pytest.fixture
def released(tmp_path: Path, _released: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A work tree of its own, `origin` beside it; the current folder."""
    shutil.copytree(_released, tmp_path, symlinks=True, dirs_exist_ok=True)
    made = Repo(tmp_path / "repo")
    made.git("update-index", "--refresh")
    monkeypatch.chdir(made.path)
    return made


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_cli(list(arguments))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


RUN = 77


@pytest.fixture
def hub(released: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A run of GitHub Actions in the repository of `released`; Ada has approved that prod is taken."""
    with serving() as api:
        refs = (line.split() for line in released.git("show-ref").splitlines())
        known = {ref: released.git("rev-parse", f"{oid}^{{}}") for oid, ref in refs}
        api.add_repo("octo/churn", refs={**known, "refs/heads/main": known["refs/heads/main"]})
        api.add_token("ghs_1")
        api.add_approval("octo/churn", RUN, environment="prod", login="ada")
        environ = {
            "GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_REPOSITORY": "octo/churn", "GITHUB_TOKEN": "ghs_1",
            "GITHUB_API_URL": api.url, "GITHUB_RUN_ID": str(RUN), "GITHUB_ACTOR": "octocat",
            "GITHUB_SERVER_URL": "https://github.com",
        }  # fmt: skip
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        patient = functools.partial(client.Client, sleep=lambda _: None)
        monkeypatch.setattr(promote_hub, "Client", patient)
        yield api
        assert api.state.wrong == []
