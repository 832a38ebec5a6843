"""One trained project for all tests of a worker, and a GitHub of its own for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.github.api.server import serving
from tests.rig import project
from tests.rig.runner import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    project.create(folder / "project", folder / "remote")
    return folder / "project"


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A monorepo."""
    folder = tmp_path_factory.mktemp("three")
    project.create_three(folder / "project", folder / "remote")
    return folder / "project"


@pytest.fixture
def hub(tmp_path: Path, trained: Path) -> Iterator[Hub]:
    with serving() as api:
        made = Hub(tmp_path / "hub", api)
        made.adopt(trained)
        yield made
        assert api.state.wrong == []


@pytest.fixture
def hub_of_three(tmp_path: Path, three: Path) -> Iterator[Hub]:
    with serving() as api:
        made = Hub(tmp_path / "hub", api, "octo/shop")
        made.adopt(three)
        yield made
        assert api.state.wrong == []
