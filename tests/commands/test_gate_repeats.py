"""`mlops-ci gate` on seeds and on the history of main, from a repository to the exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import mlops_ci
from mlops_ci.cli import run
from tests.gates.test_repeated import BETTER, MAIN, OLD, WORSE

SCHEMA = json.loads((Path(mlops_ci.__file__).parent / "diff.schema.json").read_text())
GATE = "gates:\n- {id: no-worse, metric: accuracy, change: {max_regression: 0.01}}\n"
HISTORY = "defaults: {noise: {from: history}}\n"


def metrics(value: float) -> dict[str, str]:
    return {"metrics.json": json.dumps({"accuracy": value})}


def seeds(values: list[float], model: str = "repo") -> dict[str, str]:
    found = {"schema_version": 1, "seeds": list(range(len(values)))}
    files = {"metrics.json": {"accuracy": values}}
    return {"seed-metrics.json": json.dumps({**found, "models": {model: files}})}


def outcome(capsys: Any, code: int = 0) -> dict[str, Any]:
    assert run(["gate", "--json"]) == code
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    jsonschema.validate(found, SCHEMA)
    (judged,) = found["models"][0]["verdict"]["outcomes"]
    return dict(judged)


@pytest.fixture
def project(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    repo.commit(**{"dvc.yaml": "metrics: [metrics.json]\n", "mlops-ci.yaml": GATE})
    monkeypatch.chdir(repo.path)
    return repo


def test_seeds_of_both_sides_judge(project: Any, capsys: Any) -> None:
    project.commit(**metrics(OLD[0]), **seeds(OLD))
    project.git("switch", "-qc", "feature")
    project.commit(**metrics(WORSE[0]), **seeds(WORSE))
    worse = outcome(capsys, code=1)
    assert (worse["result"], worse["estimate"]["method"]) == ("fail", "paired t")
    assert run(["gate"]) == 1
    assert "real loss" in capsys.readouterr().out
    project.commit(**metrics(BETTER[0]), **seeds(BETTER))
    assert outcome(capsys)["estimate"]["of"] == "seeds"
    assert run(["gate", "--format", "md", "--all"]) == 0
    assert "(paired t, 5 seeds)" in capsys.readouterr().out
    # Trained once more, and not with all seeds: what they say is of another model.
    project.commit(**metrics(0.95))
    assert "mlops-ci train --seeds 5 --force" in outcome(capsys, code=1)["reason"]


def test_the_last_runs_of_main_judge(project: Any, capsys: Any) -> None:
    project.commit(**{"mlops-ci.yaml": GATE + HISTORY})
    for value in reversed(MAIN):
        project.commit(**metrics(value))
        project.commit(readme=f"{value}")  # trains nothing, so it is no run
    project.git("switch", "-qc", "feature")
    project.commit(**metrics(0.8995))
    found = outcome(capsys)
    assert (found["result"], found["estimate"]["count"], found["estimate"]["of"]) == (
        "pass",
        10,
        "runs",
    )
    project.commit(**metrics(0.88))
    assert outcome(capsys, code=1)["result"] == "fail"


def test_a_change_says_neither_where_seeds_are_nor_that_none_count(
    project: Any, capsys: Any
) -> None:
    project.commit(**metrics(OLD[0]), **seeds(OLD))
    project.git("switch", "-qc", "feature")
    elsewhere = GATE + "train: {seed_metrics: other.json}\ndefaults: {noise: {from: examples}}\n"
    project.commit(**metrics(WORSE[0]), **seeds(WORSE), **{"mlops-ci.yaml": elsewhere})
    assert outcome(capsys, code=1)["estimate"]["of"] == "seeds"


def test_without_seeds_neither_numpy_nor_scipy_is_loaded(project: Any) -> None:
    project.commit(**metrics(0.9))
    project.git("switch", "-qc", "feature")
    project.commit(**metrics(0.91))
    code = "import sys; from mlops_ci.cli import run; run(['gate']); print({'numpy', 'scipy'} & {*sys.modules})"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.endswith("set()\n")
