"""`mlops-ci check`: what it prints and its exit codes, on the index and in the clones that CI makes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mlops_ci.cli import run as run_cli
from tests.checks.conftest import project
from tests.conftest import Repo

BIG = bytes(600_000)
PAGE = Path(__file__).parents[2] / "docs/check.md"


@pytest.fixture
def check(monkeypatch, capsys):
    """`check(path, "--all-files")`: exit code, output and errors."""

    def run(path: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(path)
        code = run_cli(["check", *arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_a_commit_that_is_fine(repo, check):
    repo.commit(**project())
    repo.write("a.py", "x")
    repo.git("add", "--all")
    code, out, err = check(repo.path)
    assert (code, err) == (0, "")
    assert re.fullmatch(r"\d+ checks, index against [0-9a-f]{7}: 1 file changed: 0 findings\n", out)


def test_one_check(repo, check):
    repo.commit(**project())
    repo.write("big.csv", BIG)
    repo.git("add", "--all")
    assert check(repo.path, "half-commit")[0] == 0
    code, out, _ = check(repo.path, "data-not-in-git", "half-commit")
    assert code == 1
    assert "\n2 checks, " in out


def test_an_unknown_check(repo, check):
    repo.commit(a="1")
    code, _, err = check(repo.path, "half-comit")
    assert code == 2
    assert "did you mean half-commit?" in err


def test_the_json_of_the_page_is_what_comes_out(repo, check):
    (example,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    repo.commit(**project())
    repo.write("dvc.yaml", project()["dvc.yaml"].replace("outs:", "out:"))
    repo.git("add", "--all")
    arguments = ["data-not-in-git", "dvc-files-valid", "half-commit", "metrics-unedited"]
    code, out, _ = check(repo.path, *arguments, "--format", "json")
    assert code == 1
    wanted = json.loads(example)
    wanted["checked"] = wanted["checked"].replace("64d4a6c", repo.git("rev-parse", "HEAD")[:7])
    assert json.loads(out) == wanted


def test_json_without_findings(repo, check):
    repo.commit(a="1")
    code, out, _ = check(repo.path, "--format", "json")
    assert code == 0
    assert json.loads(out)["findings"] == []


def pull_request(repo: Repo) -> str:
    """A branch with a large file, merged as GitHub does for its checkout; the id of the merge."""
    repo.commit(**{"old.csv": BIG})
    repo.git("switch", "-qc", "side")
    repo.commit(**{"new.csv": BIG + b"1"})
    repo.commit(**{"mlops-ci.yaml": "checks: {data-not-in-git: {level: 'off'}}\n"})
    repo.git("switch", "-q", "main")
    repo.commit(more="x")
    repo.git("switch", "-q", "--detach")
    repo.git("merge", "-q", "--no-edit", "side")
    return repo.git("rev-parse", "HEAD")


def checkout(repo: Repo, path: Path, merge: str, depth: int) -> Repo:
    """https://github.com/actions/checkout with `fetch-depth`"""
    repo.git("update-ref", "refs/pull/1/merge", merge)
    repo.git("switch", "-q", "main")
    path.mkdir()
    made = Repo(path)
    made.git("init", "-q")
    made.git("remote", "add", "origin", repo.path.as_uri())
    limit = [f"--depth={depth}"] if depth else []
    more = [] if depth else ["+refs/heads/*:refs/remotes/origin/*"]
    made.git("fetch", "-q", *limit, "origin", "+refs/pull/1/merge:refs/remotes/pull/1/merge", *more)
    made.git("checkout", "-q", "--force", "refs/remotes/pull/1/merge")
    return made


@pytest.mark.parametrize(
    ("depth", "arguments"), [(0, ["--from-ref", "origin/main"]), (0, []), (2, [])]
)
def test_a_pull_request_is_judged_by_what_it_brings(repo, check, tmp_path, depth, arguments):
    """By the config of the branch that it goes into: the one that it brings switches the check off."""
    made = checkout(repo, tmp_path / "ci", pull_request(repo), depth)
    code, out, _ = check(made.path, *arguments)
    assert code == 1
    assert "new.csv: [data-not-in-git/data]" in out
    assert "old.csv" not in out


def test_a_clone_of_depth_1_does_not_pass(repo, check, tmp_path):
    made = checkout(repo, tmp_path / "ci", pull_request(repo), 1)
    code, _, err = check(made.path, "--from-ref", "origin/main")
    assert code == 2
    assert "fetch-depth: 0" in err
    code, _, err = check(made.path)
    assert code == 3
    assert "the mlops-ci.yaml of its first parent judges" in err
    assert "fetch-depth: 2" in err
    code, out, _ = check(made.path, "half-commit", "--policy", "HEAD")
    assert code == 0
    assert "(all files, since the clone is shallow and ends before the last change)" in out
    made.git("fetch", "-q", "--depth=1", "origin", "main:refs/remotes/origin/main")
    code, _, err = check(made.path, "--from-ref", "origin/main")
    assert code == 3
    assert "the clone is shallow" in err
    code, out, _ = check(made.path, "--all-files", "--policy", "origin/main")
    assert code == 1
    assert "new.csv: [data" in out
    assert "old.csv: [data" in out


@pytest.mark.parametrize("option", ["--from-ref", "--to-ref", "--policy"])
def test_a_variable_that_is_not_set_chooses_nothing(repo, check, option):
    repo.commit(a="1")
    code, _, err = check(repo.path, option, "")
    assert code == 2
    assert f"{option} is empty" in err


def test_a_new_branch_has_nothing_before_it(repo, check):
    """GitHub gives zeros as `github.event.before` then."""
    repo.commit(**{"old.csv": BIG})
    code, out, _ = check(repo.path, "data-not-in-git", "--from-ref", "0" * 40)
    assert code == 1
    assert "old.csv" in out


def test_a_bare_repository_has_no_index(repo, check, tmp_path):
    repo.commit(**{"old.csv": BIG})
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    for arguments in ([], ["--all-files"]):
        code, _, err = check(tmp_path / "bare", *arguments)
        assert code == 2
        assert "a bare repository has no index" in err
    code, out, _ = check(tmp_path / "bare", "--all-files", "--to-ref", "HEAD")
    assert code == 1
    assert "old.csv" in out


def test_a_broken_config(repo, check):
    text = "checks: {half-comit: {}, data-not-in-git: {}}\n"
    repo.commit(**{"mlops-ci.yaml": text})
    code, out, err = check(repo.path, "data-not-in-git")
    assert (code, out) == (2, "")
    assert err.startswith("error: mlops-ci.yaml:1:10: checks.half-comit: unknown key")
    assert check(repo.path, "metrics-unedited")[0] == 0, "for which it decides nothing"
    code, out, err = check(repo.path)
    assert (code, err) == (1, "")
    assert "mlops-ci.yaml:1:10: [policy-valid/broken]" in out


def test_in_a_step_it_hands_over_outputs_findings_and_a_summary(repo, check, tmp_path, monkeypatch):
    out, shown = tmp_path / "out", tmp_path / "summary"
    monkeypatch.setenv("GITHUB_OUTPUT", str(out))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(shown))
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    repo.commit(**project())
    repo.write("big.csv", BIG)
    repo.git("add", "--all")
    assert check(repo.path, "--format", "github", "--github")[0] == 1
    lines = out.read_text().splitlines()
    found = {line.partition("<<")[0]: lines[n + 1] for n, line in enumerate(lines) if "<<" in line}
    assert found["verdict"] == "fail"
    assert json.loads(found["counts"]) == {"findings": 1, "undecided": 0, "remarks": 0}
    (finding,) = json.loads(Path(found["json"]).read_text())["findings"]
    assert finding["path"] == "big.csv"
    assert "big.csv" in shown.read_text()
