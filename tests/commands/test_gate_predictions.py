"""`mlops-ci gate` on files of predictions, from a repository to the exit code."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import mlops_ci
from mlops_ci.cli import run

SCHEMA = json.loads((Path(mlops_ci.__file__).parent / "diff.schema.json").read_text())
CONFIG = """\
models:
  m:
    predictions: {path: p.csv, id: id, label: y, score: s}
gates:
- {id: no-worse, metric: auc, change: {max_regression: 0.02}}
- {id: regions, metric: auc, change: {max_regression: 0.05}, slices: {by: [region]}}
"""


def files(noise: float, count: int = 600, **more: str) -> dict[str, str]:
    random = np.random.default_rng(3)
    label = random.random(count) < 0.5
    score = np.round(label + random.normal(0, 0.7, count) + noise * random.normal(0, 1, count), 4)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "y", "s", "region"])
    rows = enumerate(zip(label, score, strict=True))
    writer.writerows([at, int(y), s, ("EU", "US")[at % 2]] for at, (y, s) in rows)
    auc = round(float(roc_auc_score(label, score)), 4)
    return {"p.csv": text.getvalue(), "metrics.json": json.dumps({"auc": auc}), **more}


def verdict(capsys: Any, code: int = 0) -> dict[str, Any]:
    assert run(["gate", "--json"]) == code
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    jsonschema.validate(found, SCHEMA)
    judged: dict[str, Any] = found["models"][0]["verdict"]
    return judged


@pytest.fixture
def project(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    repo.commit(**files(0.3, **{"dvc.yaml": "metrics: [metrics.json]\n", "mlops-ci.yaml": CONFIG}))
    repo.git("switch", "-qc", "feature")
    monkeypatch.chdir(repo.path)
    return repo


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {one.get("metric", one["gate"]): one["result"] for one in found["outcomes"]}


SAME = {"auc": "pass", "slices.region=EU.auc": "pass", "slices.region=US.auc": "pass"}


def test_the_same_and_a_worse_model(project: Any, capsys: Any) -> None:
    assert set(outcomes(verdict(capsys)).values()) == {"skipped"}  # the first measurement
    project.commit(readme="")
    assert outcomes(verdict(capsys)) == SAME
    project.commit(**files(3.0))
    found = verdict(capsys, code=1)
    assert outcomes(found) == dict.fromkeys(SAME, "fail")
    whole = found["outcomes"][0]
    assert whole["source"] == "metrics.json"
    assert whole["estimate"]["count"] == 600
    assert whole["estimate"]["high"] < -0.02
    assert found["blocks"] is True


def test_a_change_cannot_point_the_gate_at_other_predictions(project: Any, capsys: Any) -> None:
    project.commit(
        **files(
            3.0, **{"mlops-ci.yaml": CONFIG.replace("p.csv", "q.csv"), "q.csv": files(0.3)["p.csv"]}
        )
    )
    assert outcomes(verdict(capsys, code=1)) == dict.fromkeys(SAME, "fail")


def test_a_number_that_its_predictions_do_not_give_blocks(project: Any, capsys: Any) -> None:
    project.commit(**{"metrics.json": json.dumps({"auc": 0.999})})
    found = verdict(capsys, code=1)
    assert found["outcomes"][0]["result"] == "inconclusive"
    assert "0.999 in metrics.json" in found["outcomes"][0]["reason"]


def test_predictions_that_are_broken_or_gone_block(project: Any, capsys: Any) -> None:
    good = (project.path / "p.csv").read_text(encoding="utf-8")
    for broken, why in (
        (good + "0,1,0.5,EU\n", "row 601: the id '0' stands there twice"),
        (good.replace("s,region", "t,region", 1), "has no column 's'"),
        (good + "601,1\n", "has 2 columns, not 4"),
        ("", "has no column 'id'"),
        (None, "has vanished"),
    ):
        if broken is None:
            (project.path / "p.csv").unlink()
        else:
            project.write("p.csv", broken)
        found = verdict(capsys, code=1)
        assert {one["result"] for one in found["outcomes"]} == {"inconclusive"}
        assert why in found["outcomes"][0]["reason"]


def test_a_gate_without_predictions_imports_no_statistics(repo: Any) -> None:
    gates = "gates: [{id: g, metric: auc, change: {max_regression: 0.1}}]\n"
    repo.commit(**files(0.0, **{"dvc.yaml": "metrics: [metrics.json]\n", "mlops-ci.yaml": gates}))
    code = (
        "import sys; from mlops_ci.cli import run; code = run(['gate']); "
        "print(sorted({'numpy', 'scipy', 'pyarrow'} & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repo.path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_flips_are_named_in_every_report(project: Any, capsys: Any) -> None:
    project.commit(**files(3.0))
    assert run(["gate", "--json"]) == 1
    (model,) = json.loads(capsys.readouterr().out)["models"]
    flips = model["flips"]
    assert len(flips["wrong"]) > len(flips["right"]) > 0
    assert {one["name"] for one in flips["slices"]} == {"region=EU", "region=US"}
    words = f"{len(flips['wrong'])} newly wrong, {len(flips['right'])} newly right"
    for form in ("term", "md"):
        assert run(["gate", "--format", form]) == 1
        shown = capsys.readouterr().out
        assert words in shown
        assert flips["wrong"][0] in shown
    assert run(["report", "--format", "html"]) == 0
    assert words in capsys.readouterr().out


def test_predictions_that_are_not_those_of_the_run_block(project: Any, capsys: Any) -> None:
    def locked(content: str) -> str:
        md5 = hashlib.md5(content.encode()).hexdigest()
        outs = f"[{{path: p.csv, hash: md5, md5: {md5}}}]"
        return f"schema: '2.0'\nstages: {{test: {{cmd: c, outs: {outs}}}}}\n"

    stage = "stages: {test: {cmd: c, outs: [{p.csv: {cache: false}}]}}\nmetrics: [metrics.json]\n"
    there = files(0.3)
    project.commit(**{"dvc.yaml": stage, "dvc.lock": locked(there["p.csv"]), ".dvc/config": ""})
    assert outcomes(verdict(capsys)) == SAME
    better = files(0.1)
    project.commit(**better)
    found = verdict(capsys, code=1)
    assert set(outcomes(found).values()) == {"inconclusive"}
    assert "p.csv is not what dvc.lock recorded" in found["outcomes"][0]["reason"]
    project.commit(**{"dvc.lock": locked(better["p.csv"])})
    assert outcomes(verdict(capsys)) == SAME


LEAKY = CONFIG.replace("score: s}", "score: s, train: train.csv, train_id: customer%s}")


def leak(project: Any, capsys: Any, rows: str, code: int, more: str = "") -> dict[str, Any]:
    """The outcome of the gate `leak` where the file of training examples has these rows."""
    project.git("switch", "-qC", "main", "main")
    project.commit(**{"mlops-ci.yaml": LEAKY % more})
    project.git("switch", "-qC", "feature")
    project.commit(**{"train.csv": rows} if rows else {"readme": ""})
    (found,) = [one for one in verdict(capsys, code)["outcomes"] if one["gate"] == "leak"]
    return dict(found)


def test_examples_that_the_model_was_trained_on_are_named_and_block(
    project: Any, capsys: Any
) -> None:
    found = leak(project, capsys, "customer,x\n7,1\n599,1\n1.0,1\n12,1\n12,2\n600,1\n", 1)
    assert (found["result"], found["value"], found["source"]) == ("fail", 4, "train.csv")
    said = "4 of 600 evaluation examples are in train.csv too: '1', '12', '599' and 1 more"
    assert found["reason"] == said
    for style in ("md", "term"):
        assert run(["gate", "--format", style]) == 1
        shown = capsys.readouterr().out.replace("`", "")
        assert "m was trained on examples that evaluate it: blocked" in shown
        assert "4 of 600 evaluation examples" in shown
        assert "evaluate on examples that training has not seen" in shown


def test_no_example_in_both_passes_and_is_said(project: Any, capsys: Any) -> None:
    found = leak(project, capsys, "customer\n600\n601\n", 0)
    assert (found["result"], found["value"]) == ("pass", 0)
    assert found["reason"] == "none of 600 evaluation examples is in train.csv"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("", "there is no train.csv"),
        ("id\n1\n", "train.csv: has no column 'customer'"),
        ("customer\n", "train.csv: holds no example"),
    ],
)
def test_a_leak_that_cannot_be_told_blocks(
    project: Any, capsys: Any, rows: str, reason: str
) -> None:
    found = leak(project, capsys, rows, 1)
    assert found["result"] == "inconclusive"
    assert found["reason"].endswith(f"cannot be told: {reason}")
    assert run(["gate"]) == 1
    assert "cannot tell whether it was trained on what evaluates it" in capsys.readouterr().out


def test_a_team_may_be_warned_of_a_leak_only(project: Any, capsys: Any) -> None:
    assert leak(project, capsys, "customer\n1\n", 0, ", on_leak: warn")["result"] == "warn"
    assert leak(project, capsys, "x\n1\n", 0, ", on_leak: warn")["result"] == "warn"


def test_a_change_cannot_hide_its_leak(project: Any, capsys: Any) -> None:
    leak(project, capsys, "customer\n1\n", 1)
    project.commit(**{"mlops-ci.yaml": CONFIG})
    found = verdict(capsys, 1)
    assert [one["result"] for one in found["outcomes"] if one["gate"] == "leak"] == ["fail"]


def test_a_known_leak_can_be_waived(project: Any, capsys: Any) -> None:
    waiver = "waivers: [{gate: leak, reason: r, approved_by: '@a', expires: 2999-01-01}]\n"
    project.git("switch", "-q", "main")
    project.commit(**{"mlops-ci.yaml": LEAKY % "" + waiver, "train.csv": "customer\n1\n"})
    project.git("switch", "-qC", "feature")
    project.commit(readme="")
    assert verdict(capsys)["result"] == "waived"
    assert run(["check", "policy-valid", "--all-files"]) == 0
