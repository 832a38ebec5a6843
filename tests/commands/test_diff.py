"""`mlops-ci diff` as a user calls it: output, exit code, and every kind of bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import mlops_ci
from mlops_ci.cli import run

SCHEMA = json.loads((Path(mlops_ci.__file__).parent / "diff.schema.json").read_text())
DVC_YAML = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py, data/train.csv]
    params: [lr]
    metrics:
    - metrics.json: {cache: false}
"""


@pytest.fixture
def project(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A DVC repository with one commit on `main`, and the current folder in it."""
    repo.commit(
        **{
            ".dvc/config": "",
            "dvc.yaml": DVC_YAML,
            "params.yaml": "lr: 0.1\n",
            "train.py": "print()\n",
            "data/train.csv": "x,y\n1,2\n",
            "metrics.json": '{"accuracy": 0.9, "step": 3, "loss": 0.5}\n',
        }
    )
    monkeypatch.chdir(repo.path)
    return repo


def data(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    """The JSON that `mlops-ci diff --json ARGUMENTS` prints, checked against its schema."""
    assert run(["diff", "--json", *arguments]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    jsonschema.validate(found, SCHEMA)
    return found


def metrics(found: dict[str, Any]) -> dict[str, Any]:
    return {row["name"]: row for model in found["models"] for row in model["metrics"]}


def notes(found: dict[str, Any]) -> set[str]:
    return {note["kind"] for model in found["models"] for note in model["notes"]}


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> str:
    """The error of a call that prints nothing else: one line, perhaps a hint below it."""
    assert run(["diff", *arguments]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) <= 2
    return printed.err


def test_work_tree_against_its_commit(project: Any, capsys: Any) -> None:
    project.write("metrics.json", '{"accuracy": 0.93, "step": 4, "loss": 0.5}\n')
    found = data(capsys)
    head = project.git("rev-parse", "HEAD")
    assert found["candidate"] == {"rev": "work tree", "commit": None, "head": head}
    row = metrics(found)["accuracy"]
    assert (row["baseline"], row["candidate"], row["change"]) == (0.9, 0.93, "better")
    assert row["delta"] == pytest.approx(0.03)
    assert row["relative"] == pytest.approx(0.03 / 0.9)
    assert set(metrics(found)) == {"accuracy"}
    assert set(metrics(data(capsys, "--all"))) == {"accuracy", "step", "loss"}


def test_baseline_is_the_merge_base_and_not_the_tip(project: Any, capsys: Any) -> None:
    base = project.git("rev-parse", "HEAD")
    project.git("switch", "-qc", "feature")
    project.commit(**{"metrics.json": '{"accuracy": 0.91}'})
    project.git("switch", "-q", "main")
    project.commit(**{"metrics.json": '{"accuracy": 0.99}'})
    project.git("switch", "-q", "feature")
    found = data(capsys, "main")
    assert found["baseline"]["commit"] == base
    assert found["baseline"]["behind"] == 1
    assert metrics(found)["accuracy"]["change"] == "better"
    exact = data(capsys, "--exact", "main")
    assert metrics(exact)["accuracy"]["change"] == "worse"


def test_without_arguments_a_branch_is_compared_with_main(project: Any, capsys: Any) -> None:
    project.git("switch", "-qc", "feature")
    project.commit(**{"metrics.json": '{"accuracy": 0.8}'})
    project.commit(**{"README.md": "more"})
    assert metrics(data(capsys))["accuracy"]["change"] == "worse"


def test_on_a_clean_main_the_last_commit_is_the_change(project: Any, capsys: Any) -> None:
    first = project.git("rev-parse", "HEAD")
    project.commit(**{"metrics.json": '{"accuracy": 0.95}'})
    found = data(capsys)
    assert found["baseline"]["commit"] == first
    assert metrics(found)["accuracy"]["candidate"] == 0.95


def test_github_test_merge_is_compared_with_its_base_parent(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.git("switch", "-qc", "feature")
    project.commit(**{"metrics.json": '{"accuracy": 0.91}'})
    project.git("switch", "-q", "main")
    base = project.commit(**{"other.txt": "x"})
    project.git("switch", "-q", "--detach")
    project.git("merge", "-q", "--no-ff", "feature")
    project.git("branch", "-D", "main")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    found = data(capsys)
    assert found["baseline"]["commit"] == base
    assert metrics(found)["accuracy"]["change"] == "better"


def test_a_baseline_without_metrics_walks_back_and_says_how_far(project: Any, capsys: Any) -> None:
    measured = project.git("rev-parse", "HEAD")
    project.git("rm", "-q", "metrics.json")
    project.commit()
    project.commit(**{"note.txt": "x"})
    project.git("switch", "-qc", "feature")
    project.commit(**{"metrics.json": '{"accuracy": 0.91}'})
    found = data(capsys)
    assert found["baseline"]["commit"] == measured
    assert "2 commits before" in str(found["models"][0]["notes"])
    assert metrics(found)["accuracy"]["baseline"] == 0.9


def test_a_first_measurement_says_so(
    repo: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo.path)
    repo.commit(**{"README.md": "x"})
    repo.git("switch", "-qc", "feature")
    repo.commit(**{".dvc/config": "", "dvc.yaml": DVC_YAML, "metrics.json": '{"accuracy": 0.9}'})
    found = data(capsys)
    assert notes(found) == {"no-baseline"}
    assert metrics(found)["accuracy"]["change"] == "added"


def test_a_shallow_clone_names_the_command_that_deepens_it(
    project: Any, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.git("switch", "-qc", "feature")
    project.commit(**{"metrics.json": "{}"})
    project.commit(**{"metrics.json": '{"accuracy": 1.0}'})
    url = project.path.as_uri()
    options = ["--depth=1", "--no-single-branch", "--branch=feature"]
    subprocess.run(["git", "clone", "-q", *options, url, "clone"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path / "clone")
    assert "fetch-depth: 0" in refusal(capsys, code=3)
    assert "fetch-depth: 0" in refusal(capsys, "origin/main", code=3)


def test_what_may_explain_a_change_stands_beside_it(project: Any, capsys: Any) -> None:
    project.write("params.yaml", "lr: 0.2\n")
    project.write("train.py", "print(2)\n")
    project.write("data/train.csv", "x,y\n1,2\n3,4\n")
    project.write("requirements.txt", "numpy==2.0\n")
    project.git("add", "requirements.txt")
    model = data(capsys)["models"][0]
    assert model["params"][0] | {"direction": ""} == {
        "name": "lr",
        "source": "params.yaml",
        "baseline": 0.1,
        "candidate": 0.2,
        "delta": 0.1,
        "relative": 1.0,
        "direction": "",
        "change": "changed",
    }
    assert model["code"] == [{"path": "train.py", "change": "changed"}]
    assert [
        (row["path"], row["baseline"]["rows"], row["candidate"]["rows"]) for row in model["data"]
    ] == [("data/train.csv", 1, 2)]
    assert model["environment"] == [
        {"name": "numpy", "source": "requirements.txt", "candidate": "2.0", "change": "added"}
    ]
    assert "dirty" in notes(data(capsys))
    assert run(["diff"]) == 0
    assert "lr" in capsys.readouterr().out


def test_params_without_a_new_lock_mean_that_nothing_was_retrained(
    project: Any, capsys: Any
) -> None:
    project.commit(**{"dvc.lock": "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n"})
    project.git("switch", "-qc", "feature")
    project.commit(**{"params.yaml": "lr: 0.3\n"})
    assert "nothing-retrained" in notes(data(capsys, "main"))


def test_a_metrics_file_edited_by_hand_disagrees_with_the_lock(project: Any, capsys: Any) -> None:
    lock = "schema: '2.0'\nstages:\n  train:\n    cmd: c\n    outs:\n    - {path: metrics.json, hash: md5, md5: %s}\n"
    body = '{"accuracy": 0.9}\n'
    md5 = "13a5e4c7efa4ca9f6c0a2bf2ef2a5b05"
    project.commit(**{"metrics.json": body, "dvc.lock": lock % md5})
    assert "lock-mismatch" in notes(data(capsys, "--all"))
    import hashlib

    windows = hashlib.md5(body.replace("\n", "\r\n").encode()).hexdigest()
    project.commit(**{"dvc.lock": lock % windows})
    found = data(capsys, "--all", "HEAD", "HEAD")
    assert "line-endings" in notes(found)
    assert "lock-mismatch" not in notes(found)


def test_one_broken_file_hides_no_other(project: Any, capsys: Any) -> None:
    project.commit(**{"b/dvc.yaml": "metrics: [m.json]\n", "b/m.json": '{"f1": 0.5}'})
    project.write("metrics.json", "{broken")
    project.write("b/m.json", '{"f1": 0.6}')
    found = data(capsys, code=3)
    assert metrics(found)["f1"]["change"] == "better"
    assert metrics(found)["accuracy"]["change"] == "unknown"
    assert "candidate" not in metrics(found)["accuracy"]
    assert any(
        "metrics.json:1:2" in note["message"]
        for model in found["models"]
        for note in model["notes"]
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1, "a": 2}', "duplicate key 'a'"),
        (b"\xff\x00", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n",
            "Git LFS pointer",
        ),
    ],
)
def test_a_metrics_file_that_cannot_be_read_is_said_in_one_line(
    project: Any, capsys: Any, content: bytes, reason: str
) -> None:
    project.write("metrics.json", content)
    assert run(["diff"]) == 3
    lines = [line for line in capsys.readouterr().out.splitlines() if reason in line]
    assert len(lines) == 1


def test_yaml_bombs_in_a_pipeline_are_refused(project: Any, capsys: Any) -> None:
    bomb = "a0: &a0 [1, 1]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
    )
    project.write("dvc.yaml", bomb)
    assert run(["diff"]) == 3
    assert "aliases expand" in capsys.readouterr().out


def test_a_metrics_file_of_500_mb_is_not_loaded(project: Any, capsys: Any) -> None:
    with (project.path / "metrics.json").open("wb") as file:
        file.truncate(500_000_000)
    assert run(["diff"]) == 3
    assert "500,000,000 bytes" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_links_and_folders_where_a_file_is_expected(
    project: Any, capsys: Any, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"accuracy": 1.0}')
    (project.path / "metrics.json").unlink()
    (project.path / "metrics.json").symlink_to(secret)
    assert "leaves the repository" in str(data(capsys, code=3))
    project.commit()
    assert "leaves the repository" in str(data(capsys, "HEAD~1", "HEAD", code=3))
    (project.path / "metrics.json").unlink()
    (project.path / "inner.json").write_text('{"accuracy": 0.97}')
    (project.path / "metrics.json").symlink_to("inner.json")
    assert metrics(data(capsys, "HEAD~1"))["accuracy"]["candidate"] == 0.97
    project.commit()
    assert metrics(data(capsys, "HEAD~2", "HEAD"))["accuracy"]["candidate"] == 0.97


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["a b", "a:b", "a\\b", "été", "b'\udcff", "-n", "x\ty", 'q"'])
def test_odd_folder_names(project: Any, capsys: Any, name: str) -> None:
    folder = os.fsdecode(os.fsencode(name)) if "\udcff" not in name else name
    project.write(f"{folder}/dvc.yaml", "metrics: [m.json]\n")
    project.write(f"{folder}/m.json", '{"f1": 0.5}')
    project.commit()
    project.write(f"{folder}/m.json", '{"f1": 0.6}')
    found = data(capsys)
    assert metrics(found)["f1"]["change"] == "better"
    for style in ("term", "md"):
        assert run(["diff", "--format", style]) == 0
        assert "0.6" in capsys.readouterr().out


def test_a_metrics_file_in_a_submodule(project: Any, capsys: Any, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *command], cwd=inner, check=True)
    project.git("submodule", "--quiet", "add", inner.as_uri(), "sub")
    project.write("dvc.yaml", DVC_YAML + "metrics: [sub/m.json]\n")
    project.commit()
    assert "submodule" in str(data(capsys, "HEAD~1", "HEAD", code=3))


def test_a_detached_head(project: Any, capsys: Any) -> None:
    project.commit(**{"metrics.json": '{"accuracy": 0.95}'})
    project.git("switch", "-q", "--detach")
    assert metrics(data(capsys))["accuracy"]["candidate"] == 0.95


def test_no_dvc_folder_at_all(project: Any, capsys: Any) -> None:
    project.git("rm", "-rq", ".dvc")
    project.commit(**{"metrics.json": '{"accuracy": 0.95}'})
    assert metrics(data(capsys))["accuracy"]["candidate"] == 0.95


def test_a_metric_that_is_only_in_a_missing_cache_is_unknown(project: Any, capsys: Any) -> None:
    lock = "schema: '2.0'\nstages:\n  train:\n    cmd: c\n    outs:\n    - {path: metrics.json, hash: md5, md5: %s}\n"
    project.git("rm", "-q", "--cached", "metrics.json")
    (project.path / "metrics.json").unlink()
    project.commit(**{"dvc.lock": lock % ("a" * 32), ".gitignore": "metrics.json\n"})
    found = data(capsys, "--no-fetch", "HEAD~1", "HEAD", code=3)
    row = metrics(found)["accuracy"]
    assert (row["change"], row["baseline"]) == ("unknown", 0.9)
    assert "not in the DVC cache" in row["reason"]


def test_not_a_repository(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "not in a Git repository" in refusal(capsys, code=2)


def test_an_empty_repository(repo: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.path)
    assert "no commits yet" in refusal(capsys, code=2)


def test_a_bare_repository_needs_both_names(
    project: Any, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.commit(**{"metrics.json": '{"accuracy": 0.95}'})
    subprocess.run(
        ["git", "clone", "-q", "--bare", str(project.path), "bare"], cwd=tmp_path, check=True
    )
    monkeypatch.chdir(tmp_path / "bare")
    assert "bare" in refusal(capsys, code=2)
    assert metrics(data(capsys, "HEAD~1", "HEAD"))["accuracy"]["change"] == "better"


@pytest.mark.parametrize("name", ["main", "origin/main"])
def test_a_tag_that_is_called_as_a_branch_is_not_taken_for_it(
    project: Any, capsys: Any, name: str
) -> None:
    """Whoever may push tags could choose what a change is compared with, and whose gates judge it."""
    project.git("update-ref", "refs/remotes/origin/main", "main")
    project.git("switch", "-qc", "feature")
    project.commit(**{"metrics.json": '{"accuracy": 0.91}'})
    assert data(capsys, name)["candidate"]["commit"] is None
    project.git("tag", name, "feature")
    project.git("branch", "-qD", "main") if name == "main" else None
    ref = "refs/remotes/origin/main"
    assert f"say which is meant: {ref} or refs/tags/{name}" in refusal(capsys, name, code=2)
    assert "is a branch, and a tag" in refusal(capsys, f"{name}~0", code=2)
    assert metrics(data(capsys, ref))["accuracy"]["change"] == "better"
    project.git("tag", "-f", name, ref)
    assert metrics(data(capsys, name))["accuracy"]["change"] == "better"


def test_unknown_names_are_refused_with_a_proposal(project: Any, capsys: Any) -> None:
    assert "did you mean main?" in refusal(capsys, "mian", code=2)
    assert "unknown revision '--upload-pack=x'" in refusal(capsys, "--", "--upload-pack=x", code=2)
    assert "the models here: repo" in refusal(capsys, "--model", "rep", code=2)
    assert "does not exist" in refusal(capsys, "--config", "nowhere.yaml", code=2)


def test_nothing_to_compare(repo: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.path)
    repo.commit(**{"README.md": "x"})
    assert "mlops-ci.yaml" in refusal(capsys, code=2)


def test_a_broken_config_lists_all_its_errors(project: Any, capsys: Any) -> None:
    project.write("mlops-ci.yaml", "versoin: 1\nmetrics:\n  accuracy: {direction: up}\n")
    assert run(["diff"]) == 2
    error = capsys.readouterr().err
    assert "mlops-ci.yaml:1:1: versoin: unknown key, did you mean version?" in error
    assert "mlops-ci.yaml:3:14: metrics.accuracy.direction" in error


def test_config_without_dvc(repo: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.path)
    config = """\
models:
  a: {path: a, metrics_files: ['*.toml', sub/m.yaml]}
metrics:
  x.y: {direction: lower_is_better}
"""
    repo.commit(**{"mlops-ci.yaml": config, "a/m.toml": "[x]\ny = 3\n", "a/sub/m.yaml": "z: 1\n"})
    repo.write("a/m.toml", "[x]\ny = 4\n")
    found = metrics(data(capsys, "--all"))
    assert found["x.y"]["change"] == "worse"
    assert found["z"]["source"] == "a/sub/m.yaml"


def test_models_of_a_monorepo_are_told_apart(project: Any, capsys: Any) -> None:
    for name in ("churn", "fraud"):
        project.write(f"models/{name}/dvc.yaml", DVC_YAML)
        project.write(f"models/{name}/metrics.json", '{"accuracy": 0.5}')
    project.commit()
    project.write("models/fraud/metrics.json", '{"accuracy": 0.4}')
    changed = {model["name"]: len(model["metrics"]) for model in data(capsys)["models"]}
    assert changed == {"models/churn": 0, "models/fraud": 1, "repo": 0}
    assert [model["name"] for model in data(capsys, "--model", "models/fraud")["models"]] == [
        "models/fraud"
    ]


def test_the_installed_command_completes_and_helps() -> None:
    env = {**os.environ, "_MLOPS_CI_COMPLETE": "bash_source"}
    done = subprocess.run(
        [sys.executable, "-m", "mlops_ci"], env=env, capture_output=True, text=True, check=False
    )
    assert "complete" in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "mlops_ci", "diff", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Examples:" in done.stdout


@pytest.mark.real
def test_metrics_in_git_lfs_are_read_from_its_store(project: Any, capsys: Any) -> None:
    project.git("lfs", "install", "--local")
    project.commit(**{".gitattributes": "metrics.json filter=lfs -text\n"})
    project.write("metrics.json", '{"accuracy": 0.5}')
    project.git("add", "--renormalize", ".")
    first = project.commit()
    second = project.commit(**{"metrics.json": '{"accuracy": 0.75}'})
    assert project.git("cat-file", "-p", f"{first}:metrics.json").startswith(
        "version https://git-lfs"
    )
    assert metrics(data(capsys, first, second))["accuracy"]["delta"] == 0.25


LOCK = """\
schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - {path: data/train.csv, hash: md5, md5: %s}
    outs:
    - {path: metrics.json, hash: md5, md5: %s}
"""


def lock(project: Any, data_md5: str) -> str:
    import hashlib

    metrics_md5 = hashlib.md5((project.path / "metrics.json").read_bytes()).hexdigest()
    return LOCK % (data_md5, metrics_md5)


def test_metrics_of_other_evaluation_data_say_so(project: Any, capsys: Any) -> None:
    project.commit(**{"dvc.lock": lock(project, "a" * 32)})
    project.commit(**{"metrics.json": '{"accuracy": 0.95}'})
    project.commit(**{"dvc.lock": lock(project, "b" * 32)})
    found = data(capsys, "HEAD~2", "HEAD")
    (note,) = [one for one in found["models"][0]["notes"] if one["kind"] == "evaluation-differs"]
    assert note["path"] == "data/train.csv"


def test_a_not_a_number_is_text_in_json_and_always_shown(project: Any, capsys: Any) -> None:
    project.commit(**{"metrics.json": '{"accuracy": NaN, "loss": Infinity}'})
    found = data(capsys, "HEAD", "HEAD")
    assert metrics(found)["accuracy"]["candidate"] == "NaN"
    assert metrics(found)["loss"]["baseline"] == "Infinity"
    assert "delta" not in metrics(found)["loss"]
    assert notes(found) == {"not-a-number"}


def test_the_order_is_the_same_whatever_that_of_the_file(project: Any, capsys: Any) -> None:
    project.write("metrics.json", '{"f1": 0.1, "accuracy": 0.2, "a": {"z": 1, "b": 2}}')
    first = data(capsys, "--all")
    project.write("metrics.json", '{"a": {"b": 2, "z": 1}, "accuracy": 0.2, "f1": 0.1}')
    assert data(capsys, "--all") == first
    names = [row["name"] for row in first["models"][0]["metrics"]]
    assert names == sorted(names)


def test_a_broken_pipeline_leaves_metrics_unknown_and_not_removed(
    project: Any, capsys: Any
) -> None:
    project.write("dvc.yaml", "stages: [a]\n")
    found = data(capsys, code=3)
    assert {row["change"] for row in found["models"][0]["metrics"]} == {"unknown"}
    project.write("dvc.yaml", DVC_YAML)
    project.write("params.yaml", "lr: [")
    found = data(capsys, "--all", code=3)
    assert metrics(found)["accuracy"]["change"] == "same"


def test_one_name_that_stands_in_a_file_twice_is_no_number(project: Any, capsys: Any) -> None:
    project.write("metrics.json", '{"a": {"b": 1}, "a.b": 2}')
    assert "stands in it twice" in str(data(capsys, code=3))


def test_a_percentage_is_not_better_than_a_fraction(project: Any, capsys: Any) -> None:
    project.write("metrics.json", '{"accuracy": 93.1, "loss": 20.0}')
    found = data(capsys)
    assert metrics(found)["accuracy"]["change"] == "changed"
    assert metrics(found)["loss"]["change"] == "worse"
    assert "scale-jump" in notes(found)


def test_a_checkout_of_depth_one_names_the_command_that_deepens_it(
    project: Any, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.git("switch", "-qc", "feature")
    project.commit(**{"metrics.json": '{"accuracy": 0.91}'})
    project.git("switch", "-q", "main")
    project.commit(**{"other.txt": "x"})
    project.git("merge", "-q", "--no-ff", "feature")
    url = project.path.as_uri()
    subprocess.run(["git", "clone", "-q", "--depth=1", url, "clone"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    assert "fetch-depth: 0" in refusal(capsys, code=3)


def test_a_branch_that_is_only_at_origin_is_found(
    project: Any, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.git("branch", "release")
    project.commit(**{"metrics.json": '{"accuracy": 0.91}'})
    subprocess.run(["git", "clone", "-q", project.path.as_uri(), "clone"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path / "clone")
    assert metrics(data(capsys, "release"))["accuracy"]["change"] == "better"
    assert "unknown revision '@{u}x'" in refusal(capsys, "@{u}x", code=2)
    assert "mlops-ci" not in refusal(capsys, "main...release", code=2)


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links and a shell")
@pytest.mark.parametrize("link", [None, ".venv", ".venv/bin"])
def test_no_program_that_lies_in_git_is_run(
    project: Any, capsys: Any, link: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", os.pathsep.join(["/usr/bin", "/bin"]))
    folder = {None: ".venv", ".venv": "evil", ".venv/bin": "evil"}[link]
    program = project.write(f"{folder}/bin/dvc", "#!/bin/sh\ntouch pwned\n")
    program.chmod(0o755)
    if link:
        (project.path / link).parent.mkdir(exist_ok=True)
        target = "evil" if link == ".venv" else "../evil/bin"
        (project.path / link).symlink_to(target)
    (project.path / "metrics.json").unlink()
    project.write("mlops-ci.yaml", f"data: {{dvc: {folder}/bin/dvc}}\n")
    project.commit(**{"dvc.lock": LOCK % ("a" * 32, "b" * 32)})
    for arguments in ([], ["HEAD~1", "HEAD"], ["HEAD~1"]):
        run(["diff", *arguments])
    assert "not in the DVC cache" in capsys.readouterr().out
    assert not (project.path / "pwned").exists()


def test_nothing_is_fetched_with_a_dvc_config_that_the_change_edits(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("mlops_ci.stack.data.dvc.fetch", lambda *args: asked.append(args) or b"{}")
    monkeypatch.setattr("mlops_ci.stack.data.dvc.find_dvc", lambda *args: "dvc")
    (project.path / "metrics.json").unlink()
    project.commit(**{"dvc.lock": LOCK % ("a" * 32, "b" * 32)})
    assert run(["diff", "HEAD~1", "HEAD"]) == 0
    assert len(asked) == 1
    project.commit(**{".dvc/config": "[core]\n    remote = evil\n"})
    assert run(["diff", "HEAD~2", "HEAD"]) == 3
    assert "nothing is fetched" in capsys.readouterr().out
    assert len(asked) == 1


def test_a_bug_is_not_a_failed_gate(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mlops_ci.commands.diff.compare", broken)
    assert run(["diff"]) == 70
    assert "a bug in mlops-ci" in capsys.readouterr().err


@pytest.mark.parametrize(
    "stage",
    [
        "foreach: [a]",
        "{foreach: [a], do: [1]}",
        "{cmd: c, wdir: [1], metrics: [m.json]}",
        "{cmd: c, metrics: [[metrics.json]]}",
        "{cmd: c, params: [{a.yaml: 3}]}",
    ],
)
def test_a_stage_of_the_wrong_shape_is_unreadable(project: Any, capsys: Any, stage: str) -> None:
    project.write("dvc.yaml", f"stages:\n  train:\n    {stage}\n")
    found = data(capsys, code=3)
    assert {row["change"] for row in found["models"][0]["metrics"]} == {"unknown"}


def test_a_lock_of_the_wrong_shape_is_unreadable(project: Any, capsys: Any) -> None:
    project.write("dvc.lock", "schema: '2.0'\nstages: [a]\n")
    assert "has no stages that can be read" in str(data(capsys, code=3))


def test_params_edited_after_training_are_said_not_to_be_trained_on(
    project: Any, capsys: Any
) -> None:
    trained = "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n    params:\n      params.yaml: {lr: %s}\n"
    project.commit(**{"dvc.lock": trained % 0.1})
    project.commit(**{"dvc.lock": trained % 0.5, "params.yaml": "lr: 0.5\n"})
    assert "nothing-retrained" not in notes(data(capsys, "HEAD~1", "HEAD"))
    project.commit(**{"params.yaml": "lr: 0.9\n"})
    found = data(capsys, "HEAD~2", "HEAD")
    assert "params.yaml:lr changed, and train did not run" in str(found)


def test_a_changed_command_without_a_run_is_said(project: Any, capsys: Any) -> None:
    project.commit(**{"dvc.lock": LOCK % ("a" * 32, "b" * 32)})
    project.commit(**{"dvc.yaml": DVC_YAML.replace("train.py\n", "train.py --fast\n")})
    assert "nothing-retrained" in notes(data(capsys, "HEAD~1", "HEAD"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
@pytest.mark.parametrize("how", ["local", "link"])
def test_nothing_is_fetched_where_dvc_would_read_another_config(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("mlops_ci.stack.data.dvc.fetch", lambda *_: pytest.fail("fetched"))
    monkeypatch.setattr("mlops_ci.stack.data.dvc.find_dvc", lambda *_: "dvc")
    if how == "local":
        project.write(".dvc/config.local", "[core]\n    remote = evil\n")
    else:
        project.write("conf.ini", "")
        (project.path / ".dvc/config").unlink()
        (project.path / ".dvc/config").symlink_to("../conf.ini")
        project.commit()
    (project.path / "metrics.json").unlink()
    project.commit(**{"dvc.lock": LOCK % ("a" * 32, "b" * 32)})
    assert run(["diff", "HEAD~1", "HEAD"]) == 3
    assert "nothing is fetched" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script")
def test_a_dvc_that_lies_in_git_is_not_found_on_path_either(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = project.write(".venv/bin/dvc", "#!/bin/sh\ntouch pwned\n")
    program.chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", str(project.path / ".venv"))
    monkeypatch.setenv("PATH", os.pathsep.join([str(program.parent), "/usr/bin", "/bin"]))
    project.commit(**{"mlops-ci.yaml": "data: {dvc: .venv/bin/dvc}\n"})
    (project.path / "metrics.json").unlink()
    project.commit(**{"dvc.lock": LOCK % ("a" * 32, "b" * 32)})
    run(["diff", "HEAD~1", "HEAD"])
    assert not (project.path / "pwned").exists()


def test_the_shell_completes_branches_and_tags_that_are_safe_to_insert(project: Any) -> None:
    for name in ("feature/a", "feature/$(touch${IFS}x)", "feature/!1"):
        project.git("branch", name)
    project.git("tag", "fraud@v1.0.0")

    def completed(words: str, folder: Path) -> set[str]:
        env = {**os.environ, "_MLOPS_CI_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
        command = [sys.executable, "-m", "mlops_ci"]
        env["COMP_WORDS"] = f"mlops-ci {words}"
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, check=True
        )
        return {line.removeprefix("plain,") for line in done.stdout.split()}

    assert completed("diff f", project.path) == {"feature/a", "fraud@v1.0.0"}
    assert completed("gate m", project.path) == {"main"}
    assert completed("diff m", project.path.parent) == set()
