"""The demo from beginning to end: a baseline, a change that is better, one that must not be merged, a release."""

from __future__ import annotations

import os
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mlops_ci.demo import folder as folders
from mlops_ci.demo import release, reports, shell
from mlops_ci.diff import Request
from mlops_ci.errors import MlopsCiError, ToolError
from mlops_ci.frozen import dataclass
from mlops_ci.gate import Judged, gate
from mlops_ci.process import GIT_LOCATION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlops_ci.demo.screen import Screen
    from mlops_ci.demo.shell import Shell

_NEEDED = {"dvc": "dvc", "mlflow": "mlflow", "sklearn": "scikit-learn"}


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A change. `edits`: what it replaces in params.yaml. `fails`: the metrics that its gates must stop."""

    name: str
    why: str
    message: str
    edits: dict[str, str]
    fails: frozenset[str] = frozenset()


BRANCHES = (
    Branch(
        name="better",
        why="compare every scan with 300 others, not with 50",
        message="Compare with 300 scans",
        edits={"landmarks: 50": "landmarks: 300"},
    ),
    Branch(
        name="worse-on-8",
        why="the same, and fewer false eights, as someone asked",
        message="Compare with 300 scans, fewer false eights",
        edits={
            "landmarks: 50": "landmarks: 300",
            "class_weight_of_8: 1.0": "class_weight_of_8: 0.2",
        },
        fails=frozenset({"slices.digit=8.accuracy"}),
    ),
)


def run(folder: Path, screen: Screen) -> None:
    """Raises ToolError when something is not installed, MlopsCiError when the demo does not show what it promises."""
    _check_installed()
    start = time.monotonic()
    _prepare(folder, screen)
    for name in GIT_LOCATION:  # a hook may have set them, for another repository than this one
        os.environ.pop(name, None)
    with shell.opened(folder, screen) as sh:
        _baseline(sh)
        for number, branch in enumerate(BRANCHES, 2):
            _keep_promise(branch, _change(sh, number, branch))
        release.run(sh)
    _farewell(folder, screen, round(time.monotonic() - start))


def _check_installed() -> None:
    if missing := [package for name, package in _NEEDED.items() if find_spec(name) is None]:
        are = "is" if len(missing) == 1 else "are"
        raise ToolError(
            f"the demo needs {', '.join(missing)}, which {are} not installed here",
            hint="pip install 'mlops-ci[demo]'",
        )


def _prepare(folder: Path, screen: Screen) -> None:
    replaced = folders.is_earlier(folder)
    screen.line("1,797 scans of handwritten digits, trained for real, without the network.")
    what = "Replaces what an earlier demo made in" if replaced else "Writes a small project into"
    screen.line(f"{what} {folder}.")
    folders.fill(folder)


def _baseline(sh: Shell) -> None:
    sh.screen.heading("1  main: the baseline")
    sh.screen.command(["cd", str(sh.folder)])
    sh("git", "init", "--initial-branch=main")
    sh("dvc", "init")
    sh("dvc", "remote", "add", "--default", "store", "remote")
    _train(sh, "Compare with 50 scans")
    sh.screen.line("  mlops-ci.yaml: accuracy may fall by 0.005, recall of any digit by 0.03")


def _change(sh: Shell, number: int, branch: Branch) -> Judged:
    sh.screen.heading(f"{number}  {branch.name}: {branch.why}")
    sh("git", "switch", "--create", branch.name, "main")
    _edit(sh, branch.edits)
    _train(sh, branch.message)
    sh.screen.command(["mlops-ci", "gate", "main"])
    judged = gate(Request(start=sh.folder, base="main", fetch=False, plots=True))
    sh.screen.line()
    sh.screen.write(reports.on_terminal(judged, colour=sh.screen.colour))
    reports.write(judged, sh.folder / "reports" / branch.name)
    return judged


def _train(sh: Shell, message: str) -> None:
    """What is trained is committed first; the Record of the training is kept as a note, where a promotion finds it."""
    _commit(sh, message)
    sh("mlops-ci", "train", "--persist", "push", show=sh.screen.progress)
    _commit(sh, f"{message}: results")
    sh("mlops-ci", "record", "push", "--note")


def _commit(sh: Shell, message: str) -> None:
    sh("git", "add", "--all")
    sh("git", "commit", "--message", message)


def _edit(sh: Shell, edits: dict[str, str]) -> None:
    file = sh.folder / "params.yaml"
    text = file.read_text(encoding="utf-8")
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
        sh.screen.line(f"  params.yaml: {old} → {new.partition(': ')[2]}")
    file.write_bytes(text.encode())


def _keep_promise(branch: Branch, judged: Judged) -> None:
    (model,) = judged.comparison.models
    outcomes = judged.verdicts[model.model].outcomes
    stopped = {outcome.metric for outcome in outcomes if outcome.result != "pass"}
    accuracy = [row.change for row in model.metrics if row.name == "accuracy"]
    if not outcomes or stopped != branch.fails or accuracy != ["better"]:
        found = ", ".join(sorted(stopped)) or "nothing"
        raise MlopsCiError(
            f"{branch.name} should be better in accuracy and stopped by {_or_none(branch.fails)}, "
            f"but accuracy is {', '.join(accuracy)} and it is stopped by {found}",
            hint="please report it with the output of: pip freeze",
        )


def _or_none(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _farewell(folder: Path, screen: Screen, seconds: int) -> None:
    screen.heading(f"Done in {seconds} s: `better` is in production, `worse-on-8` is blocked.")
    for branch in BRANCHES:
        screen.line(f"  {folder / 'reports' / branch.name / 'report.html'}, .md, .json")
    screen.heading("Now a branch of your own DVC repository:")
    screen.line("  cd your-repository")
    screen.line("  mlops-ci diff main    what the branch did to the metrics, and why")
    screen.line("  mlops-ci gate main    may it be merged? your gates are in mlops-ci.yaml")
    screen.line("  mlops-ci train        what a promotion needs: the Record of the training")
