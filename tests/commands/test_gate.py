"""`mlops-ci gate` as CI calls it: what blocks, what does not, and who may say so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import mlops_ci
from mlops_ci.cli import run

SCHEMA = json.loads((Path(mlops_ci.__file__).parent / "diff.schema.json").read_text())
DVC_YAML = "metrics: [metrics.json]\n"
STRICT = """\
gates:
- {id: floor, metric: auc, threshold: {min: 0.8}}
- {id: no-worse, metric: auc, change: {max_regression: 0.01}}
"""
WEAK = "gates: [{id: floor, metric: auc, threshold: {min: 0}}]\n"


def auc(value: Any) -> str:
    return json.dumps({"auc": value, "step": 3})


@pytest.fixture
def project(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gates and a model of 0.9 on `main`; a branch `feature` is checked out."""
    repo.commit(
        **{
            "dvc.yaml": DVC_YAML,
            "metrics.json": auc(0.9),
            "mlops-ci.yaml": STRICT,
            ".dvc/config": "",
        }
    )
    repo.git("switch", "-qc", "feature")
    monkeypatch.chdir(repo.path)
    return repo


def data(capsys: Any, *arguments: str, code: int = 0) -> dict[str, Any]:
    """What `mlops-ci gate --json ARGUMENTS` prints, checked against its schema: a verdict in every model."""
    assert run(["gate", "--json", *arguments]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    jsonschema.validate(found, SCHEMA)
    assert all("verdict" in model for model in found["models"])
    return found


def verdict(capsys: Any, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The verdict on the only model."""
    (model,) = data(capsys, *arguments, code=code)["models"]
    found: dict[str, Any] = model["verdict"]
    return found


def results(found: dict[str, Any]) -> dict[str, str]:
    return {model["name"]: model["verdict"]["result"] for model in found["models"]}


def refusal(capsys: Any, *arguments: str, code: int = 2) -> str:
    """The error of a call that prints nothing else: one line, perhaps a hint below it."""
    assert run(["gate", *arguments]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) <= 2
    return str(printed.err)


def on_main(project: Any, **files: str) -> str:
    """A commit on main, while `feature` stays checked out and where it was."""
    project.git("switch", "-q", "main")
    oid = project.commit(**files)
    project.git("switch", "-q", "feature")
    return str(oid)


@pytest.mark.parametrize(
    ("value", "result", "code"),
    [
        (0.9, "pass", 0),
        (0.89, "pass", 0),  # 0.9 - 0.01 is 0.89 up to float noise
        (0.95, "pass", 0),
        (0.88, "fail", 1),
        (0.7, "fail", 1),
        (float("nan"), "fail", 1),
        (float("inf"), "fail", 1),
        (None, "fail", 1),
        ("0.95", "fail", 1),
    ],
)
def test_exit_codes(project: Any, capsys: Any, value: Any, result: str, code: int) -> None:
    project.commit(**{"metrics.json": auc(value)})
    assert verdict(capsys, code=code)["result"] == result
    for style in ("term", "md"):
        assert run(["gate", "--format", style]) == code
        assert capsys.readouterr().out


def test_a_verdict_says_what_was_judged_and_by_what(project: Any, capsys: Any) -> None:
    project.commit(**{"metrics.json": auc(0.85)})
    found = verdict(capsys, code=1)
    floor, worse = found["outcomes"]
    assert (floor["gate"], floor["result"], floor["value"], floor["bound"]) == (
        "floor",
        "pass",
        0.85,
        0.8,
    )
    assert (worse["gate"], worse["result"], worse["baseline"]) == ("no-worse", "fail", 0.9)
    assert worse["bound"] == pytest.approx(0.89)
    assert worse["headroom"] == pytest.approx(-0.04)
    assert worse["reason"] == "at most 0.01 worse: broken by 0.04"
    assert found["policy"]["revision"] == project.git("rev-parse", "main")


def test_what_cannot_be_read_blocks_and_is_no_error_of_use(project: Any, capsys: Any) -> None:
    project.write("metrics.json", "{broken")
    assert verdict(capsys, code=1)["result"] == "inconclusive"


def test_a_truth_value_is_no_number(project: Any, capsys: Any) -> None:
    project.commit(**{"metrics.json": auc(True)})
    assert verdict(capsys, code=1)["result"] == "fail"


def test_unchanged_rows_that_are_hidden_change_no_outcome(project: Any, capsys: Any) -> None:
    project.commit(**{"metrics.json": '{"auc": 0.9, "f1": 0.1}'})
    shown, hidden = data(capsys, "--all"), data(capsys)
    assert len(shown["models"][0]["metrics"]) > len(hidden["models"][0]["metrics"])
    assert shown["models"][0]["verdict"] == hidden["models"][0]["verdict"]


def test_without_gates_there_is_no_verdict_and_no_pass(project: Any, capsys: Any) -> None:
    on_main(project, **{"mlops-ci.yaml": "version: 1\n"})
    project.commit(**{"mlops-ci.yaml": "version: 1\n", "metrics.json": auc(0.1)})
    assert verdict(capsys)["result"] == "no gates"


def test_a_change_that_loosens_its_gate_is_judged_by_the_old_one(project: Any, capsys: Any) -> None:
    for config in (WEAK, "version: 1\n", STRICT.replace("id: floor", "id: floor, level: 'off'")):
        project.commit(**{"mlops-ci.yaml": config, "metrics.json": auc(0.5)})
        assert verdict(capsys, code=1)["result"] == "fail"
    project.git("rm", "-q", "mlops-ci.yaml")
    project.commit()
    assert verdict(capsys, code=1)["result"] == "fail"


def test_an_old_branch_cannot_revive_a_weak_gate(project: Any, capsys: Any) -> None:
    project.git("switch", "-q", "main")
    weak = project.commit(**{"mlops-ci.yaml": WEAK})
    project.git("switch", "-qC", "feature")
    project.commit(**{"metrics.json": auc(0.85)})
    assert verdict(capsys)["policy"]["revision"] == weak
    # Meanwhile the gate is mended on main and the model there is better: only the gate counts.
    strict = STRICT.replace("0.8}", "0.87}")
    tip = on_main(project, **{"mlops-ci.yaml": strict, "metrics.json": auc(0.95)})
    found = verdict(capsys, code=1)
    assert found["policy"]["revision"] == tip
    assert [o["result"] for o in found["outcomes"]] == ["fail", "fail"]
    assert found["outcomes"][1]["baseline"] == 0.9
    assert verdict(capsys, "--policy", weak)["result"] == "pass"


def test_gates_that_only_the_change_has_are_shown_and_not_in_force(
    project: Any, capsys: Any
) -> None:
    project.git("rm", "-q", "mlops-ci.yaml")
    project.commit()
    project.git("branch", "-f", "main")
    project.commit(**{"mlops-ci.yaml": STRICT, "metrics.json": auc(0.5)})
    found = verdict(capsys)
    assert (found["result"], found["policy"]["revision"]) == ("unarmed", "candidate")
    assert [outcome["result"] for outcome in found["outcomes"]] == ["fail", "fail"]
    assert verdict(capsys, "--policy", "HEAD", code=1)["result"] == "fail"


def test_a_named_config_is_used_as_it_is(project: Any, capsys: Any, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(WEAK)
    project.commit(**{"metrics.json": auc(0.5)})
    found = verdict(capsys, "--config", str(other))
    assert (found["result"], found["policy"]["revision"]) == ("pass", str(other))
    error = refusal(capsys, "--config", str(other), "--policy", "main")
    assert "outside of this repository" in error
    assert "does not exist" in refusal(capsys, "--config", "nowhere.yaml")


def test_a_named_config_at_a_revision_is_that_file_there(project: Any, capsys: Any) -> None:
    project.git("rm", "-q", "mlops-ci.yaml")
    project.commit(**{"ci/gates.yaml": STRICT})
    project.git("branch", "-f", "main")
    project.commit(**{"ci/gates.yaml": WEAK, "metrics.json": auc(0.5)})
    assert verdict(capsys, "--config", "ci/gates.yaml")["result"] == "pass"
    arguments = ("--config", "ci/gates.yaml", "--policy", "main")
    assert verdict(capsys, *arguments, code=1)["result"] == "fail"


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("gates: [{id: g, metric: auc, treshold: {min: 1}}]\n", "did you mean threshold?"),
        ("gates: [\n", "mlops-ci.yaml"),
        ("versoin: 1\ngate: []\nx: 1\n", "(and 1 more)"),
        ("models: {m: {include: m.yaml}}\n", "m.yaml: does not exist"),
        ("\ufeff- a\n", "needs a mapping"),
    ],
)
def test_broken_gates_at_the_tip_are_one_line_that_names_the_revision(
    project: Any, capsys: Any, config: str, why: str
) -> None:
    tip = on_main(project, **{"mlops-ci.yaml": config})
    project.commit(**{"metrics.json": auc(0.1)})
    error = refusal(capsys)
    assert f"the gates at {tip[:7]} cannot be read: " in error
    assert why in error
    # The change that mends them can be judged by its own.
    assert verdict(capsys, "--policy", "HEAD", code=1)["result"] == "fail"


def test_a_link_in_place_of_the_gates_is_refused(project: Any, capsys: Any) -> None:
    project.git("switch", "-q", "main")
    (project.path / "mlops-ci.yaml").unlink()
    (project.path / "mlops-ci.yaml").symlink_to("../outside.yaml")
    project.commit()
    project.git("switch", "-q", "feature")
    project.commit()
    assert "leaves the repository" in refusal(capsys)


def test_unknown_names_are_errors_of_use(project: Any, capsys: Any) -> None:
    assert "did you mean main?" in refusal(capsys, "--policy", "mian")
    assert "no model" in refusal(capsys, "--model", "nobody")


PROFILES = "profiles: {merge: {levels: {no-worse: warn}}, strict: {levels: {no-worse: error}}}\n"


def test_a_profile_of_the_base_judges_and_merge_is_the_usual_one(project: Any, capsys: Any) -> None:
    project.git("switch", "-q", "main")
    project.commit(**{"mlops-ci.yaml": STRICT + PROFILES})
    project.git("switch", "-qC", "feature")
    project.commit(**{"metrics.json": auc(0.85)})
    found = verdict(capsys)
    assert (found["result"], found["policy"]["profile"]) == ("warn", "merge")
    strict = verdict(capsys, "--profile", "strict", code=1)
    assert (strict["result"], strict["policy"]["profile"]) == ("fail", "strict")
    assert strict["policy"]["digest"] != found["policy"]["digest"]
    assert run(["gate", "--format", "md", "main", "HEAD", "--profile", "strict"]) == 1
    shown = capsys.readouterr().out
    assert ", profile `strict`" in shown
    assert " --profile strict" in shown
    where = f"in the gates at {project.git('rev-parse', '--short=7', 'main')}"
    assert f"there is no profile 'prod' {where}" in refusal(capsys, "--profile", "prod")
    # A change can bring no profile of its own: the gates are in force elsewhere.
    project.commit(
        **{"mlops-ci.yaml": f"{STRICT}profiles: {{merge: {{levels: {{no-worse: off}}}}}}\n"}
    )
    assert verdict(capsys)["result"] == "warn"


def test_the_first_commit_is_compared_with_nothing(
    repo: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo.path)
    files = {"dvc.yaml": DVC_YAML, "metrics.json": auc(0.5), "mlops-ci.yaml": STRICT}
    repo.commit(**files)
    found = verdict(capsys, code=1)
    assert {o["gate"]: o["result"] for o in found["outcomes"]} == {
        "floor": "fail",
        "no-worse": "skipped",
    }
    repo.git("commit", "-q", "--amend", "--allow-empty", "-m", "x")
    only_change = "gates: [{id: g, metric: auc, change: {max_regression: 0}}]\n"
    repo.write("mlops-ci.yaml", only_change)
    repo.git("commit", "-qa", "--amend", "-m", "x")
    assert verdict(capsys)["result"] == "unarmed"
    repo.write("metrics.json", auc(0.4))
    assert verdict(capsys, code=1)["result"] == "fail"


def test_a_first_measurement_is_judged_by_bounds_alone(project: Any, capsys: Any) -> None:
    project.git("rm", "-q", "metrics.json")
    project.git("commit", "-q", "--amend", "-m", "x")
    project.git("branch", "-f", "main")
    project.commit(**{"metrics.json": auc(0.85)})
    found = verdict(capsys)
    assert [o["result"] for o in found["outcomes"]] == ["pass", "skipped"]


def test_a_change_from_before_the_first_measurement_does_not_pass_as_the_first(
    project: Any, capsys: Any
) -> None:
    project.git("rm", "-q", "metrics.json")
    project.git("commit", "-q", "--amend", "-m", "x")
    project.git("branch", "-f", "main")
    project.commit(**{"metrics.json": auc(0.85)})
    on_main(project, **{"metrics.json": auc(0.99)})
    found = verdict(capsys, code=1)
    assert found["result"] == "inconclusive"
    assert "merge it into this change" in found["outcomes"][1]["reason"]


MONOREPO = {
    "mlops-ci.yaml": """\
models:
  churn: {path: churn, metrics_files: [m.json], gates: [{id: own, metric: auc, threshold: {min: 0.8}}]}
  fraud: {include: fraud/model.yaml}
  plain: {path: plain, metrics_files: [m.json]}
""",
    "fraud/model.yaml": """\
metrics_files: [m.json]
metrics: {loss_x: {direction: lower_is_better}}
gates: [{id: theirs, metric: loss_x, change: {max_regression: "5%"}}]
""",
    "churn/m.json": '{"auc": 0.9}',
    "fraud/m.json": '{"loss_x": 1.0}',
    "plain/m.json": '{"f1": 0.5}',
}


@pytest.fixture
def monorepo(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    repo.commit(**MONOREPO)
    repo.git("switch", "-qc", "feature")
    monkeypatch.chdir(repo.path)
    return repo


def test_every_model_is_judged_by_its_own_gates(monorepo: Any, capsys: Any) -> None:
    monorepo.commit(**{"fraud/m.json": '{"loss_x": 1.06}', "plain/m.json": '{"f1": 0.1}'})
    found = data(capsys, code=1)
    assert results(found) == {"churn": "pass", "fraud": "fail", "plain": "no gates"}
    assert results(data(capsys, "--model", "churn")) == {"churn": "pass"}
    assert results(data(capsys, "--model", "fraud", code=1)) == {"fraud": "fail"}
    digests = {model["verdict"]["policy"]["digest"] for model in found["models"]}
    assert len(digests) == 3


def test_a_change_to_an_included_file_does_not_loosen_its_gate(monorepo: Any, capsys: Any) -> None:
    weak = MONOREPO["fraud/model.yaml"].replace("5%", "500%").replace("lower", "higher")
    monorepo.commit(**{"fraud/model.yaml": weak, "fraud/m.json": '{"loss_x": 2}'})
    assert results(data(capsys, code=1))["fraud"] == "fail"


@pytest.mark.parametrize(
    "config",
    [
        # The model is not mentioned any more, has another name, or none of its own.
        "models: {plain: {path: plain, metrics_files: [m.json]}}\n",
        MONOREPO["mlops-ci.yaml"].replace("churn: {", "churn2: {"),
        # It is measured by other numbers, or in another place.
        MONOREPO["mlops-ci.yaml"].replace("[m.json], gates", "[train.json], gates"),
        MONOREPO["mlops-ci.yaml"].replace("churn: {path: churn,", "churn: {path: churn/better,"),
        MONOREPO["mlops-ci.yaml"] + "  deep: {path: churn, metrics_files: [m.json]}\n",
    ],
)
def test_a_change_cannot_point_a_gate_at_other_numbers(
    monorepo: Any, capsys: Any, config: str
) -> None:
    good = '{"auc": 0.99}'
    monorepo.commit(
        **{
            "mlops-ci.yaml": config,
            "churn/m.json": '{"auc": 0.1}',
            "churn/train.json": good,
            "churn/better/m.json": good,
        }
    )
    assert results(data(capsys, code=1))["churn"] == "fail"
    monorepo.commit(**{"mlops-ci.yaml": "version: 1\n"})
    assert "nothing to compare" in refusal(capsys)


def test_a_model_that_only_the_change_has_is_shown_beside_the_others(
    monorepo: Any, capsys: Any
) -> None:
    new = "  new: {path: new, metrics_files: [m.json], gates: [{id: n, metric: f1, threshold: {min: 1}}]}\n"
    config = MONOREPO["mlops-ci.yaml"] + new
    monorepo.commit(**{"mlops-ci.yaml": config, "new/m.json": '{"f1": 0.5}'})
    expected = {"churn": "pass", "fraud": "pass", "new": "unarmed", "plain": "no gates"}
    assert results(data(capsys)) == expected
    assert results(data(capsys, "--model", "new")) == {"new": "unarmed"}


def test_models_that_a_change_names_do_not_hide_the_one_that_was_found(
    project: Any, capsys: Any
) -> None:
    project.git("switch", "-q", "main")
    project.commit(**{"easy/m.json": auc(0.99)})
    project.git("switch", "-qC", "feature")
    easy = "models: {%s: {path: easy, metrics_files: [m.json]}}\n"
    for name in ("repo", "other"):
        project.commit(**{"mlops-ci.yaml": STRICT + easy % name, "metrics.json": auc(0.1)})
        assert results(data(capsys, code=1))["repo"] == "fail"


def test_a_metrics_file_that_moves_away_has_vanished(project: Any, capsys: Any) -> None:
    project.git("mv", "metrics.json", "other.json")
    project.commit(**{"dvc.yaml": "metrics: [other.json]\n", "other.json": auc(0.99)})
    found = verdict(capsys, code=1)
    assert found["result"] == "fail"
    assert found["outcomes"][0]["reason"] == "has vanished from metrics.json: other.json has it now"


@pytest.mark.parametrize("event", ["pull request", "push"])
def test_a_change_does_not_choose_the_branch_it_is_judged_by(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    project.git("branch", "mine")
    project.git("switch", "-q", "mine")
    project.commit(**{"mlops-ci.yaml": WEAK, "metrics.json": auc(0.1)})
    project.git("switch", "-q", "feature")
    project.commit(**{"mlops-ci.yaml": WEAK + "baseline: {ref: mine}\n", "metrics.json": auc(0.1)})
    if event == "pull request":
        monkeypatch.setenv("GITHUB_BASE_REF", "main")
        monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    found = data(capsys, code=1)
    assert found["models"][0]["verdict"]["policy"]["revision"] == project.git("rev-parse", "main")


def test_the_branch_that_main_names_stays_the_baseline_when_it_is_measured_anew(
    project: Any, capsys: Any
) -> None:
    on_main(project, **{"mlops-ci.yaml": STRICT + "baseline: {ref: develop}\n"})
    project.git("switch", "-qC", "develop", "main")
    develop = project.commit(**{"metrics.json": auc(0.95)})
    project.git("switch", "-qC", "feature")
    config = STRICT + "baseline: {ref: main}\nmetrics: {auc: {tolerance: 1}}\n"
    project.commit(**{"mlops-ci.yaml": config, "metrics.json": auc(0.9)})
    found = data(capsys, code=1)
    assert found["baseline"]["commit"] == develop
    assert results(found) == {"repo": "fail"}


def test_the_branch_that_a_config_names_counts_where_main_has_none(
    repo: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit(**{"readme.txt": "x"})
    repo.git("switch", "-qc", "develop")
    config = STRICT + "baseline: {ref: develop}\n"
    develop = repo.commit(
        **{"dvc.yaml": DVC_YAML, "metrics.json": auc(0.9), "mlops-ci.yaml": config}
    )
    repo.git("switch", "-qc", "feature")
    repo.commit(**{"metrics.json": auc(0.85)})
    monkeypatch.chdir(repo.path)
    assert data(capsys, code=1)["baseline"]["commit"] == develop


def test_github_test_merge_is_judged_by_its_base(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.commit(
        **{"mlops-ci.yaml": WEAK + "baseline: {ref: feature}\n", "metrics.json": auc(0.5)}
    )
    base = on_main(project, **{"other.txt": "x"})
    project.git("switch", "-q", "--detach", "main")
    project.git("merge", "-q", "--no-ff", "feature")
    project.git("branch", "-D", "main")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    found = verdict(capsys, code=1)
    assert (found["result"], found["policy"]["revision"]) == ("fail", base)


def test_a_push_to_main_is_judged_by_the_gates_before_it(project: Any, capsys: Any) -> None:
    before = project.git("rev-parse", "main")
    project.git("switch", "-q", "main")
    project.commit(**{"mlops-ci.yaml": WEAK, "metrics.json": auc(0.5)})
    found = verdict(capsys, code=1)
    assert (found["result"], found["policy"]["revision"]) == ("fail", before)


def test_neither_the_order_of_keys_nor_the_locale_changes_a_verdict(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (json.dumps(one) for one in ({"auc": 0.85, "b": 1}, {"b": 1, "auc": 0.85}))
    project.write("metrics.json", first)
    expected = verdict(capsys, code=1)
    on_main_config = "\n".join(reversed(STRICT.splitlines()))
    assert on_main_config != STRICT
    project.write("metrics.json", second)
    for name in ("de_DE.UTF-8", "tr_TR.UTF-8", "C"):
        monkeypatch.setenv("LC_ALL", name)
        assert verdict(capsys, code=1) == expected


def test_in_a_step_it_hands_over_outputs_files_and_a_summary_also_when_it_blocks(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, summary = tmp_path / "out", tmp_path / "summary"
    monkeypatch.setenv("GITHUB_OUTPUT", str(out))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    project.write("metrics.json", '{"auc": 0.7, "step": NaN}')
    assert run(["gate", "--github"]) == 1
    lines = out.read_text().splitlines()
    found = {line.partition("<<")[0]: lines[n + 1] for n, line in enumerate(lines) if "<<" in line}
    assert found["verdict"] == "fail"
    assert json.loads(found["verdicts"]) == {"repo": "fail"}
    assert json.loads(found["counts"])["fail"] == 2
    assert json.loads(found["metrics"]) == {"repo": {"auc": 0.7, "step": "NaN"}}
    assert json.loads(Path(found["json"]).read_text())["models"][0]["verdict"]["result"] == "fail"
    assert Path(found["markdown"]).read_text() == summary.read_text()
    assert "blocked" in summary.read_text()
    assert Path(found["html"]).read_text().startswith("<!doctype html>")


def test_names_of_models_in_the_environment_stand_on_lines(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = "models: {a b: {metrics_files: [metrics.json]}, c: {metrics_files: [metrics.json]}}\n"
    project.commit(**{"mlops-ci.yaml": config})
    monkeypatch.setenv("MLOPS_CI_GATE_MODELS", "\na b\n\n")
    monkeypatch.setenv("MLOPS_CI_BASE", "main")
    (model,) = data(capsys)["models"]
    assert model["name"] == "a b"


def test_on_github_an_error_is_an_annotation_of_one_line(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.commit(**{"mlops-ci.yaml": "gates: [{id: x}, {id: y%0A::notice::z}]\n"})
    assert run(["gate"]) == 2
    lines = capsys.readouterr().err.splitlines()
    (annotation,) = [line for line in lines if line.startswith("::")]
    assert annotation.startswith("::error title=mlops-ci::mlops-ci.yaml:1:")
    assert "%0Amlops-ci.yaml:1:" in annotation
