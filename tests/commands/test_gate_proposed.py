"""A change that brings other gates: what is looser in them, and what they would say of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_ci.cli import run

STRICT = "gates: [{id: floor, metric: auc, threshold: {min: 0.8}}]\n"
WEAK = "gates: [{id: floor, metric: auc, threshold: {min: 0.5}}]\n"


@pytest.fixture
def project(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    files = {"dvc.yaml": "metrics: [metrics.json]\n", "metrics.json": '{"auc": 0.9}'}
    repo.commit(**files, **{"mlops-ci.yaml": STRICT, ".dvc/config": ""})
    repo.git("switch", "-qc", "feature")
    monkeypatch.chdir(repo.path)
    return repo


def judged(capsys: Any, *arguments: str) -> tuple[str, list[str]]:
    """The verdict in force, and the remarks on the gates of the change."""
    run(["gate", "--json", *arguments])
    (model,) = json.loads(capsys.readouterr().out)["models"]
    notes = [one["message"] for one in model["notes"] if one["kind"] == "policy-changed"]
    return model["verdict"]["result"], notes


@pytest.mark.parametrize(
    ("proposed", "value", "verdict", "words"),
    [
        (WEAK, 0.6, "fail", "would pass, but they count only once merged. Looser: floor min 0.8 → 0.5"),
        (WEAK, 0.4, "fail", "would be blocked,"),
        (STRICT.replace("0.8", "0.95"), 0.9, "pass", "would be blocked, but they count only once merged. None is"),
        ("version: 1\n", 0.9, "pass", "would not be judged, but they count only once merged. Looser: floor removed"),
        (STRICT + "waivers: [{gate: floor, reason: r, approved_by: a, expires: 2999-01-01, max_regression: 1}]\n",
         0.6, "fail", "would pass with a waiver, but they count only once merged. Looser: floor waived until 2999"),
        (STRICT + "profiles: {production: {levels: {floor: off}}}\n", 0.9, "pass",
         "Looser: floor level error → off in profile production"),
        (STRICT + "baseline: {ref: old}\n", 0.9, "pass", "Looser: baseline.ref changed"),
    ],
)  # fmt: skip
def test_both_verdicts_and_every_looser_bound_are_shown(
    project: Any, capsys: Any, proposed: str, value: float, verdict: str, words: str
) -> None:
    project.commit(**{"metrics.json": json.dumps({"auc": value}), "mlops-ci.yaml": proposed})
    result, (note,) = judged(capsys)
    assert result == verdict
    assert words in note


def test_gates_that_only_move_in_their_file_are_no_change(project: Any, capsys: Any) -> None:
    project.commit(**{"mlops-ci.yaml": f"# the floor\nversion: 1\n{STRICT}"})
    assert judged(capsys) == ("pass", [])


def test_gates_that_became_stricter_on_main_are_not_of_this_change(
    project: Any, capsys: Any
) -> None:
    project.commit(**{"metrics.json": '{"auc": 0.6}', "mlops-ci.yaml": WEAK})
    project.git("switch", "-q", "main")
    project.git("merge", "-q", "--ff-only", "feature")
    project.git("switch", "-qc", "old")
    project.commit(**{"metrics.json": '{"auc": 0.7}'})
    project.git("switch", "-q", "main")
    project.commit(**{"mlops-ci.yaml": STRICT})
    project.git("switch", "-q", "old")
    assert judged(capsys) == ("fail", [])


def test_gates_that_were_asked_for_by_name_are_the_only_ones(project: Any, capsys: Any) -> None:
    project.commit(**{"metrics.json": '{"auc": 0.6}', "mlops-ci.yaml": WEAK})
    assert judged(capsys, "--policy", "HEAD") == ("pass", [])
    assert judged(capsys, "--config", "mlops-ci.yaml") == ("pass", [])
