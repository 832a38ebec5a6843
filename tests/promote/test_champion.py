"""What is in production, in the report of a change: only what a Promotion Record that stands says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from tests.promote.test_promote import ask

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = pytest.mark.real


@pytest.fixture
def promoted(released: Repo, capsys: pytest.CaptureFixture[str]) -> Repo:
    """v1.1.0 is in production, and the work tree is v1.2.0."""
    for version, number in (("v1.0.0", 1), ("v1.1.0", 2)):
        assert run(["promote", ask(released, version, number)]) == 0
    capsys.readouterr()
    return released


def champion(capsys: pytest.CaptureFixture[str]) -> dict[str, Any] | None:
    assert run(["report", "churn@v1.0.0", "--format", "json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    found: dict[str, Any] | None = model.get("champion")
    return found


def test_better_than_the_base_but_worse_than_production(
    promoted: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    found = champion(capsys)
    assert found
    assert (found["version"], found["stage"]) == ("v1.1.0", "prod")
    assert found["commit"] == promoted.git("rev-parse", "churn@v1.1.0^{commit}")
    accuracy = next(one for one in found["metrics"] if one["name"] == "accuracy")
    metrics = json.loads(promoted.git("show", "churn@v1.1.0:metrics.json"))
    assert accuracy["value"] == metrics["accuracy"]
    assert accuracy["change"] == "worse"
    assert "problem" not in found
    for command in (["report", "churn@v1.0.0"], ["gate", "churn@v1.0.0", "--exact"]):
        run(command)
        assert "but worse than prod v1.1.0" in capsys.readouterr().out.replace("\n  ", " ")


def test_without_a_promotion_there_is_none(
    released: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(released, "v1.1.0", 1)
    assert champion(capsys) is None


def test_what_does_not_stand_any_more_is_not_shown(
    promoted: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tag that moved takes its Promotion with it; so does a version that is withdrawn."""
    promoted.git("tag", "-f", "-a", "-m", "moved", "churn#prod#2", "churn@v1.2.0^{commit}")
    found = champion(capsys)
    assert found
    assert found["version"] == "v1.0.0"
    assert "v1.1.0 was the last that churn#prod was granted to" in found["problem"]
    run(["report", "churn@v1.0.0"])
    told = " ".join(capsys.readouterr().out.split())
    assert "prod v1.0.0 (perhaps not: v1.1.0 was the last" in told
    assert "but worse than" not in told
    promoted.git("tag", "-a", "-m", "gone", "churn@v1.0.0!", "churn@v1.0.0^{commit}")
    assert champion(capsys) is None


def test_a_clone_without_its_tags_says_nothing_of_it(
    promoted: Repo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes alone are no proof: the tag that asked has to stand here."""
    clone = promoted.path.parent / "clone"
    promoted.git("clone", "-q", "--no-tags", "../origin.git", str(clone))
    promoted.git("-C", str(clone), "fetch", "-q", "origin", "refs/notes/*:refs/notes/*")
    monkeypatch.chdir(clone)
    base = promoted.git("rev-parse", "churn@v1.0.0^{commit}")
    assert run(["report", base, "--format", "json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert "champion" not in model


def test_production_may_have_another_name(
    released: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    """The main branch says which; a file there that is wrong stops no report."""
    assert run(["promote", ask(released, "v1.1.0", 1, "live")]) == 0
    capsys.readouterr()
    assert champion(capsys) is None
    config = (released.path / "mlops-ci.yaml").read_text()
    released.commit("name it", **{"mlops-ci.yaml": f"{config}promote: {{production: live}}\n"})
    released.git("push", "-q", "origin", "main")
    found = champion(capsys)
    assert found
    assert (found["version"], found["stage"]) == ("v1.1.0", "live")
    assert run(["drill", "--local"]) == 0
    assert "churn#live#1  restored" in capsys.readouterr().out
