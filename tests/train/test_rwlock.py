"""The marks of dead processes do not stop a run, those of living ones do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlops_ci.train.rwlock import clear

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    path = tmp_path / ".dvc/tmp/rwlock"
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_one_that_nobody_has_waited_for_is_at_work_no_more(tmp_path: Path, marks: Path) -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    dead, alive = {"pid": child.pid, "cmd": "dvc"}, {"pid": os.getpid(), "cmd": "dvc"}
    found = {"write": {"a": dead, "b": alive}, "read": {"c": [dead, alive], "d": [dead]}}
    marks.write_text(json.dumps(found))
    clear(tmp_path)
    assert json.loads(marks.read_text()) == {"write": {"b": alive}, "read": {"c": [alive]}}
    child.wait()


def test_marks_that_were_half_written_are_dropped(tmp_path: Path, marks: Path) -> None:
    marks.write_text('{"write": {"a"')
    clear(tmp_path)
    assert not marks.exists()


@pytest.mark.parametrize("content", ["{}", '{"write": {}, "read": {}}', '{"write": 1}'])
def test_nothing_to_drop(tmp_path: Path, marks: Path, content: str) -> None:
    marks.write_text(content)
    clear(tmp_path)
    assert marks.exists()


def test_without_marks(tmp_path: Path) -> None:
    clear(tmp_path)
