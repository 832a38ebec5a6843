"""What is wrong in a policy, at commit."""

from __future__ import annotations

import subprocess
from datetime import date
from typing import TYPE_CHECKING, Any

from mlops_ci.checks import policy_valid
from mlops_ci.checks.base import Changed, Scope
from mlops_ci.checks.scope import Asked, find_scope
from mlops_ci.git import Repository
from mlops_ci.git.tree import CommitTree

if TYPE_CHECKING:
    from mlops_ci.finding import Finding

TODAY = date(2026, 11, 25)
GATES = "gates:\n- {id: floor, metric: auc, threshold: {min: 0.9}}\n"
PROJECT = {"dvc.yaml": "metrics: [m.json]\n", "m.json": '{"auc": 0.9, "test": {"f1": 0.5}}'}


def found(repo: Any, *, base: bool = False, changed: tuple[str, ...] = ()) -> list[Finding]:
    repository = Repository.discover(repo.path)
    scope = Scope(
        repository=repository,
        tree=CommitTree(repository, repo.git("rev-parse", "HEAD")),
        base=CommitTree(repository, repo.git("rev-parse", "HEAD~")) if base else None,
        changed=tuple(Changed(path=path, status="modified") for path in changed),
    )
    return list(policy_valid.check(scope, today=TODAY))


def test_a_good_policy_has_no_findings(repo: Any) -> None:
    repo.commit(**PROJECT, **{"mlops-ci.yaml": GATES})
    assert found(repo) == []


def test_no_policy_has_no_findings(repo: Any) -> None:
    repo.commit(**PROJECT)
    assert found(repo) == []


def test_every_error_has_its_place(repo: Any) -> None:
    repo.commit(**{"mlops-ci.yaml": "gatse: []\nversion: 2\n"})
    one, other = found(repo)
    assert (one.path, one.line, one.column) == ("mlops-ci.yaml", 1, 1)
    assert "did you mean gates?" in one.what
    assert (other.line, other.level) == (2, "error")


def test_an_included_file_is_named(repo: Any) -> None:
    repo.commit(
        **{"mlops-ci.yaml": "models: {m: {include: m/p.yaml}}\n", "m/p.yaml": "\ngatse: []\n"}
    )
    (one,) = found(repo)
    assert (one.path, one.line) == ("m/p.yaml", 2)


def test_a_metric_that_nothing_writes(repo: Any) -> None:
    repo.commit(**PROJECT, **{"mlops-ci.yaml": GATES.replace("auc", "f1")})
    (one,) = found(repo)
    assert "no metrics file has f1, did you mean test.f1?" in one.what
    assert (one.line, one.level) == (2, "error")


def test_an_alias_and_a_pattern_are_there(repo: Any) -> None:
    text = "metrics: {roc: {aliases: [auc]}}\ngates:\n- {id: a, metric: roc, threshold: {min: 0}}\n"
    text += "- {id: b, metric: test.*, threshold: {min: 0}}\n"
    repo.commit(**PROJECT, **{"mlops-ci.yaml": text})
    assert found(repo) == []


def test_metrics_outside_of_git_are_a_remark(repo: Any) -> None:
    repo.commit(**{"dvc.yaml": "metrics: [gone.json]\n", "mlops-ci.yaml": GATES})
    (one,) = found(repo)
    assert one.level == "note"
    assert "gone.json cannot be read from Git" in one.what


def test_waivers_that_expired_or_name_nothing(repo: Any) -> None:
    keys = "reason: r, approved_by: a"
    text = (
        f"{GATES}waivers:\n- {{gate: floor, {keys}, expires: 2026-11-24}}\n"
        f"- {{gate: flor, {keys}, expires: 2026-11-25}}\n"
        f"- {{gate: floor, {keys}, expires: 2026-11-25}}\n"
    )
    repo.commit(**PROJECT, **{"mlops-ci.yaml": text})
    expired, unknown = found(repo)
    assert (expired.rule, expired.line) == ("policy-valid/expired", 4)
    assert (unknown.rule, unknown.line) == ("policy-valid/waiver", 5)
    assert "did you mean floor?" in unknown.what


def test_a_waiver_of_a_check_that_is_not_there(repo: Any) -> None:
    keys = "reason: r, approved_by: a, expires: 2999-01-01"
    names = ("half-comit", "half-commit", "data-not-in-git/data", "data-not-in-git/dta")
    lines = "".join(f"- {{rule: {name}, {keys}}}\n" for name in names)
    repo.commit(**{"mlops-ci.yaml": f"waivers:\n{lines}"})
    assert [(one.rule, one.line, one.what) for one in found(repo)] == [
        ("policy-valid/waiver", 2, "there is no check half-comit to waive, did you mean half-commit?"),
        ("policy-valid/waiver", 5, "there is no rule data-not-in-git/dta to waive, did you mean data-not-in-git/data?"),
    ]  # fmt: skip


def test_an_expired_waiver_does_not_stop_a_change_of_something_else(repo: Any) -> None:
    text = f"{GATES}waivers: [{{gate: floor, reason: r, approved_by: a, expires: 2020-01-01}}]\n"
    repo.commit(**PROJECT, **{"mlops-ci.yaml": text})
    repo.commit(**{"a.py": ""})
    assert found(repo, base=True, changed=("a.py",)) == []
    assert len(found(repo, base=True, changed=("mlops-ci.yaml",))) == 1


def test_a_loosened_bound_is_a_remark(repo: Any) -> None:
    repo.commit(**PROJECT, **{"mlops-ci.yaml": GATES})
    repo.commit(**{"mlops-ci.yaml": GATES.replace("0.9", "0.8")})
    (one,) = found(repo, base=True, changed=("mlops-ci.yaml",))
    assert one.level == "note"
    assert one.what == "this change loosens gate floor: min 0.9 → 0.8"


def test_a_config_that_is_removed_is_a_remark(repo: Any) -> None:
    repo.commit(**PROJECT, **{"mlops-ci.yaml": GATES})
    repo.git("rm", "-q", "mlops-ci.yaml")
    scope = find_scope(Repository.discover(repo.path), Asked(), {})
    (one,) = policy_valid.check(scope)
    assert (one.level, one.what) == (
        "note",
        "this change removes mlops-ci.yaml, and with it every gate",
    )


def test_a_policy_that_was_broken_before_can_be_mended(repo: Any) -> None:
    repo.commit(**PROJECT, **{"mlops-ci.yaml": "gates: 3"})
    repo.commit(**{"mlops-ci.yaml": GATES})
    assert found(repo, base=True, changed=("mlops-ci.yaml",)) == []


def test_a_policy_with_merge_conflicts_is_not_decided(repo: Any) -> None:
    repo.commit(**{"mlops-ci.yaml": GATES})
    repo.git("checkout", "-qb", "other")
    repo.commit(**{"mlops-ci.yaml": GATES.replace("0.9", "0.8")})
    repo.git("checkout", "-q", "main")
    repo.commit(**{"mlops-ci.yaml": GATES.replace("0.9", "0.7")})
    subprocess.run(["git", "merge", "-q", "other"], cwd=repo.path, capture_output=True, check=False)
    scope = find_scope(Repository.discover(repo.path), Asked(), {})
    (one,) = policy_valid.check(scope)
    assert one.undecided
    assert "merge conflicts" in one.what
