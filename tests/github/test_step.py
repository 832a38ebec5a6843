"""What a step hands on, read as the runner reads it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from mlops_ci.errors import UsageError
from mlops_ci.github import step

if TYPE_CHECKING:
    from pathlib import Path


def read_as_runner(text: str) -> dict[str, str]:
    """`name<<end`, lines, `end`: as FileCommandManager of actions/runner reads it."""
    found, lines = {}, iter(re.split(r"\r\n|\n|\r", text))
    for line in lines:
        if not line:
            continue
        name, mark, end = line.partition("<<")
        assert mark, line
        value: list[str] = []
        for following in lines:
            if following == end:
                break
            value.append(following)
        else:
            raise AssertionError(f"no line {end!r}")
        found[name] = "\n".join(value)
    return found


def test_no_value_can_end_itself_or_begin_another(tmp_path: Path, hostile: str) -> None:
    file = tmp_path / "out"
    environ = {"GITHUB_OUTPUT": str(file)}
    step.write_outputs({"a": hostile, "b": f"x\na<<EOF\n{hostile}\nEOF"}, environ)
    step.write_outputs({"verdict": "fail"}, environ)
    found = read_as_runner(file.read_bytes().decode())
    assert found.keys() == {"a", "b", "verdict"}
    assert found["verdict"] == "fail"


def test_the_summary_is_cut_at_a_line_before_it_is_too_long(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    environ = {"GITHUB_STEP_SUMMARY": str(file)}
    step.write_summary("first\n", environ)
    step.write_summary("é" * 60 + "\n", environ)
    step.write_summary(("ü" * 99 + "\n") * 9000, environ)
    content = file.read_bytes()
    assert content.startswith(b"first\n")
    assert step.MAX_SUMMARY - 300 < len(content) <= step.MAX_SUMMARY
    assert content.decode().endswith("ü\n\n\n_The rest is left out: GitHub shows 1 MiB a step._\n")
    step.write_summary("x" * 100, environ)
    assert len(file.read_bytes()) <= step.MAX_SUMMARY


@pytest.mark.parametrize("name", ["", "unset"])
def test_outside_of_a_step_it_says_so(name: str) -> None:
    assert not os.environ.get("GITHUB_OUTPUT")
    with pytest.raises(UsageError, match="no step of GitHub Actions"):
        step.write_outputs({}, {"GITHUB_OUTPUT": ""} if name else {})
