"""Repositories that mean harm, and those in unusual states: no command, no escape, no crash, no silent pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlops_ci.checks import catalog
from mlops_ci.checks.render import render
from mlops_ci.checks.run import Report, run_checks
from mlops_ci.checks.scope import Asked
from mlops_ci.finding import Finding
from tests.checks.conftest import project
from tests.conftest import Repo

if TYPE_CHECKING:
    from pathlib import Path

BIG = bytes(600_000)
DATA = "data-not-in-git"


def report_of(path: Path, check: str = DATA, **asked) -> Report:
    return run_checks(path, [catalog.entry(check)], Asked(**asked))


def run_hook(path: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """As a process of its own, for what is read from the environment."""
    code = "import sys; from mlops_ci_hooks.data_not_in_git import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, cwd=path, env={**os.environ, **env}, capture_output=True, check=False
    )


def of_text(text: str) -> Report:
    finding = Finding(rule=text, path=text, what=text, why=text, fix=text, line=1)
    return Report(findings=[finding], scope=text, checks=1)


@pytest.mark.parametrize("style", ["text", "github", "json"])
def test_no_text_becomes_a_command_or_an_escape(hostile, style):
    shown = render(of_text(hostile), style)
    assert shown.isprintable() or set(shown) - {"\n"} == {c for c in shown if c.isprintable()}
    shown.encode()
    if style == "json":
        assert json.loads(shown)["findings"][0]["path"] == hostile
        return
    lines = shown.splitlines()
    # The runner of GitHub skips spaces before `::`, and finds `##[` anywhere in a line.
    commands = [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
    if style == "github":
        assert len(lines) == len(commands) == 1
        properties = lines[0].removeprefix("::error ").split("::")[0]
        assert [part.partition("=")[0] for part in properties.split(",")] == [
            "title",
            "file",
            "line",
        ]
    else:
        assert not commands


def test_a_link_is_not_followed_out_of_the_repository(repo, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("password: x\n")
    repo.commit(**project())
    for name in ("dvc.lock", "params.yaml", "metrics.json", "mlops-ci.yaml", "x.dvc"):
        (repo.path / name).unlink(missing_ok=True)
        (repo.path / name).symlink_to(secret)
    repo.git("add", "--all")
    for one in catalog.CATALOG:
        try:
            shown = render(report_of(repo.path, one.id), "text")
        except Exception as error:  # noqa: BLE001
            shown = str(error)
            assert "symbolic link that leaves the repository" in shown
        assert "password" not in shown


def test_a_submodule_with_the_name_of_a_dvc_file(repo):
    repo.commit(**project())
    commit = repo.git("rev-parse", "HEAD")
    for name in ("p/dvc.yaml", "p/dvc.lock", "y.dvc"):
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{name}")
    for one in catalog.CATALOG:
        if not one.on_commit:
            continue  # rightly says that the data has no remote
        findings = report_of(repo.path, one.id).findings
        assert all(finding.undecided for finding in findings)


def test_merge_conflicts_in_the_index(repo):
    repo.commit(**{"a.csv": b"1"}, **project())
    repo.git("switch", "-qc", "side")
    repo.commit(**{"a.csv": b"2"}, **project(lr=0.2))
    repo.git("switch", "-q", "main")
    repo.commit(**{"a.csv": b"3"}, **project(lr=0.3))
    subprocess.run(["git", "merge", "-q", "side"], cwd=repo.path, capture_output=True, check=False)
    repo.write("more.csv", BIG)
    repo.git("add", "more.csv")
    found, conflict = report_of(repo.path).findings
    assert (found.path, found.undecided) == ("more.csv", False)
    assert (conflict.path, conflict.undecided) == ("a.csv", True)
    repo.git("rm", "-q", "--cached", "more.csv")
    report = report_of(repo.path, "half-commit")
    assert (report.exit_code, report.findings[0].what) == (
        3,
        "has merge conflicts and 2 more: not judged",
    )
    for one in catalog.CATALOG:
        assert report_of(repo.path, one.id, all_files=True).exit_code in {1, 3}


def test_quoted_paths_do_not_matter(repo):
    repo.git("config", "core.quotePath", "true")
    repo.write('d\u00f6"\t.csv', BIG)
    repo.git("add", "--all")
    (found,) = report_of(repo.path).findings
    assert found.path == 'd\u00f6"\t.csv'


def test_what_git_says_in_the_environment_is_followed(repo, tmp_path):
    """As in a hook: GIT_DIR, and an index of its own."""
    repo.commit(a="1")
    git_dir = str(repo.path / ".git")
    other = tmp_path / "index"
    shutil.copyfile(repo.path / ".git/index", other)
    repo.write("big.csv", BIG)
    env = {"GIT_INDEX_FILE": str(other), "GIT_DIR": git_dir, "GIT_WORK_TREE": str(repo.path)}
    subprocess.run(["git", "add", "big.csv"], cwd=repo.path, env={**os.environ, **env}, check=True)
    assert run_hook(repo.path, **env).returncode == 1
    assert run_hook(repo.path).returncode == 0


def test_in_a_folder_below_the_root(repo):
    repo.write("sub/big.csv", BIG)
    repo.git("add", "--all")
    (found,) = report_of(repo.path / "sub").findings
    assert found.path == "sub/big.csv"


def test_a_repository_with_sha256(tmp_path):
    made = Repo(tmp_path)
    made.git("init", "--quiet", "--object-format=sha256")
    made.commit(**project())
    made.write("big.csv", BIG)
    made.write("empty", "")
    made.write("dvc.lock", "<<<<<<< x\n")
    made.git("add", "--all")
    assert [one.path for one in report_of(made.path).findings] == ["big.csv"]
    assert [one.line for one in report_of(made.path, "dvc-files-valid").findings] == [1]


def test_a_partial_clone_fetches_nothing_and_passes_nothing(repo, tmp_path):
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.commit(**project())
    repo.commit(**{"big.csv": BIG, "dvc.yaml": "stages: {}\n"})
    clone = Repo(tmp_path / "clone")
    address = repo.path.as_uri()
    repo.git("clone", "-q", "--no-checkout", "--filter=blob:none", address, str(clone.path))
    clone.git("read-tree", "HEAD")
    objects = clone.git("count-objects", "-v")
    outputs, large, changed = report_of(clone.path).findings
    assert outputs.undecided
    assert "is this a partial clone" in outputs.what
    assert large.undecided
    assert (large.path, changed.path) == ("big.csv", "dvc.yaml")
    assert large.fix.startswith("git cat-file -s ")
    assert outputs.fix.startswith("git fetch --refetch --no-filter")
    assert report_of(clone.path, "dvc-files-valid").exit_code == 3
    assert report_of(clone.path, "dvc-lock-in-sync", all_files=True, to_ref="HEAD~1").exit_code == 3
    assert clone.git("count-objects", "-v") == objects


@pytest.mark.parametrize("mode", ["LITERAL", "GLOB", "NOGLOB", "ICASE"])
def test_patterns_are_patterns_however_git_was_called(repo, monkeypatch, mode):
    """`git --literal-pathspecs commit` sets a variable for its hooks."""
    repo.commit(**{f"a/b/{path}": text for path, text in project().items()})
    repo.write("a/b/train.py", "two")
    repo.git("add", "--all")
    monkeypatch.setenv(f"GIT_{mode}_PATHSPECS", "1")
    (found,) = report_of(repo.path, "dvc-lock-in-sync").findings
    assert found.rule == "dvc-lock-in-sync/code"


def test_a_config_in_the_change_does_not_judge_it(repo):
    repo.commit(a="1")
    repo.git("switch", "-qc", "side")
    config = "checks: {data-not-in-git: {level: 'off', allow: ['*'], max_data: 1 GB}}\n"
    repo.commit(**{"big.csv": BIG, "mlops-ci.yaml": config})
    assert report_of(repo.path, from_ref="main").exit_code == 1
    assert report_of(repo.path, all_files=True, policy="main").exit_code == 1
    assert report_of(repo.path, all_files=True).exit_code == 0


def test_a_filter_of_the_repository_is_not_run(repo, tmp_path):
    """.gitattributes names a driver; a config file of the repository cannot define one, and no blob is filtered."""
    ran = tmp_path / "ran"
    repo.git("config", "filter.evil.smudge", f"touch {ran}")
    repo.git("config", "diff.evil.textconv", f"touch {ran}")
    repo.commit(**project())
    repo.commit(**{".gitattributes": "*.json diff=evil\n*.csv diff=evil\n", "b.csv": BIG})
    repo.write(".gitattributes", "*.json filter=evil diff=evil\n*.csv diff=evil\n")
    repo.write("metrics.json", "{}")
    repo.write("b.csv", BIG + BIG)
    repo.git("add", "--all")
    for one in catalog.CATALOG:
        report_of(repo.path, one.id)
        report_of(repo.path, one.id, from_ref="HEAD~1")
    assert not ran.exists()


def test_thousands_of_names_are_one_run(repo, scale):
    count = scale(3_000, 20_000)
    empty = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"],
        cwd=repo.path, input=b"", capture_output=True, check=True,
    ).stdout.decode().strip()  # fmt: skip
    big = repo.write("big", BIG)
    oid = repo.git("hash-object", "-w", str(big))
    listed = "".join(f"100644 {empty}\t{'d' * 90}/{n}.py\n" for n in range(count))
    listed += f"100644 {oid}\tbig.csv\n"
    subprocess.run(
        ["git", "update-index", "--index-info"], cwd=repo.path, input=listed.encode(), check=True
    )
    assert [one.path for one in report_of(repo.path).findings] == ["big.csv"]
    for one in catalog.CATALOG:
        report_of(repo.path, one.id, all_files=True)


def lose(repo: Repo, path: str) -> None:
    """As a broken disk does: the blob that is staged is no object any more."""
    oid = repo.git("rev-parse", f":{path}")
    file = repo.path / ".git/objects" / oid[:2] / oid[2:]
    file.chmod(0o644)
    file.write_bytes(b"")


@pytest.mark.parametrize(
    ("check", "staged", "lost", "on_disk"),
    [
        ("dvc-lock-in-sync", "train.py", "dvc.yaml", ""),
        ("dvc-lock-in-sync", "train.py", "dvc.lock", ""),
        ("metrics-unedited", "metrics.json", "dvc.yaml", ""),
        ("metrics-unedited", "metrics.json", "dvc.lock", ""),
        ("dvc-files-valid", "new.dvc", "dvc.yaml", ""),
        ("data-not-in-git", "data.csv", "data.csv.dvc", ""),
        ("half-commit", "train.py", "dvc.yaml", "dvc.lock"),
        ("half-commit", "dvc.lock", "data.csv.dvc", "params.yaml"),
    ],
)
def test_a_lost_dvc_file_that_did_not_change_is_undecided(repo, check, staged, lost, on_disk):
    old = project()
    repo.commit(**old)
    new = {**project(code="two", lr=0.2, metrics="{}"), "new.dvc": "outs: []\n", "data.csv": "1,2"}
    repo.write(staged, new[staged])
    repo.git("add", "--force", staged)
    if on_disk:
        repo.write(on_disk, new[on_disk])
    lose(repo, lost)
    for asked in ({}, {"all_files": True}):
        findings = report_of(repo.path, check, **asked).findings
        (found,) = [one for one in findings if one.path == lost]
        assert found.undecided
        assert "not in this clone" in found.what


def test_a_lost_lock_of_an_environment_is_undecided_and_hides_nothing(repo):
    compiled = "# by: uv pip compile requirements.in\nnumpy==1.0\n"
    files = {"requirements.in": "numpy\n", "requirements.txt": compiled, "uv.lock": "version = 1\n"}
    repo.commit(**files)
    lose(repo, "requirements.txt")
    repo.commit(**{"requirements.in": "numpy\nscipy\n", "z/requirements.txt": "pandas\n"})
    for asked in ({"from_ref": "HEAD~1"}, {"all_files": True}):
        findings = report_of(repo.path, "environment-pinned", **asked).findings
        said = {one.path: one.undecided for one in findings}
        assert said == {"requirements.txt": True, "z/requirements.txt": False}
        assert len(findings) == 2
