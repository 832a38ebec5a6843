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
    from mlops_ci.model import Comparison, Verdict


def hand_over(judged: Judged, *, everything: bool) -> None:
    """To the steps that follow, and to who looks at the run: the report in every format, and what it says in short."""
    from mlops_ci.report.step import outputs

    found, verdicts = judged.comparison, judged.verdicts
    paths = write_files(found, verdicts, everything=everything)
    write_summary(Path(paths["markdown"]).read_text(encoding="utf-8"))
    write_outputs({**outputs(found, verdicts), **paths})


def write_summary(page: str) -> None:
    files.write_summary(_named("GITHUB_STEP_SUMMARY"), page)


def write_files(
    found: Comparison, verdicts: Mapping[str, Verdict], *, everything: bool
) -> dict[str, str]:
    """The report in three formats, in the folder of the job; their paths, by the names of the outputs."""
    paths = {}
    for name, style in (("json", "json"), ("markdown", "md"), ("html", "html")):
        # The JSON may be judged again elsewhere: nothing of it is left out.
        shown = render(found, verdicts, style, everything=everything or style == "json")
        paths[name] = write_report(f"report.{style}", shown)
    return paths


def write_report(name: str, content: str) -> str:
    """A file in the folder of the job; its path."""
    file = _named("RUNNER_TEMP") / "mlops-ci-report" / name
    file.parent.mkdir(exist_ok=True)
    write(file, content)
    return str(file)


def write_outputs(values: Mapping[str, str]) -> None:
    files.write_outputs(_named("GITHUB_OUTPUT"), values)


def _named(variable: str) -> Path:
    """A file or folder that the runner names. Raises UsageError outside of GitHub Actions."""
    if not os.environ.get(variable):
        raise UsageError(
            f"{variable} is not set: this is no step of GitHub Actions", hint="leave out --github"
        )
    return Path(os.environ[variable])
