"""Actions and the workflows that users copy are clean by the linters that their readers use."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACTIONS = sorted([*ROOT.glob("action.yml"), *ROOT.glob("actions/*/action.yml")])
WORKFLOWS = sorted(ROOT.glob("templates/workflows/*.yml"))
BAD_ACTION = """\
name: bad
description: bad
inputs:
  title: {description: a title}
runs:
  using: composite
  steps:
    - run: echo ${{ inputs.title }}
      shell: bash
"""

pytestmark = pytest.mark.real


def said(*command: str | Path) -> str:
    """What a linter that is not content says; nothing when it is."""
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    return done.stdout + done.stderr if done.returncode else ""


def zizmor(*files: Path) -> str:
    # --strict-collection: else a file that breaks the schema is skipped with a warning.
    options = ("--offline", "--no-progress", "--persona=auditor", "--strict-collection")
    return said("zizmor", *options, *files)


def test_zizmor_as_an_auditor() -> None:
    assert zizmor(*ACTIONS, *WORKFLOWS) == ""


def test_jactionlint() -> None:
    assert said("jactionlint", *ACTIONS, *WORKFLOWS) == ""


def test_schemas() -> None:
    for schema, files in (("actions", ACTIONS), ("workflows", WORKFLOWS)):
        if files:
            name = f"vendor.github-{schema}"
            assert said("check-jsonschema", "--builtin-schema", name, *files) == ""


def test_shellcheck() -> None:
    assert said("shellcheck", ROOT / "actions/run.sh", ROOT / "tests/setup") == ""


def test_the_linters_do_find_something(tmp_path: Path) -> None:
    action = tmp_path / "action.yml"
    action.write_text(BAD_ACTION)
    assert "template-injection" in zizmor(action)
    assert said("jactionlint", action)
    action.write_text(BAD_ACTION.replace("      shell: bash\n", ""))
    assert said("check-jsonschema", "--builtin-schema", "vendor.github-actions", action)
