"""A repository in a state that a commit can be in, and the checks run on it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_ci.checks import catalog
from mlops_ci.checks.run import run_checks
from mlops_ci.checks.scope import Asked
from tests.checks.runner import Hooked, Suite, make_suite
from tests.conftest import GIT_CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.finding import Finding
    from tests.conftest import Repo


@pytest.fixture
def judge(repo) -> Callable[..., list[Finding]]:
    """`judge("half-commit")`, or `judge("half-commit", all_files=True)`: the findings in `repo`."""

    def judged(check: str, **asked) -> list[Finding]:
        findings = run_checks(repo.path, [catalog.entry(check)], Asked(**asked)).findings
        assert {one.rule for one in findings} <= catalog.rules(), "a waiver must be able to name it"
        return findings

    return judged


PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py, data.csv]
    params: [lr]
    outs: [model.pkl]
    metrics:
    - metrics.json: {cache: false}
"""


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def lock(*, code: str, lr: float, data: str, metrics: str) -> str:
    """dvc.lock as DVC would write it after a run with these contents."""
    return f"""\
schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - {{path: data.csv, hash: md5, md5: {md5(data)}, size: {len(data)}}}
    - {{path: train.py, hash: md5, md5: {md5(code)}, size: {len(code)}}}
    params:
      params.yaml: {{lr: {lr}}}
    outs:
    - {{path: metrics.json, hash: md5, md5: {md5(metrics)}, size: {len(metrics)}}}
    - {{path: model.pkl, hash: md5, md5: {md5(code + data)}, size: 10}}
"""


def pointer(data: str) -> str:
    return f"outs:\n- md5: {md5(data)}\n  size: {len(data)}\n  hash: md5\n  path: data.csv\n"


def project(
    *, code: str = "one", lr: float = 0.1, data: str = "1,2\n", metrics: str = '{"auc": 0.9}\n'
) -> dict[str, str]:
    """The files of a project in which everything agrees."""
    return {
        "dvc.yaml": PIPELINE,
        "dvc.lock": lock(code=code, lr=lr, data=data, metrics=metrics),
        "train.py": code,
        "params.yaml": f"lr: {lr}\n",
        "metrics.json": metrics,
        "data.csv.dvc": pointer(data),
        ".gitignore": "/data.csv\n/model.pkl\n",
    }


@dataclass(frozen=True)
class Project:
    """A project whose state is `old` in Git, with what another state changes on disk."""

    repo: Repo
    old: dict[str, str]

    def change(self, **state: float | str) -> dict[str, str]:
        """Write another state to disk, and return what of it differs."""
        changed = {path: text for path, text in project(**state).items() if self.old[path] != text}
        for path, text in changed.items():
            self.repo.write(path, text)
        return changed

    def stage(self, *paths: str) -> None:
        self.repo.git("add", "--", *paths)


@pytest.fixture
def trained(repo) -> Project:
    """A pipeline that has run, committed."""
    old = project()
    repo.commit(**old)
    return Project(repo, old)


@pytest.fixture(scope="session")
def suite(_environment, tmp_path_factory) -> Suite:
    """The hooks of this project as a repository, made once for each worker."""
    folder = tmp_path_factory.mktemp("suite")
    Path(os.environ["GIT_CONFIG_GLOBAL"]).write_text(GIT_CONFIG, encoding="utf-8")
    return make_suite(folder)


@pytest.fixture(params=["pre_commit", "prek"])
def hooked(request, repo, suite) -> Hooked:
    """A repository for hooks; each test that asks for it runs with both runners."""
    return Hooked(repo, suite, request.param)
