"""actions/run.sh as the runner calls it: its own folder for temporary files, and the environment of a step."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = ROOT / "actions/run.sh"


@dataclass
class Runner:
    temporary: Path
    cwd: Path
    environ: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"RUNNER_TEMP": str(self.temporary)} | self.environ | environ
        return subprocess.run(
            ["bash", str(RUN), *arguments],
            cwd=self.cwd,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUNNER_TEMP in which mlops-ci is set up, in a path with spaces."""
    temporary = tmp_path_factory.mktemp("runner temp")
    done = Runner(temporary, temporary).run()
    assert done.returncode == 0, done.stdout + done.stderr
    return temporary


@pytest.fixture
def runner(ready: Path, tmp_path: Path) -> Runner:
    return Runner(ready, tmp_path)


@pytest.fixture
def without(tmp_path: Path) -> str:
    """A PATH with nothing on it but what run.sh itself calls: no Python, no uv."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "cat", "cksum", "dirname", "rm", "touch"):
        folder.joinpath(name).symlink_to(shutil.which(name) or name)
    return str(folder)
