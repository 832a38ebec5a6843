"""The commands that a rollback prints, typed as they are."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.lineage import project
from tests.promote.test_promote import ask

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = pytest.mark.real


@pytest.mark.parametrize("cached", [True, False])
def test_data_and_model_are_those_of_then(
    released: Repo, cli: Any, cached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where other data has come since, and in a clone that has nothing in its cache."""
    model = released.path / "model.bin"
    released.git("checkout", "-q", "churn@v1.0.0")
    project.dvc(released.path, "checkout")
    then = model.read_bytes()
    released.git("checkout", "-q", "main")
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    (released.path / "data/a.csv").write_text("5,6\n")
    project.dvc(released.path, "add", "data")
    project.dvc(released.path, "push")
    released.commit("other data")
    released.git("push", "-q", "origin", "main")
    if not cached:
        released.git("clone", "-q", "../origin.git", "../fresh")
        monkeypatch.chdir("../fresh")
    code, out, _ = cli("rollback", "churn", "--json")
    assert code == 0
    restore = json.loads(out)["restore"]
    assert "  data of then: " + restore["data"] in cli("rollback", "churn")[1].splitlines()
    subprocess.run(restore["data"], shell=True, check=True, capture_output=True)
    assert Path("model.bin").read_bytes() == then
    assert Path("data/a.csv").read_text() == "1,2\n"
    subprocess.run(["git", "stash", "-q"], check=True)
    subprocess.run(restore["code"], shell=True, check=True, capture_output=True)
    head = ["git", "rev-parse", "HEAD", "churn@v1.0.0^{}"]
    assert len(set(subprocess.check_output(head).split())) == 1
