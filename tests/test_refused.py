"""The table of the README on what other tools let through is what they do let through."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.real
def test_the_table_is_what_the_tools_say() -> None:
    command = [sys.executable, str(ROOT / "bench" / "refused.py")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") > 10
    assert done.stdout in (ROOT / "README.md").read_text("utf-8")
