"""A config is loaded when it decides something, and decides as if it had always been loaded."""

from __future__ import annotations

from functools import partial

import pytest

from mlops_ci.checks import catalog
from mlops_ci.checks.lazy_config import LazyConfig
from mlops_ci.checks.run import run_checks
from mlops_ci.checks.scope import Asked
from mlops_ci.errors import ConfigError
from tests.checks.conftest import project

BROKEN = "chekcs: {half-commit: {level: warn}}\n"


def lazy(text: str) -> LazyConfig:
    return LazyConfig({"mlops-ci.yaml": text.encode()}.get)


def test_what_the_text_does_not_hold_is_not_said() -> None:
    config = lazy("checks: {half-commit: {level: warn}}\n")
    assert config.mentions("half-commit")
    assert config.mentions("half-commit", "level")
    assert not config.mentions("half-commit", "off")
    assert not config.mentions("data-not-in-git")


def test_a_key_that_is_written_with_escapes_counts() -> None:
    config = lazy(r'checks: {"half\x2dcommit": {"level": "\u006ff\u0066"}}')
    assert config.is_off("half-commit")


def test_without_a_file_nothing_is_set() -> None:
    assert LazyConfig().loaded is None
    assert LazyConfig({}.get).loaded is None
    assert not LazyConfig().mentions("half-commit")


def test_what_the_command_line_says_stands_above() -> None:
    from mlops_ci.checks.settings import with_pairs

    adjust = partial(with_pairs, check="half-commit", pairs=["level=off"])
    for config in (LazyConfig(adjust=adjust), LazyConfig({"mlops-ci.yaml": b"{}"}.get, adjust)):
        assert config.is_off("half-commit")


def run(repo, *ids: str, **asked: bool):
    return run_checks(repo.path, [catalog.entry(one) for one in ids], Asked(**asked))


def test_a_broken_config_is_said_by_the_check_that_needs_it(repo) -> None:
    repo.commit(**project(), **{"mlops-ci.yaml": BROKEN})
    repo.write("a.py", "x = 1\n")
    repo.git("add", "--all")
    assert run(repo, "dvc-files-valid").findings == []
    repo.write("new.dvc", "outs: [\n")
    repo.git("add", "--all")
    with pytest.raises(ConfigError, match="did you mean checks"):
        run(repo, "dvc-files-valid")


def test_a_broken_config_is_always_said_by_policy_valid(repo) -> None:
    """Also where nothing of the commit is about it; the others are then not run, beside it."""
    repo.commit(**project(), **{"mlops-ci.yaml": BROKEN})
    repo.write("a.py", "x = 1\n")
    repo.git("add", "--all")
    assert [one.rule for one in run(repo, "policy-valid").findings] == ["policy-valid/broken"]
    both = run(repo, "half-commit", "policy-valid")
    assert [one.rule for one in both.findings] == ["half-commit", "policy-valid/broken"]
    assert both.exit_code == 1


@pytest.mark.parametrize(
    ("check", "settings", "rules"),
    [
        ("dvc-files-valid", "level: error", {"dvc-files-valid/yaml": "error"}),
        ("dvc-files-valid", "level: warn", {"dvc-files-valid/yaml": "warning"}),
        ("dvc-files-valid", "level: off", {}),
        ("half-commit", "level: off", {"dvc-files-valid/yaml": "error"}),
    ],
)
def test_findings_are_settled_by_it(repo, check, settings, rules) -> None:
    repo.commit(**{"mlops-ci.yaml": f"checks: {{{check}: {{{settings}}}}}\n"})
    repo.write("new.dvc", "outs: [\n")
    repo.git("add", "--all")
    assert {one.rule: one.level for one in run(repo, "dvc-files-valid").findings} == rules


def test_a_check_that_is_off_does_not_count(repo) -> None:
    repo.commit(**{"mlops-ci.yaml": "checks: {half-commit: {level: off}}\n"}, a="1")
    assert run(repo, "half-commit", "dvc-files-valid").checks == 1


def test_a_waiver_that_names_only_the_rule_is_found(repo) -> None:
    waiver = "{rule: dvc-files-valid/yaml, reason: r, approved_by: me, expires: 2999-01-01}"
    repo.commit(**{"mlops-ci.yaml": f"waivers: [{waiver}]\n"})
    repo.write("new.dvc", "outs: [\n")
    repo.git("add", "--all")
    (one,) = run(repo, "dvc-files-valid").findings
    assert (one.level, "waived until 2999-01-01" in one.what) == ("note", True)


def test_strict_counts_on_a_commit_of_code(repo) -> None:
    stale = project() | {"params.yaml": "lr: 0.9\n"}
    repo.commit(**stale, **{"mlops-ci.yaml": "checks: {dvc-lock-in-sync: {strict: true}}\n"})
    repo.write("a.py", "x = 1\n")
    repo.git("add", "--all")
    assert "dvc-lock-in-sync/params" in {one.rule for one in run(repo, "dvc-lock-in-sync").findings}
