"""What users copy is valid, names every hook of ours, and pins what is others'."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlops_ci import formats, yaml
from mlops_ci.checks.catalog import CATALOG

TEMPLATES = Path(__file__).parents[2] / "templates"
CONFIG = TEMPLATES / "pre-commit-config.yaml"
REPOS = yaml.load(CONFIG.read_text(), "config")["repos"]


@pytest.mark.real
def test_pre_commit_accepts_it() -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib")
    clientlib.load_config(str(CONFIG))


def test_it_names_every_hook_of_ours_and_no_other() -> None:
    (own,) = [repo for repo in REPOS if repo["repo"].endswith("/mlops-ci")]
    assert [hook["id"] for hook in own["hooks"]] == [entry.id for entry in CATALOG]


def test_the_stages_of_our_hooks_are_installed() -> None:
    installed = yaml.load(CONFIG.read_text(), "config")["default_install_hook_types"]
    assert {s for entry in CATALOG for s in entry.stages} - {"manual"} <= set(installed)


@pytest.mark.parametrize("repo", REPOS, ids=lambda repo: repo["repo"].rpartition("/")[2])
def test_every_version_is_pinned(repo: dict[str, str]) -> None:
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", repo["rev"])


def test_gitleaks_leaves_out_pointers_and_keeps_their_config() -> None:
    path = TEMPLATES / "gitleaks.toml"
    config = formats.load_toml(path.read_text())
    patterns = [re.compile(one) for part in config["allowlists"] for one in part["paths"]]
    assert config["extend"]["useDefault"]

    def left_out(file: str) -> bool:
        return any(one.search(file) for one in patterns)

    assert left_out("data/a.csv.dvc")
    assert left_out("m/dvc.lock")
    assert not left_out(".dvc/config")
    assert not left_out("dvc.lock.py")
