"""`mlops-ci gate calibrate` and `mlops-ci gate selftest`, on a repository."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_ci.cli import run
from tests.commands.test_gate_predictions import CONFIG, files
from tests.commands.test_gate_repeats import GATE, metrics, seeds
from tests.gates.test_repeated import MAIN, OLD


@pytest.fixture
def project(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    repo.commit(**{"dvc.yaml": "metrics: [metrics.json]\n", "mlops-ci.yaml": GATE})
    monkeypatch.chdir(repo.path)
    return repo


def printed(capsys: Any, *arguments: str, code: int = 0) -> str:
    assert run(["gate", *arguments]) == code
    return str(capsys.readouterr().out)


def data(capsys: Any, *arguments: str, code: int = 0) -> Any:
    shown = printed(capsys, *arguments, "--json", code=code)
    (model,) = json.loads(shown, parse_constant=pytest.fail)["models"]
    return model


def test_sound_gates_stop_every_fault(project: Any, capsys: Any) -> None:
    project.commit(**metrics(0.9))
    shown = printed(capsys, "selftest")
    assert "repo  every fault is stopped" in shown
    assert "✓ no-worse  stops regression, not a number, vanished metric, missing baseline" in shown
    found = data(capsys, "selftest", "main")
    assert [one["state"] for one in found["proofs"]] == ["passed", *4 * ["stopped"]]


def test_a_gate_of_the_work_tree_that_lets_a_fault_through_is_exit_code_1(
    project: Any, capsys: Any
) -> None:
    project.commit(**metrics(0.9))
    project.write("mlops-ci.yaml", GATE.replace("metric:", "on_missing_metric: skip, metric:"))
    shown = printed(capsys, "selftest", code=1)
    assert "repo  1 fault not stopped" in shown
    assert "vanished metric of accuracy is let through: skipped: has vanished" in shown
    assert printed(capsys, "selftest", "main")


def test_predictions_of_a_repository_are_tried_too(project: Any, capsys: Any) -> None:
    project.commit(**files(0.3, **{"mlops-ci.yaml": CONFIG}))
    found = data(capsys, "selftest")
    assert {one["fault"] for one in found["proofs"]} >= {"regression", "vanished slice"}
    assert all(one["holds"] for one in found["proofs"])


def test_the_gate_on_leaks_is_tried_and_waivers_are_named_as_not_tried(
    project: Any, capsys: Any
) -> None:
    leaky = CONFIG.replace("score: s}", "score: s, train: train.csv%s}")
    waiver = "waivers: [{gate: leak, reason: r, approved_by: a, expires: 2030-01-31}]\n"
    ids = {"train.csv": "id,customer\n600,600\n"}
    project.commit(**files(0.3, **{"mlops-ci.yaml": leaky % "" + waiver, **ids}))
    shown = printed(capsys, "selftest")
    assert "✓ leak  stops leak, unread training data" in shown
    assert "not tried: the waiver of leak until 2030-01-31 lets through what it covers" in shown
    (waived,) = data(capsys, "selftest")["waivers"]
    assert waived == {"gate": "leak", "slice": None, "expires": "2030-01-31"}
    project.write("mlops-ci.yaml", leaky % ", on_leak: warn")
    assert "! leak  only warns of leak, unread training data" in printed(capsys, "selftest")
    project.write("train.csv", "id,customer\n1,1\n")
    project.write("mlops-ci.yaml", leaky % "")
    assert "nothing changed does not pass: 1 of 600" in printed(capsys, "selftest", code=1)


def test_without_gates_there_is_nothing_to_try(repo: Any, monkeypatch: Any, capsys: Any) -> None:
    repo.commit(**{"dvc.yaml": "metrics: [metrics.json]\n"}, **metrics(0.9))
    monkeypatch.chdir(repo.path)
    for name in ("selftest", "calibrate"):
        assert run(["gate", name]) == 2
        assert "there are no gates to try" in capsys.readouterr().err


def test_a_profile_is_tried_as_it_is(project: Any, capsys: Any) -> None:
    profiles = "profiles: {lax: {levels: {no-worse: warn}}}\n"
    project.commit(**metrics(0.9), **{"mlops-ci.yaml": GATE + profiles})
    assert "! no-worse  only warns of regression" in printed(capsys, "selftest", "--profile", "lax")
    assert run(["gate", "selftest", "--profile", "none"]) == 2


def test_gates_are_calibrated_by_history_and_by_seeds(project: Any, capsys: Any) -> None:
    for value in reversed(MAIN):
        project.commit(**metrics(value))
    found = data(capsys, "calibrate")
    (rule,) = found["rules"]
    assert (found["runs"], rule["noise"]["of"], rule["noise"]["count"]) == (10, "runs", 10)
    assert found["replays"] == [{"gate": "no-worse", "of": "runs", "stopped": 0, "total": 9}]
    project.commit(**metrics(OLD[0]), **seeds(OLD))
    project.git("switch", "-qc", "feature")
    project.commit(**metrics(0.1))
    shown = printed(capsys, "calibrate")
    assert "repo  by 5 seeds, 11 runs of main" in shown
    assert "accuracy: at most 0.01 worse, judged by several seeds" in shown
    assert "standard deviation 0.0038 (5 seeds)" in shown
    assert "no-worse  0 of 20 pairs of seeds, of the same model" in shown
    assert "by 5 seeds, 5 runs of main" in printed(capsys, "calibrate", "--runs", "5")


def test_where_nothing_is_known_it_says_what_to_do(project: Any, capsys: Any) -> None:
    project.commit(**metrics(0.9))
    shown = printed(capsys, "calibrate", code=3)
    assert "nothing is known of the noise of 1 metric: mlops-ci train --seeds 5" in shown


def test_where_examples_judge_it_asks_for_a_second_run_and_not_for_seeds(
    project: Any, capsys: Any
) -> None:
    project.commit(**files(0.3, **{"mlops-ci.yaml": CONFIG}))
    shown = printed(capsys, "calibrate", code=3)
    assert "their examples say, once main has the predictions of two runs" in shown
    assert "--seeds" not in shown


def test_a_branch_with_the_name_of_a_subcommand_is_named_in_full(project: Any, capsys: Any) -> None:
    project.commit(**metrics(0.9))
    project.git("branch", "selftest")
    assert run(["gate", "refs/heads/selftest", "HEAD"]) == 0
    assert run(["gate", "--exact", "selftest"]) == 0
