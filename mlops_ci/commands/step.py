"""What a command hands on in a step of GitHub Actions: files, the step's outputs, the job summary."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.commands.files import write
from mlops_ci.commands.options import render
from mlops_ci.errors import UsageError
from mlops_ci.github import files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_ci.gate import Judged


def hand_over(judged: Judged, *, everything: bool) -> None:
    """To the steps that follow, and to who looks at the run: the report in every format, and what it says in short."""
    from mlops_ci.report.step import outputs

    summary = _named("GITHUB_STEP_SUMMARY")
    folder = _named("RUNNER_TEMP") / "mlops-ci-report"
    folder.mkdir(exist_ok=True)
    values = outputs(judged.comparison, judged.verdicts)
    for name, style in (("json", "json"), ("markdown", "md"), ("html", "html")):
        shown = render(judged.comparison, judged.verdicts, style, everything=everything)
        write(folder / f"report.{style}", shown)
        values[name] = str(folder / f"report.{style}")
        if style == "md" and len(shown.encode(errors="replace")) < files.room(summary):
            files.write_summary(summary, shown)
    write_outputs(values)


def write_outputs(values: Mapping[str, str]) -> None:
    files.write_outputs(_named("GITHUB_OUTPUT"), values)


def _named(variable: str) -> Path:
    """A file or folder that the runner names. Raises UsageError outside of GitHub Actions."""
    if not os.environ.get(variable):
        raise UsageError(
            f"{variable} is not set: this is no step of GitHub Actions", hint="leave out --github"
        )
    return Path(os.environ[variable])
