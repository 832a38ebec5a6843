"""What may go wrong during a run: each ends in one clear line and the right exit code, and the next run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_ci.lineage import store
from tests.train.conftest import BIN, FILES, command, train, until

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = pytest.mark.real
# It waits until somebody lets it go on, and says in which process group it does.
HOLD = 'test -e "$HELD" && exit 1; cut -d" " -f5 /proc/$$/stat > "$HELD.part"; mv "$HELD.part" "$HELD"; sleep 600\n'


@pytest.fixture
def programs() -> Path:
    """A process of its own, to which signals go."""
    return BIN


def is_alive(group: int) -> bool:
    """Whether any process of the group is there and no zombie."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False


class Held:
    """`mlops-ci train`, or another program, inside a stage that does not end."""

    def __init__(self, repo: Repo, stage: str, *program: str) -> None:
        self.repo = repo
        self.script = f"{stage}.sh"
        self.file = repo.path.parent / "held"
        repo.commit(**{self.script: HOLD})
        self.process = subprocess.Popen(
            program or command("train"),
            cwd=repo.path,
            env={**os.environ, "HELD": str(self.file)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            encoding="utf-8",
        )
        until(lambda: self.file.exists() or self.process.poll() is not None)
        assert self.file.exists(), self.process.communicate()
        self.group = int(self.file.read_text())

    def end(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=60)
        until(lambda: not is_alive(self.group))
        return self.process.returncode, said

    def go_on(self) -> None:
        """The stage as it would be without the fault; the next run ends well and records it."""
        assert store.newest(self.repo.path) is None
        self.repo.write(self.script, FILES[self.script])
        self.repo.git("commit", "--quiet", "--message", "mend", self.script)
        done = train(self.repo, "--json")
        assert done.code == 0, done.err
        assert [one["result"] for one in done.data["stages"]] == [
            "ran" if self.script == "prepare.sh" else "skipped",
            "ran",
        ]
        assert self.repo.path.joinpath("model.bin").read_text() == "lr: 0.1\n1,2\n1,2\n0\n"
        assert self.repo.git("status", "--porcelain").splitlines() == [
            "?? dvc.lock",
            "?? metrics.json",
        ]


@pytest.mark.parametrize("stage", ["prepare", "train"])
def test_killed_in_a_stage_it_goes_on(pipeline: Repo, stage: str) -> None:
    held = Held(pipeline, stage)
    os.killpg(held.process.pid, signal.SIGKILL)
    os.killpg(held.group, signal.SIGKILL)
    held.end()
    held.go_on()


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 3), ("SIGINT", 130), ("SIGHUP", 3)])
def test_a_signal_ends_the_stage_too(pipeline: Repo, name: str, code: int) -> None:
    held = Held(pipeline, "train")
    held.process.send_signal(getattr(signal, name))
    ended, said = held.end()
    assert ended == code
    assert f"stopped by {name} during stage train" in said
    assert store.newest(pipeline.path) is None


def test_a_run_that_takes_too_long_is_stopped(repo: Repo) -> None:
    # Without DVC, whose start alone may take longer on a busy machine.
    config = "train: {timeout_minutes: 0.01, command: sleep 3600, outputs: [model.bin]}\n"
    repo.commit(**{"mlops-ci.yaml": config})
    done = train(repo)
    assert done.code == 3
    assert "longer than 0.01 min and was stopped during stage train" in done.errors[0]
    assert store.newest(repo.path) is None


def test_another_dvc_at_work_is_named_and_not_disturbed(pipeline: Repo) -> None:
    held = Held(pipeline, "prepare", "dvc", "repro")
    done = train(pipeline)
    assert done.code == 3
    assert "another dvc is at work" in done.errors[0]
    assert "(PID " in done.errors[0]
    assert held.process.poll() is None
    os.killpg(held.process.pid, signal.SIGKILL)
    held.end()


def test_a_full_disk_is_named(pipeline: Repo) -> None:
    pipeline.commit(**{"train.sh": "cat data.csv > /dev/full\n"})
    done = train(pipeline)
    assert done.code == 3
    assert "the disk is full (stage train)" in done.errors[0]
    assert "df -h" in done.err


def test_a_process_that_a_stage_leaves_behind_is_not_taken_for_a_damaged_cache(
    pipeline: Repo,
) -> None:
    late = 'echo "{}" > metrics.json; (until test -e dvc.lock; do sleep 0.01; done; for i in $(seq 100); do'
    late += ' sleep 0.1; echo "{\\"accuracy\\": $i}" > metrics.json; done) > /dev/null 2>&1 &\necho m > model.bin\n'
    pipeline.commit(**{"train.sh": late})
    done = train(pipeline)
    assert done.code == 3
    assert store.newest(pipeline.path) is None
    assert "cache is damaged" not in done.err
    assert "changed" in done.errors[0]


@pytest.mark.real
def test_what_a_dvc_without_disk_has_left_half_written_stops_no_run(pipeline: Repo) -> None:
    from dvc_objects.fs.utils import tmp_fname

    for name in (tmp_fname(), tmp_fname("model.bin")):
        pipeline.write(name, "")
    pipeline.write("notes.tmp", "")
    done = train(pipeline)
    assert done.code == 2
    assert "1 file that the run may read is not committed: notes.tmp;" in done.errors[0]
    pipeline.path.joinpath("notes.tmp").unlink()
    assert train(pipeline).code == 0
