"""`mlops-ci sync`: what others show, beside what was promoted; what is repaired, and what must not be."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.errors import UnreadableError
from mlops_ci.lineage import notes
from mlops_ci.promote import artifacts
from mlops_ci.stack.base import RegisteredVersion
from tests.promote.test_on_github import FULL, deployments
from tests.promote.test_promote import ask, stored, tag, with_promote

if TYPE_CHECKING:
    from tests.conftest import Repo
    from tests.github.api.server import Api
    from tests.promote.memory import Registry

pytestmark = pytest.mark.real
FORGED = RegisteredVersion(number="9", git_tag="churn@v1.2.0", source="s3://evil", tags={})


@pytest.fixture
def two(released: Repo, registry: Registry, hub: Api, cli: Any) -> Repo:
    """v1.1.0 holds prod, after v1.0.0; MLflow and GitHub show it."""
    for version, number in (("v1.0.0", 1), ("v1.1.0", 2)):
        assert cli("promote", ask(released, version, number))[0] == 0
    return released


def findings(cli: Any, *options: str) -> tuple[int, list[tuple[str, str]]]:
    code, out, _ = cli("sync", "--json", *options)
    found = [finding for one in json.loads(out)["stages"] for finding in one["findings"]]
    return code, [(one["where"], one["state"]) for one in found]


def test_nothing_is_wrong(two: Repo, cli: Any) -> None:
    code, out, err = cli("sync", "--check")
    assert (code, out, err) == (0, "churn#prod v1.1.0: as promoted\n", "")


def test_an_alias_that_somebody_moved(two: Repo, registry: Registry, cli: Any) -> None:
    registry.aliases["churn@prod"] = "churn@v1.0.0"
    code, out, _ = cli("sync", "--check")
    assert code == 1
    assert out.splitlines()[1] == "  mlflow  drift: serves churn@v1.0.0 (version 1)"
    assert registry.aliases == {"churn@prod": "churn@v1.0.0"}
    assert findings(cli) == (0, [("mlflow", "repaired")])
    assert registry.aliases == {"churn@prod": "churn@v1.1.0"}
    assert findings(cli) == (0, [])


def test_an_alias_that_is_gone(two: Repo, registry: Registry, cli: Any) -> None:
    registry.aliases.clear()
    assert findings(cli) == (0, [("mlflow", "repaired")])
    assert registry.aliases == {"churn@prod": "churn@v1.1.0"}


def test_a_version_that_was_forged_under_our_name(two: Repo, registry: Registry, cli: Any) -> None:
    """MLflow's tags can be written by anybody: the alias leads to the right name and to other bytes."""
    made = registry.versions["churn@v1.1.0"]
    registry.versions["churn@v1.1.0"] = RegisteredVersion(
        number="9", git_tag="churn@v1.1.0", source="s3://evil", tags=made.tags
    )
    code, out, _ = cli("sync", "--check")
    assert code == 1
    assert "version 9 is called churn@v1.1.0, and has another source: s3://evil" in out
    assert findings(cli) == (0, [("mlflow", "repaired")])
    assert registry.versions["churn@v1.1.0"].source == made.source


def test_deployments(two: Repo, hub: Api, cli: Any) -> None:
    first, second = hub.state.repos[FULL].deployments.values()
    first["_statuses"][0]["state"], second["_statuses"][0]["state"] = "success", "inactive"
    assert cli("sync", "--check")[1].splitlines()[1] == "  github  drift: shows v1.0.0 as deployed"
    assert findings(cli) == (0, [("github", "repaired")])
    assert deployments(hub) == [("prod", "v1.0.0", "inactive"), ("prod", "v1.1.0", "success")]


def test_a_tag_that_nobody_granted_is_left_to_a_person(
    two: Repo, registry: Registry, cli: Any
) -> None:
    ask(two, "v1.2.0", 9)
    code, out, _ = cli("sync")
    assert code == 1
    assert "  gto  drift: churn#prod#9 asks for v1.2.0, and nobody granted it\n" in out
    assert "mlops-ci rollback churn --stage prod takes it back" in out
    assert registry.aliases == {"churn@prod": "churn@v1.1.0"}


def test_what_was_never_granted_is_shown_nowhere(
    two: Repo, registry: Registry, hub: Api, cli: Any
) -> None:
    """A stage that a team keeps by hand is theirs."""
    registry.aliases["churn@dev"] = "by hand"
    ask(two, "v1.2.0", 9, "dev")
    assert findings(cli) == (0, [("gto", "asked")])
    assert registry.aliases["churn@dev"] == "by hand"


def test_a_version_that_was_withdrawn(two: Repo, registry: Registry, hub: Api, cli: Any) -> None:
    """The one before it takes its place, as GTO has it."""
    tag(two, "churn@v1.1.0!", "v1.1.0", 9)
    # DVC does not know that a version can be withdrawn: a newer tag says so once more.
    shown = [("dvc", "repaired"), ("mlflow", "repaired"), ("github", "repaired")]
    assert findings(cli) == (0, shown)
    assert registry.aliases == {"churn@prod": "churn@v1.0.0"}
    assert deployments(hub)[1:] == [("prod", "v1.1.0", "inactive"), ("prod", "v1.0.0", "success")]


def test_bytes_that_changed_are_shown_to_nobody(two: Repo, registry: Registry, cli: Any) -> None:
    stored(two, "model.bin", "churn@v1.1.0").write_bytes(b"evil")
    registry.aliases.clear()
    code, out, _ = cli("sync")
    assert code == 1
    assert "  bytes  broken: model.bin is not what dvc.lock recorded at" in out
    assert registry.aliases == {}


def test_bytes_that_are_gone(two: Repo, registry: Registry, cli: Any) -> None:
    for place in (".dvc/cache", "../remote"):
        shutil.rmtree(two.path / place)
    registry.aliases.clear()
    code, out, _ = cli("sync")
    assert code == 1
    assert "  bytes  gone: model.bin at " in out
    assert registry.aliases == {}


def test_dvc_reads_a_tag_that_gives_up_as_one_that_asks(two: Repo, cli: Any) -> None:
    from dvc.repo import Repo as Dvc

    declared = "artifacts:\n  churn: {path: model.bin, type: model}\n"
    (two.path / "dvc.yaml").write_text((two.path / "dvc.yaml").read_text() + declared)
    two.commit("declare")

    def by_dvc() -> str:
        with Dvc(".") as opened:
            return str(opened.artifacts.get_rev("churn", stage="prod"))

    commit = two.git("rev-parse", "churn@v1.1.0^{}")
    assert by_dvc() == commit
    tag(two, "churn#prod!#9", "v1.0.0", 9)
    assert by_dvc() != commit
    code, out, _ = cli("sync", "--check")
    assert code == 1
    assert "it takes churn#prod!#9 for an assignment" in out
    code, found = findings(cli)
    assert (code, found[0]) == (0, ("dvc", "repaired"))
    assert by_dvc() == commit
    assert findings(cli) == (0, [])
    assert cli("rollback", "churn")[1].startswith("churn#prod v1.0.0: rolled back (before: v1.1.0)")


def test_a_registry_that_is_down(
    two: Repo, registry: Registry, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise UnreadableError("http://mlflow: the connection broke off")

    monkeypatch.setattr(registry, "holder", down)
    assert findings(cli) == (3, [("mlflow", "unknown")])


def test_a_token_without_rights(two: Repo, hub: Api, cli: Any) -> None:
    for one in hub.state.repos[FULL].deployments.values():
        one["_statuses"].clear()
    hub.add_token("ghs_1", contents="write")
    assert findings(cli) == (4, [("github", "refused")])


def test_what_only_a_branch_had_is_shown_to_nobody(
    released: Repo, cli: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may push tags and notes can write that it was promoted."""
    assert cli("promote", ask(released, "v1.0.0", 1))[0] == 0
    with_promote(released, "evidence: recorded")
    released.git("checkout", "-q", "-b", "side", "churn@v1.1.0^{}")
    released.commit(README="unseen\n")
    released.git("tag", "-a", "-m", "x", "churn@v1.3.0", "side")
    assert cli("promote", ask(released, "v1.3.0", 2), "--local")[0] == 0  # as a forged one would be
    released.git("checkout", "-q", "main")
    released.git("revert", "--no-edit", "HEAD")
    released.git("push", "-q", "origin", "main", notes.REF)
    shutil.rmtree(released.path / ".dvc/cache")
    monkeypatch.setattr(artifacts, "_got", lambda *_: pytest.fail("dvc was asked"))
    registry.aliases["churn@prod"] = "churn@v1.0.0"
    code, out, _ = cli("sync")
    assert (code, "v1.3.0 at" in out, "was never the main branch" in out) == (1, True, True)
    assert registry.aliases == {"churn@prod": "churn@v1.0.0"}
