"""The pipeline is run once, and copied for each test."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Repo
from tests.lineage import project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory, _environment: None) -> Path:
    root = tmp_path_factory.mktemp("trained")
    made = Repo(root / "repo")
    made.path.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("config", "user.name", "Test")
    made.git("config", "user.email", "test@example.com")
    project.make(made)
    return root


@pytest.fixture
def trained(tmp_path: Path, _template: Path) -> Repo:
    """A repository with one trained model, its data in DVC, and `../remote` beside it."""
    shutil.copytree(_template, tmp_path, symlinks=True, dirs_exist_ok=True)
    made = Repo(tmp_path / "repo")
    made.git("update-index", "--refresh")
    return made
