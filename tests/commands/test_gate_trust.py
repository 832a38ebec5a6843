"""Numbers that a change made untrustworthy, in a pipeline that DVC itself runs: they block, and nothing else does."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from tests.conftest import Repo
from tests.lineage.project import dvc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("gate-trust")]

GATES = """\
gates:
- {id: floor, metric: accuracy, threshold: {min: 0.5}}
- {id: no-worse, metric: accuracy, change: {max_regression: 0.05}}
"""
FILES = {
    ".dvc/config": "",
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    "mlops-ci.yaml": GATES,
    "README.md": "A model.\n",
    "params.yaml": "lr: 0.1\n",
    "data/train.csv": "x\n1\n2\n",
    "data/test.csv": "x\n3\n",
    "dvc.yaml": """\
stages:
  train:
    cmd: python src/train.py
    deps: [src, data/train.csv]
    params: [lr]
    outs: [model.pkl]
  evaluate:
    cmd: python evaluate.py
    deps: [evaluate.py, model.pkl, data/test.csv]
    metrics:
    - metrics.json: {cache: false}
""",
    "src/README.md": "How it trains.\n",
    "src/train.py": "open('model.pkl', 'w').write(open('params.yaml').read() + open('data/train.csv').read())\n",
    "evaluate.py": """\
import json
seen = open('model.pkl').read() + open('data/test.csv').read()
json.dump({'accuracy': 0.9 + len(seen) / 1e4, 'version': 1}, open('metrics.json', 'w'))
""",
}


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory, _environment: None) -> Path:
    made = Repo(tmp_path_factory.mktemp("trust") / "repo")
    made.path.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    for path, content in FILES.items():
        made.write(path, content)
    dvc(made.path, "repro")
    made.git("config", "user.name", "Test")
    made.git("config", "user.email", "test@example.com")
    made.commit("train")
    return made.path


@pytest.fixture
def project(tmp_path: Path, _template: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    shutil.copytree(_template, tmp_path / "repo", symlinks=True)
    made = Repo(tmp_path / "repo")
    made.git("update-index", "--refresh")
    made.git("switch", "-qc", "feature")
    monkeypatch.chdir(made.path)
    return made


def verdict(capsys: Any, *arguments: str, code: int) -> dict[str, Any]:
    assert run(["gate", "--json", *arguments]) == code
    (model,) = json.loads(capsys.readouterr().out)["models"]
    found: dict[str, Any] = model["verdict"]
    return found


def reasons(found: dict[str, Any]) -> set[str]:
    """Of outcomes that could not be judged, without a period."""
    return {one["reason"] for one in found["outcomes"] if one["result"] == "inconclusive"}


def edited(project: Repo) -> None:
    project.commit(**{"metrics.json": '{"accuracy": 0.99, "version": 1}'})


def untrained(project: Repo) -> None:
    project.commit(**{"params.yaml": "lr: 0.2\n"})


def code_after_training(project: Repo) -> None:
    """dvc.lock is new, and yet not of this code."""
    project.write("params.yaml", "lr: 0.25\n")
    dvc(project.path, "repro")
    project.commit(**{"src/train.py": FILES["src/train.py"] + "print()\n"})


def half_run(project: Repo) -> None:
    """The model is new, the metrics are the old one's."""
    project.write("params.yaml", "lr: 0.25\n")
    dvc(project.path, "repro", "train")
    project.commit()


def code_and_readme(project: Repo) -> None:
    project.commit(**{"src/README.md": "x\n", "src/train.py": FILES["src/train.py"] + "print()\n"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (edited, "not trusted: metrics.json is not what dvc.lock recorded: MD5"),
        (untrained, "not trusted: nothing was retrained: params.yaml:lr changed, and train"),
        (code_after_training, "not trusted: nothing was retrained: src changed, and train did not"),
        (half_run, "not trusted: nothing was retrained: model.pkl changed, and evaluate did not"),
        (code_and_readme, "not trusted: nothing was retrained: src changed, and train did not"),
    ],
)
@pytest.mark.parametrize("committed", [True, False], ids=["commit", "work tree"])
def test_numbers_of_another_run_block(
    project: Repo, capsys: Any, change: Callable[[Repo], None], reason: str, committed: bool
) -> None:
    change(project)
    found = verdict(capsys, *(["main", "HEAD"] if committed else []), code=1)
    assert found["result"] == "inconclusive"
    assert len(found["outcomes"]) == 2
    assert all(one.startswith(reason) for one in reasons(found)), reasons(found)
    assert {one["result"] for one in found["outcomes"]} == {"inconclusive"}


def trained(project: Repo) -> None:
    project.write("params.yaml", "lr: 0.25\n")
    dvc(project.path, "repro")
    project.commit()


def more_training_data(project: Repo) -> None:
    project.write("data/train.csv", FILES["data/train.csv"] + "9\n")
    dvc(project.path, "repro")
    project.commit()


def nothing(project: Repo) -> None:
    project.commit()


def documents(project: Repo) -> None:
    project.commit(**{"README.md": "Two models.\n", "docs/a.md": "x", "src/README.md": "Well.\n"})


def another_stage(project: Repo) -> None:
    """Which neither makes the model nor measures it."""
    stage = "  draw:\n    cmd: echo\n    deps: [README.md]\n    outs: [picture.svg]\n"
    project.commit(**{"dvc.yaml": FILES["dvc.yaml"] + stage})


def no_input(project: Repo) -> None:
    project.commit(**{"serve.py": "print(1)\n", "tests/test_serve.py": "", "Makefile": "all:\n"})


def another_model(project: Repo) -> None:
    """Which no metric is of, and which has not been trained yet."""
    stage = "  more:\n    cmd: echo\n    deps: [src]\n    outs: [more.pkl]\n"
    project.commit(**{"dvc.yaml": FILES["dvc.yaml"] + stage})


@pytest.mark.parametrize(
    "change",
    [another_model, nothing, documents, no_input, another_stage, trained, more_training_data],
)
@pytest.mark.parametrize("committed", [True, False], ids=["commit", "work tree"])
def test_an_honest_change_stays_green(
    project: Repo, capsys: Any, change: Callable[[Repo], None], committed: bool
) -> None:
    change(project)
    assert verdict(capsys, *(["main", "HEAD"] if committed else []), code=0)["result"] == "pass"


@pytest.mark.parametrize("change", [edited, untrained])
def test_what_the_baseline_has_already_is_not_this_change(
    project: Repo, capsys: Any, change: Callable[[Repo], None]
) -> None:
    change(project)
    project.commit(**{"README.md": "Other words.\n"})
    assert verdict(capsys, "HEAD~1", "HEAD", "--exact", code=0)["result"] == "pass"


def test_only_the_metrics_behind_a_stale_stage_are_not_judged(project: Repo, capsys: Any) -> None:
    """A second file of metrics, of a stage that the first does not follow from."""
    stage = "  profile:\n    cmd: python profile.py\n    deps: [profile.py]\n"
    stage += "    metrics: [time.json: {cache: false}]\n"
    script = "open('time.json', 'w').write('{\"ms\": 3}')\n"
    gate = "- {id: fast, metric: ms, threshold: {max: 5}}\n"
    project.git("switch", "-q", "main")
    project.write("dvc.yaml", FILES["dvc.yaml"] + stage)
    project.write("profile.py", script)
    project.write("mlops-ci.yaml", GATES + gate)
    dvc(project.path, "repro")
    project.commit()
    project.git("switch", "-qC", "feature")
    project.commit(**{"profile.py": script + "print()\n"})
    found = {one["gate"]: one["result"] for one in verdict(capsys, code=1)["outcomes"]}
    assert found == {"floor": "pass", "no-worse": "pass", "fast": "inconclusive"}
    project.commit(**{"profile.py": script, "src/train.py": "print()\n"})
    found = {one["gate"]: one["result"] for one in verdict(capsys, code=1)["outcomes"]}
    assert found == {"floor": "inconclusive", "no-worse": "inconclusive", "fast": "pass"}


def test_retraining_mends_it(project: Repo, capsys: Any) -> None:
    untrained(project)
    verdict(capsys, code=1)
    dvc(project.path, "repro")
    project.commit()
    assert verdict(capsys, code=0)["result"] == "pass"


def other_test_data(project: Repo) -> None:
    project.write("data/test.csv", FILES["data/test.csv"] + "4\n")


def other_test_code(project: Repo) -> None:
    project.write("evaluate.py", FILES["evaluate.py"].replace("0.9 +", "0.91 +"))


def other_command(project: Repo) -> None:
    project.write("dvc.yaml", FILES["dvc.yaml"].replace("evaluate.py\n", "evaluate.py x\n", 1))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (other_test_data, "not comparable: the evaluation data differs: data/test.csv"),
        (other_test_code, "not comparable: the evaluation code differs: evaluate.py"),
        (other_command, "not comparable: the evaluation code differs: the command of evaluate"),
    ],
)
def test_two_exams_are_not_compared(
    project: Repo, capsys: Any, change: Callable[[Repo], None], reason: str
) -> None:
    change(project)
    dvc(project.path, "repro")
    project.commit()
    found = verdict(capsys, code=1)
    assert found["result"] == "inconclusive"
    assert reasons(found) == {reason}
    # A bound on the value needs no second side.
    assert {one["gate"] for one in found["outcomes"] if one["result"] == "pass"} == {"floor"}


def configure(project: Repo, more: str) -> None:
    """On main too: what a change says there itself does not count."""
    project.git("switch", "-q", "main")
    project.commit(**{"mlops-ci.yaml": GATES + more})
    project.git("switch", "-q", "feature")
    project.git("merge", "-q", "main")


@pytest.mark.parametrize("change", [edited, untrained, other_test_data])
def test_a_team_may_let_it_pass_as_a_warning(
    project: Repo, capsys: Any, change: Callable[[Repo], None]
) -> None:
    configure(project, "defaults: {on_untrusted: warn}\n")
    change(project)
    if change is other_test_data:
        dvc(project.path, "repro")
    project.commit()
    assert verdict(capsys, code=0)["result"] == "warn"


def test_a_waiver_lets_one_change_through(project: Repo, capsys: Any) -> None:
    waiver = "{gate: no-worse, reason: new test set, approved_by: '@a', expires: 2999-01-01}"
    configure(project, f"waivers:\n- {waiver}\n")
    other_test_data(project)
    dvc(project.path, "repro")
    project.commit()
    assert verdict(capsys, code=0)["result"] == "waived"


def test_a_change_cannot_say_itself_what_is_trusted(project: Repo, capsys: Any) -> None:
    relaxed = "defaults: {on_untrusted: warn}\nmodels: {repo: {evaluation: {data: []}}}\n"
    other_test_data(project)
    dvc(project.path, "repro")
    project.commit(**{"mlops-ci.yaml": GATES + relaxed})
    assert verdict(capsys, code=1)["result"] == "inconclusive"


@pytest.mark.parametrize(
    ("evaluation", "code"),
    [
        ("data: [data/train.csv], code: [src/train.py]", 0),
        ("data: [data/test.csv], code: []", 1),
        ("data: [data], code: []", 1),
        ("data: [data/none.csv], code: []", 1),
        ("data: [], code: [evaluate.py]", 1),
        ("data: [], code: []", 0),
        ("data: [], code: [], metric_version: version", 1),
        ("data: [], code: [], metric_version: lr", 0),
        ("data: [], code: [], metric_version: nothing", 1),
    ],
)
def test_a_team_names_what_its_evaluation_is(
    project: Repo, capsys: Any, evaluation: str, code: int
) -> None:
    configure(project, f"models: {{m: {{evaluation: {{{evaluation}}}}}}}\n")
    other_test_data(project)
    project.write("evaluate.py", FILES["evaluate.py"].replace("'version': 1", "'version': 2"))
    dvc(project.path, "repro")
    project.commit()
    verdict(capsys, code=code)


def test_what_training_reads_too_is_said_and_does_not_block(project: Repo, capsys: Any) -> None:
    """Nobody knows which part of it the metrics are of."""
    project.write("dvc.yaml", FILES["dvc.yaml"].replace("data/test.csv]", "data/train.csv]"))
    dvc(project.path, "repro")
    project.commit()
    more_training_data(project)
    assert run(["gate", "--json", "HEAD~1", "HEAD", "--exact"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    (note,) = [one for one in model["notes"] if one["kind"] == "evaluation-differs"]
    assert "untrusted" not in note
    assert (
        note["message"] == "the metrics may be of different evaluation data: data/train.csv differs"
    )
