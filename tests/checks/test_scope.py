"""What is checked: the index, the last commit, a merge, a range, all files; and whose config judges."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from mlops_ci.checks.scope import Asked, find_config, find_scope
from mlops_ci.errors import ConfigError, UsageError
from mlops_ci.git import Repository

if TYPE_CHECKING:
    from pathlib import Path


def scope_of(path: Path, environ=None, **asked):
    return find_scope(Repository.discover(path), Asked(**asked), environ or {})


def changes(scope) -> dict[str, str]:
    return {one.path: one.status for one in scope.changed}


def test_every_kind_of_change_is_told(repo):
    repo.commit(a="1", b="2", c="3" * 100, d="4", same="5")
    repo.write("a", "changed")
    repo.git("rm", "-q", "b")
    repo.git("mv", "c", "moved")
    (repo.path / "d").unlink()
    (repo.path / "d").symlink_to("a")
    repo.write("new\nname", "x")
    repo.git("add", "--all")
    scope = scope_of(repo.path)
    assert changes(scope) == {
        "a": "modified", "b": "deleted", "moved": "renamed", "d": "type", "new\nname": "added",
    }  # fmt: skip
    by_path = {one.path: one for one in scope.changed}
    assert by_path["moved"].old_path == "c"
    assert by_path["b"].blob == by_path["b"].mode == ""
    assert by_path["new\nname"].old_blob == ""
    assert scope.tree.read("a") == b"changed"
    assert scope.base
    assert scope.base.read("a") == b"1"


def test_before_the_first_commit_all_is_new(repo):
    repo.write("a", "1")
    repo.git("add", "a")
    scope = scope_of(repo.path)
    assert changes(scope) == {"a": "added"}
    assert scope.base is None
    assert not scope.all_files


def test_where_nothing_is_staged_it_is_the_last_commit(repo):
    repo.commit(a="1")
    repo.commit(b="2")
    assert changes(scope_of(repo.path)) == {"b": "added"}


def test_the_first_commit_alone_is_all_new(repo):
    repo.commit(a="1")
    scope = scope_of(repo.path)
    assert changes(scope) == {"a": "added"}
    assert not scope.all_files


def test_a_shallow_clone_has_nothing_to_compare_with(repo, tmp_path):
    repo.commit(a="1")
    repo.commit(b="2")
    shallow = tmp_path / "shallow"
    repo.git("clone", "-q", "--depth=1", f"file://{repo.path}", str(shallow))
    scope = scope_of(shallow)
    assert changes(scope) == {"a": "added", "b": "added"}
    assert scope.all_files
    assert scope.remark == "all files, since the clone is shallow and ends before the last change"


def test_all_files(repo):
    repo.commit(a="1")
    repo.write("b", "staged")
    repo.git("add", "b")
    scope = scope_of(repo.path, all_files=True)
    assert changes(scope) == {"a": "added", "b": "added"}
    assert scope.all_files
    assert scope.base is None


def merging(repo, *, conflict: bool) -> None:
    repo.commit(a="1")
    repo.git("switch", "-qc", "side")
    repo.commit(theirs="big", **({"a": "theirs"} if conflict else {}))
    repo.git("switch", "-q", "main")
    repo.commit(ours="x", **({"a": "ours"} if conflict else {}))


def test_a_merge_is_judged_by_what_it_adds_to_both_sides(repo):
    merging(repo, conflict=True)
    subprocess.run(["git", "merge", "side"], cwd=repo.path, capture_output=True, check=False)
    repo.write("a", "both")
    repo.write("extra", "new")
    repo.git("add", "a", "extra")
    scope = scope_of(repo.path)
    assert changes(scope) == {"a": "modified", "extra": "added"}
    assert [tree.read("theirs") for tree in scope.merging] == [b"big"]


def test_a_merge_without_conflict_is_known_to_the_hook_by_the_environment(repo):
    """Git has not written MERGE_HEAD yet when it runs the hook pre-merge-commit."""
    merging(repo, conflict=False)
    side = repo.git("rev-parse", "side")
    repo.git("merge", "-q", "--no-commit", "side")
    (repo.path / ".git/MERGE_HEAD").unlink()
    assert changes(scope_of(repo.path)) == {"theirs": "added"}
    assert changes(scope_of(repo.path, {f"GITHEAD_{side}": "side"})) == {}


def test_a_range_is_what_one_side_changed(repo):
    repo.commit(a="1", b="1")
    repo.git("switch", "-qc", "side")
    repo.commit(b="2")
    repo.git("switch", "-q", "main")
    repo.commit(a="2", c="3")
    repo.git("switch", "-q", "side")
    repo.write("d", "staged, and not in the range")
    repo.git("add", "d")
    scope = scope_of(repo.path, from_ref="main")
    assert changes(scope) == {"b": "modified"}
    assert changes(scope_of(repo.path, from_ref="side", to_ref="main")) == {
        "a": "modified",
        "c": "added",
    }


@pytest.mark.parametrize("start", ["0" * 40, ""])
def test_a_push_of_a_new_branch_brings_everything(repo, start):
    repo.commit(a="1")
    environ = {"PRE_COMMIT_FROM_REF": start, "PRE_COMMIT_TO_REF": repo.commit(b="2")}
    scope = scope_of(repo.path, environ)
    assert changes(scope) == {"a": "added", "b": "added"}
    assert scope.base is None


def test_a_push_is_a_range(repo):
    start = repo.commit(a="1")
    environ = {"PRE_COMMIT_FROM_REF": start, "PRE_COMMIT_TO_REF": repo.commit(b="2")}
    assert changes(scope_of(repo.path, environ)) == {"b": "added"}
    assert changes(scope_of(repo.path, environ, all_files=True)) == {"a": "added", "b": "added"}


def test_an_unknown_revision_is_said(repo):
    repo.commit(a="1")
    with pytest.raises(UsageError, match="unknown revision 'nowhere'"):
        scope_of(repo.path, from_ref="nowhere")


def level(repo, **asked) -> str | None:
    repository = Repository.discover(repo.path)
    found = Asked(**asked)
    config = find_config(repository, find_scope(repository, found, {}), found).loaded
    return config.checks.half_commit.level if config else None


def test_a_change_cannot_loosen_the_check_that_judges_it(repo):
    config = "checks: {half-commit: {level: %s}}"
    repo.commit(**{"mlops-ci.yaml": config % "warn"})
    repo.git("switch", "-qc", "side")
    repo.commit(**{"mlops-ci.yaml": config % "off"})
    assert level(repo, from_ref="main") == "warn"
    assert level(repo, from_ref="main", policy="side") == "off"
    assert level(repo) == "off"
    repo.write("mlops-ci.yaml", config % "error")
    assert level(repo) == "off"
    repo.git("add", "--all")
    assert level(repo) == "error"


def test_the_merge_of_a_pull_request_is_judged_by_the_branch_it_goes_into(repo):
    config = "checks: {half-commit: {level: %s}}"
    repo.commit(**{"mlops-ci.yaml": config % "warn"})
    repo.git("switch", "-qc", "side")
    repo.commit(**{"mlops-ci.yaml": config % "off"})
    repo.git("switch", "-q", "main")
    repo.commit(other="x")
    repo.git("merge", "-q", "--no-ff", "--no-edit", "side")
    assert level(repo) == "warn"
    assert level(repo, all_files=True) == "off"
    repo.write("more", "x")
    repo.git("add", "more")
    assert level(repo) == "off"


def test_without_a_config_nothing_is_set(repo):
    repo.commit(a="1")
    repo.git("switch", "-qc", "side")
    repo.commit(**{"mlops-ci.yaml": "checks: {half-commit: {level: 'off'}}"})
    assert level(repo, from_ref="main") is None


def test_a_broken_config_is_an_error_of_its_own(repo):
    repo.commit(**{"mlops-ci.yaml": "checks: {half-comit: {}}\n"})
    with pytest.raises(ConfigError, match="did you mean half-commit"):
        level(repo)
