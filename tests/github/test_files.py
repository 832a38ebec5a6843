"""Outputs and summaries that the runner reads as they were meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops_ci.errors import ToolError
from mlops_ci.github.files import MAX_SUMMARY, room, write_outputs, write_summary

if TYPE_CHECKING:
    from pathlib import Path


def outputs(file: Path) -> dict[str, str]:
    """As the runner does: https://github.com/actions/runner/blob/main/src/Runner.Worker/FileCommandManager.cs"""
    found, lines = {}, iter(file.read_bytes().decode().split("\n")[:-1])
    for line in lines:
        name, _, delimiter = line.partition("<<")
        value = []
        while (one := next(lines)) != delimiter:
            value.append(one)
        found[name] = "\n".join(value)
    return found


def test_a_value_is_one_value_whatever_it_holds(tmp_path: Path, hostile: str) -> None:
    file = tmp_path / "output"
    hostile = hostile.encode("utf-8", "backslashreplace").decode()
    value = f"{hostile}\nverdict=pass\nEOF\nverdict<<EOF\npass\nEOF\n"
    write_outputs(file, {"verdict": "fail", "metrics": value, "last": ""})
    assert outputs(file) == {"verdict": "fail", "metrics": value, "last": ""}


def test_what_others_wrote_stays(tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_text("first<<x\n1\nx\n", encoding="utf-8")
    write_outputs(file, {"second": "2"})
    assert outputs(file) == {"first": "1", "second": "2"}


def test_the_room_of_a_summary(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    assert room(file) == MAX_SUMMARY
    write_summary(file, "é")
    assert room(file) == MAX_SUMMARY - 3
    assert not write_summary(file, "x" * MAX_SUMMARY)
    assert write_summary(file, "x" * (room(file) - 1))
    assert room(file) == 0


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="summary"):
        write_summary(tmp_path / "none" / "summary", "x")
