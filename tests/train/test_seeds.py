"""Several seeds: each trains on its own, and only the first one's model stays."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from mlops_ci.cli import run
from mlops_ci.lineage import store
from tests.train.conftest import FILES, command, train, until

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = pytest.mark.real
DVC_YAML = (
    FILES["dvc.yaml"]
    + """\
  publish:
    cmd: cat model.bin > card.md
    deps: [model.bin]
    outs:
    - card.md: {cache: false}
"""
)
MEASURES = 'cat data.csv > model.bin; echo "$MLOPS_CI_SEED" >> model.bin\n'
MEASURES += 'echo "{\\"accuracy\\": 0.9$MLOPS_CI_SEED}" > metrics.json\n'


def test_each_seed_is_measured_and_the_first_stays(pipeline: Repo) -> None:
    pipeline.commit(**{"train.sh": MEASURES, "dvc.yaml": DVC_YAML})
    done = train(pipeline, "--seeds", "2", "--seed", "4", "--json")
    assert done.code == 0, done.err
    assert done.data["seeds"] == [4, 5]
    found = json.loads(pipeline.path.joinpath("seed-metrics.json").read_text())
    assert found == {
        "schema_version": 1,
        "seeds": [4, 5],
        "models": {"repo": {"metrics.json": {"accuracy": [0.94, 0.95]}}},
    }
    assert done.err.count("▸ prepare") == 1
    assert done.err.count("▸ train") == 2
    assert done.err.count("▸ publish") == 2
    assert pipeline.path.joinpath("model.bin").read_text().endswith("4\n")
    assert pipeline.path.joinpath("card.md").read_text().endswith("4\n")
    assert len(pipeline.git("worktree", "list").splitlines()) == 1
    assert not pipeline.path.joinpath(".mlops-ci/seeds").exists()

    # The model that is there may be of any seed, so it is not taken for the first one's.
    again = train(pipeline, "--seeds", "2", "--json")
    assert again.code == 0, again.err
    found = json.loads(pipeline.path.joinpath("seed-metrics.json").read_text())
    assert found["models"]["repo"]["metrics.json"]["accuracy"] == [0.9, 0.91]
    assert pipeline.path.joinpath("model.bin").read_text().endswith("4\n")
    assert again.data["dirty"] == []


def test_a_seed_with_which_it_fails_is_named(pipeline: Repo) -> None:
    fails = f'test "$MLOPS_CI_SEED" = 1 && exit 3\n{MEASURES}'
    pipeline.commit(**{"train.sh": fails})
    done = train(pipeline, "--seeds", "2")
    assert done.code == 1
    assert "with seed 1: stage train failed" in done.errors[0]
    assert store.newest(pipeline.path) is None
    assert len(pipeline.git("worktree", "list").splitlines()) == 1


def test_a_second_run_at_the_same_time_is_refused_and_harms_nothing(pipeline: Repo) -> None:
    waits = (
        'test "$MLOPS_CI_SEED" = 1 && touch "$HELD" && until test -e "$GO"; do sleep 0.1; done\n'
    )
    pipeline.commit(**{"train.sh": waits + MEASURES})
    held, go = (pipeline.path.parent / name for name in ("held", "go"))
    first = subprocess.Popen(
        command("train", "--seeds", "2"),
        cwd=pipeline.path,
        env={**os.environ, "HELD": str(held), "GO": str(go)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    until(lambda: held.exists() or first.poll() is not None)
    second = train(pipeline, "--seeds", "2")
    assert second.code == 3
    assert second.errors == ["another mlops-ci train is at work in this work tree"]
    go.touch()
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 0, said
    found = json.loads(pipeline.path.joinpath("seed-metrics.json").read_text())
    assert found["models"]["repo"]["metrics.json"]["accuracy"] == [0.9, 0.91]


def test_without_a_stage_that_makes_a_model_it_asks_which(pipeline: Repo) -> None:
    pipeline.commit(
        **{
            "dvc.yaml": FILES["dvc.yaml"].replace("model.bin", "out.txt"),
            "train.sh": "echo > out.txt; echo {} > metrics.json\n",
        }
    )
    done = train(pipeline, "--seeds", "2")
    assert done.code == 2
    assert "seed_stages" in done.err
    assert "▸" not in done.err


def test_gates_judge_by_the_seeds_that_were_trained(
    pipeline: Repo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = "gates: [{id: no-worse, metric: accuracy, change: {max_regression: 0.01}, noise: {from: seeds}}]\n"
    pipeline.commit(**{"train.sh": MEASURES, "dvc.yaml": DVC_YAML, "mlops-ci.yaml": gates})
    assert train(pipeline, "--seeds", "5").code == 0
    pipeline.git("add", "-A")
    pipeline.git("commit", "-qm", "train")
    pipeline.git("switch", "-qc", "worse")
    # Better with the first seed, and worse on average.
    worse = MEASURES.replace("0.9$MLOPS_CI_SEED", "0.$((91 - MLOPS_CI_SEED))")
    pipeline.commit(**{"train.sh": worse})
    assert train(pipeline, "--seeds", "5").code == 0
    pipeline.git("add", "-A")
    pipeline.git("commit", "-qm", "train")
    monkeypatch.chdir(pipeline.path)
    capsys.readouterr()
    assert run(["gate", "--json"]) == 1
    (model,) = json.loads(capsys.readouterr().out)["models"]
    (outcome,) = model["verdict"]["outcomes"]
    assert (outcome["value"], outcome["baseline"]) == (0.91, 0.9)
    assert outcome["estimate"]["change"] == pytest.approx(-0.03)
    assert (outcome["estimate"]["method"], outcome["estimate"]["of"]) == ("paired t", "seeds")
