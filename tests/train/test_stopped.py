"""A signal outside of any stage: one clear line, the right exit code, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_ci.lineage import store
from tests.train.conftest import BIN, command, pointer, train, until

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="sees open files in /proc"),
]
# More than any machine hashes in a minute; on the disk it takes no room.
LARGE = 1 << 40


@pytest.fixture
def programs() -> Path:
    """A process of its own, to which signals go."""
    return BIN


def started(repo: Repo, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("train", *arguments),
        cwd=repo.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )


def has_open(process: subprocess.Popen[str], file: Path) -> bool:
    found = []
    for one in Path(f"/proc/{process.pid}/fd").glob("*"):
        with suppress(OSError):
            found.append(one.readlink())
    return file in found


def stopped(process: subprocess.Popen[str], name: str) -> tuple[int, list[str]]:
    """The exit code, and what was said of the signal."""
    process.send_signal(getattr(signal, name))
    try:
        _, said = process.communicate(timeout=30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also what Git has left of its hook
    assert "Traceback" not in said
    return process.returncode, [one for one in said.splitlines() if name in one]


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 3), ("SIGINT", 130), ("SIGHUP", 3)])
def test_while_data_is_hashed(pipeline: Repo, name: str, code: int) -> None:
    with (pipeline.path / "raw.csv").open("ab") as file:
        file.truncate(LARGE)
    pipeline.commit(**{"raw.csv.dvc": pointer("raw.csv", b"other")})
    process = started(pipeline)
    until(lambda: process.poll() is not None or has_open(process, pipeline.path / "raw.csv"))
    ended, (line,) = stopped(process, name)
    assert ended == code
    assert line.endswith(
        f"stopped by {name}; stages that were done are kept, and the next run goes on from there"
    )
    assert store.newest(pipeline.path) is None
    assert not pipeline.path.joinpath("dvc.lock").exists()


def test_while_results_are_pushed_the_record_is_written(pipeline: Repo, tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    subprocess.run(["git", "init", "--bare", "-q", str(origin)], check=True)
    pipeline.git("remote", "add", "origin", str(origin))
    data = "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../remote\n"
    pipeline.commit(**{".dvc/config": data})
    hook = pipeline.write(".git/hooks/pre-push", "#!/bin/sh\ntouch .git/held\nexec sleep 600\n")
    hook.chmod(0o755)
    process = started(pipeline, "--persist", "commit")
    until(lambda: process.poll() is not None or (pipeline.path / ".git/held").exists())
    ended, (line,) = stopped(process, "SIGTERM")
    assert ended == 3
    assert "the next run brings the results where they belong" in line
    assert _persist(pipeline) == "none"

    hook.unlink()
    assert train(pipeline, "--persist", "commit").code == 0
    assert _persist(pipeline) == "commit"


def _persist(repo: Repo) -> str:
    path = store.newest(repo.path)
    assert path is not None
    (statement,) = store.read(path)
    found: str = statement["predicate"]["buildDefinition"]["internalParameters"]["mlopsci_persist"]
    return found
