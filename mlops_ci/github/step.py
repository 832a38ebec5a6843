"""What a step of a job hands on: its outputs, and its part of the job summary.

Both are files that the runner names in the environment and reads when the step is over:
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTPUT, SUMMARY, TEMPORARY = "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "RUNNER_TEMP"
# Of one step. A longer one is not shown at all.
MAX_SUMMARY = 1024 * 1024
_CUT = "\n\n_The rest is left out: GitHub shows 1 MiB a step._\n"


def write_outputs(values: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> None:
    """Whatever a value holds, it ends where it ends: nobody can guess the line that closes it."""
    end = f"mlops-ci-{secrets.token_hex(16)}"
    lines = "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in values.items())
    _append(_file(OUTPUT, environ), lines.encode("utf-8", "backslashreplace"))


def write_summary(markdown: str, environ: Mapping[str, str] = os.environ) -> None:
    """Below what the step has written already. What is too long is cut at the end of a line."""
    path = _file(SUMMARY, environ)
    left = MAX_SUMMARY - (path.stat().st_size if path.exists() else 0)
    _append(path, _cut(markdown.encode("utf-8", "backslashreplace"), left))


def temporary(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the job, which later steps see and the next job does not."""
    return _file(TEMPORARY, environ)


def _cut(content: bytes, limit: int) -> bytes:
    if len(content) <= limit:
        return content
    kept = content[: max(0, limit - len(_CUT))]
    return kept[: kept.rfind(b"\n") + 1] + _CUT.encode() if kept else b""


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def _file(name: str, environ: Mapping[str, str]) -> Path:
    path = environ.get(name)
    if not path:
        raise UsageError(
            f"{name} is not set: this is no step of GitHub Actions", hint="leave out --github"
        )
    return Path(path)
