"""What `mlops-ci gate` refuses, beside `dvc metrics diff` and MLflow's validation: the real tools on the same numbers.

    python bench/refused.py            the table of the README
    python bench/refused.py nan loss   these rows, with what each tool says

Needs `pip install '.[demo]'` and git. The exit code is 1 when mlops-ci lets one of them through.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FLOOR = "threshold: {min: 0.8}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """`gate` is in mlops-ci.yaml; `mlflow` are the arguments of MetricThreshold that come closest to it."""

    what: str
    before: str = '{"auc": 0.9}'
    after: str
    gate: str = FLOOR
    metric: str = "auc"
    mlflow: dict[str, float] = field(default_factory=lambda: {"threshold": 0.8})
    files: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> str:
        return f"gates:\n- {{id: gate, metric: '{self.metric}', {self.gate}}}\n"


ROWS = {
    "nan": Row(
        what="`NaN` where 1 % may be lost",
        after='{"auc": NaN}',
        gate="change: {max_regression: 1%}",
        mlflow={"min_relative_change": 0.01},
    ),
    "nan-baseline": Row(
        what="0.1 where main has `NaN`",
        before='{"auc": NaN}',
        after='{"auc": 0.1}',
        gate="change: {max_regression: 1%}",
        mlflow={"min_relative_change": 0.01},
    ),
    "infinite": Row(what="`Infinity` where 0.8 is the least", after='{"auc": Infinity}'),
    "truth": Row(what="`true` where 0.8 is the least", after='{"auc": true}'),
    "twice": Row(what="a name that stands in the file twice", after='{"auc": 0.1, "auc": 0.95}'),
    "percent": Row(
        what="70 where 0.9 was: a percentage",
        after='{"auc": 70.0}',
        gate="threshold: {min: 0.8}, change: {max_regression: 0.01}",
    ),
    "loss": Row(
        what="0.09 lost where 0.01 is allowed",
        after='{"auc": 0.81}',
        gate="change: {max_regression: 0.01}",
    ),
    "slice": Row(
        what="one slice worse, the whole better",
        before='{"auc": 0.9, "slices": {"cats": {"auc": 0.9}, "dogs": {"auc": 0.9}}}',
        after='{"auc": 0.93, "slices": {"cats": {"auc": 0.98}, "dogs": {"auc": 0.7}}}',
        gate="change: {max_regression: 0.01}",
        metric="slices.*.auc",
    ),
    "too-good": Row(
        what="a gain of 0.0999 where 0.05 is believed",
        after='{"auc": 0.9999}',
        gate="change: {max_improvement: 0.05}",
    ),
    "loosened": Row(
        what="0.5, and a lower bound to go with it",
        after='{"auc": 0.5}',
        mlflow={"threshold": 0.4},
        files={"mlops-ci.yaml": "gates:\n- {id: gate, metric: auc, threshold: {min: 0.4}}\n"},
    ),
    "vanished": Row(what="a metric that is gone", after='{"loss": 0.1}'),
    "misspelt": Row(what="a gate on `aucc`", after='{"auc": 0.95}', metric="aucc"),
}
HEAD = """\
| a change brings | `dvc metrics diff` | MLflow's validation | `mlops-ci gate` | `python bench/refused.py …` |
|:--|:--|:--|:--|:--|"""


def git(folder: Path, *words: str) -> None:
    person = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    subprocess.run(["git", *person, *words], cwd=folder, check=True, capture_output=True)


def change(folder: Path, row: Row) -> None:
    """Main as it was, and a branch with the change, in one commit each."""
    project = {".dvc/config": "", "dvc.yaml": "metrics: [metrics.json]\n"}
    first = {**project, "metrics.json": row.before}
    git(folder, "init", "--quiet", "--initial-branch=main")
    for branch, files in (
        ("main", {**first, "mlops-ci.yaml": row.config}),
        ("change", {"metrics.json": row.after, **row.files}),
    ):
        git(folder, "checkout", "--quiet", "-B", branch)
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", branch)


def run(folder: Path, *words: str) -> tuple[int, str]:
    env = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        inner = flat(value, f"{prefix}{name}.") if isinstance(value, dict) else None
        found |= {f"{prefix}{name}": value} if inner is None else inner
    return found


def by_mlflow(row: Row) -> tuple[str, str]:
    """What MLflow's validation of one metric says to the same numbers, read as Python reads JSON."""
    import mlflow
    from mlflow.models import EvaluationResult, MetricThreshold

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    old, new = (EvaluationResult(flat(json.loads(one)), {}) for one in (row.before, row.after))
    named = row.metric.rpartition(".")[2]
    limits = {named: MetricThreshold(greater_is_better=True, **row.mlflow)}
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            mlflow.validate_evaluation_results(limits, new, old)
    except mlflow.exceptions.MlflowException as error:
        return "refuses", str(error)
    return "passes", ""


def judged(name: str, *, aloud: bool) -> tuple[str, bool]:
    """A line of the table, and whether mlops-ci refuses."""
    row = ROWS[name]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        change(folder, row)
        code, shown = run(folder, "dvc", "metrics", "diff", "main")
        word, why = by_mlflow(row)
        own, said = run(folder, "mlops_ci", "gate", "--json", "main")
        _, readable = run(folder, "mlops_ci", "gate", "main") if aloud else (0, "")
    result = json.loads(said)["models"][0]["verdict"]["result"]
    if aloud:
        print(f"main    {row.before}\nchange  {row.after}\n{row.config}")
        print(f"$ dvc metrics diff main\n{shown}\nMLflow {word}: {row.mlflow}\n{why}\n")
        print(f"$ mlops-ci gate main\n{readable}")
    dvc = "exit 0" if code == 0 else f"exit {code}"
    return f"| {row.what} | {dvc} | {word} | {result}, exit {own} | `{name}` |", own == 1


def main() -> int:
    if unknown := set(sys.argv[1:]) - set(ROWS):
        sys.exit(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    wanted = sys.argv[1:]
    found = [judged(name, aloud=bool(wanted)) for name in wanted or ROWS]
    print(HEAD)
    print("\n".join(line for line, _ in found))
    return 0 if all(refused for _, refused in found) else 1


if __name__ == "__main__":
    sys.exit(main())
