"""Nothing of a program outlives it when it is stopped, and nothing that it said is lost."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_ci.errors import ToolError
from mlops_ci.train import child
from mlops_ci.train.child import follow

if TYPE_CHECKING:
    from tests.conftest import Repo


def said(tmp_path: Path, program: str) -> list[str]:
    lines: list[str] = []
    ended = follow([sys.executable, "-c", program], cwd=tmp_path, env={}, line=lines.append)
    assert (ended.returncode, ended.stopped) == (0, "")
    return lines


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb", ["a", "b"]),
        (b"\n\na", ["", "", "a"]),
        (b"10 %\r20 %\r\n", ["10 %", "20 %"]),
        (b"\r10 %\r20 %", ["10 %", "20 %"]),
        ("äöü".encode(), ["äöü"]),
        (b"\xff\n", ["\ufffd"]),
        (b"", []),
    ],
)
def test_lines_are_cut_where_they_end(tmp_path: Path, written: bytes, lines: list[str]) -> None:
    assert said(tmp_path, f"import sys; sys.stdout.buffer.write({written!r})") == lines


def test_a_line_without_end_is_cut_and_not_lost(tmp_path: Path) -> None:
    lines = said(tmp_path, "import sys; sys.stdout.write('x' * 1_000_000)")
    assert "".join(lines) == "x" * 1_000_000
    assert max(map(len, lines)) < 200_000


def test_a_program_that_says_much_is_heard_to_the_end(tmp_path: Path) -> None:
    assert len(said(tmp_path, "for i in range(50_000): print(i)")) == 50_000


def test_a_process_that_stays_behind_does_not_hold_the_run(tmp_path: Path) -> None:
    start = time.monotonic()
    program = "import subprocess; subprocess.Popen(['sleep', '30']); print('done')"
    assert said(tmp_path, program) == ["done"]
    assert time.monotonic() - start < 25


def test_who_does_not_end_when_asked_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_GRACE_SECONDS", 0.1)
    program = "trap '' TERM; sleep 0.2 & echo $$; while true; do sleep 600; done"
    lines: list[str] = []
    ended = follow(
        ["sh", "-c", program],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        line=lines.append,
        deadline=time.monotonic() + 0.5,
    )
    assert ended.stopped == "timeout"
    assert ended.returncode == -9
    assert not Path(f"/proc/{lines[0]}").exists()


def test_a_program_that_closes_its_output_is_still_waited_for(tmp_path: Path) -> None:
    lines: list[str] = []
    program = "exec >&- 2>&-; sleep 600"
    ended = follow(
        ["sh", "-c", program],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        line=lines.append,
        deadline=time.monotonic() + 0.3,
    )
    assert ended.stopped == "timeout"


def test_a_reader_that_has_gone_ends_the_program(tmp_path: Path) -> None:
    def line(text: str) -> None:
        raise BrokenPipeError(text)

    with pytest.raises(BrokenPipeError) as caught:
        follow(
            ["sh", "-c", "echo $$; sleep 600"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin"},
            line=line,
        )
    assert not Path(f"/proc/{caught.value}").exists()


def test_a_program_that_is_not_there_is_named(repo: Repo) -> None:
    with pytest.raises(ToolError, match="nothing-here is not installed"):
        follow(["nothing-here"], cwd=repo.path, env={"PATH": ""}, line=print)
