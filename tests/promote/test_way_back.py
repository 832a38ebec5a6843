"""`mlops-ci rollback` in states that people and attackers leave: it leads to what is verified, or names what does."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.lineage import notes
from mlops_ci.promote import artifacts, ledger, rollback
from tests.promote.memory import Killed
from tests.promote.test_promote import ask, forge_metrics, here, holders, stored, tag

if TYPE_CHECKING:
    from tests.conftest import Repo
    from tests.promote.memory import Registry

pytestmark = pytest.mark.real


@pytest.fixture
def two(released: Repo, cli: Any) -> Repo:
    """v1.1.0 holds prod, after v1.0.0."""
    for version, number in (("v1.0.0", 1), ("v1.1.0", 2)):
        assert cli("promote", ask(released, version, number))[0] == 0
    return released


def first(told: tuple[int, str, str]) -> tuple[int, str]:
    return told[0], told[1].partition("\n")[0]


@pytest.mark.parametrize("kind", ["promote", "rollback"])
def test_a_forged_record_of_a_branch_is_shown_to_nobody(
    released: Repo, registry: Registry, cli: Any, kind: str
) -> None:
    """Whoever may push notes and tags can write that it holds the stage."""
    for version, number in (("v1.0.0", 1), ("v1.1.0", 2)):
        assert cli("promote", ask(released, version, number))[0] == 0
    released.git("checkout", "-q", "-b", "side", "churn@v1.2.0^{}")
    forge_metrics(released)
    tag(released, "churn#prod#9", "v1.3.0", 9)
    old = next(one for one in ledger.read(here()).values() if one.version == "v1.1.0")
    oid, commit = released.git("rev-parse", "churn#prod#9", "HEAD").split()
    subject = artifacts.hashes(here(), artifacts.find(here(), commit, "churn"))
    asked = {"tag": "churn#prod#9", "tag_oid": oid, "commit": commit, "predecessor": "v1.1.0"}
    forged = replace(old, version="v1.3.0", subject=subject, kind=kind, **asked)
    notes.add(here(), oid, [forged.statement()])
    released.git("push", "-q", "origin", notes.REF)
    released.git("checkout", "-q", "main")

    code, out, _ = cli("sync")
    assert (code, "bytes  broken: v1.3.0 at" in out) == (1, True)
    if kind == "rollback":
        code, _, err = cli("rollback", "churn")
        assert (code, "was never the main branch" in err) == (1, True)
        code, *_ = cli(*shlex.split(err.rpartition(" or mlops-ci ")[2]))
    else:
        code, *_ = cli("rollback", "churn")
    assert code == 0
    assert registry.aliases["churn@prod"] in ("churn@v1.0.0", "churn@v1.1.0")
    assert "churn@v1.3.0" not in registry.versions


def test_what_misbehaves_is_asked_for_once_more(two: Repo, cli: Any) -> None:
    ask(two, "v1.1.0", 3)
    told = first(cli("rollback", "churn"))
    assert told == (0, "churn#prod v1.0.0: rolled back (before: v1.1.0)")
    assert holders(cli) == [("v1.0.0", True)]


def test_what_a_rollback_left_half_way_is_gone_on_with(
    two: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It led to what was granted last, which the tags alone say already."""

    def killed(*_: object) -> None:
        raise Killed

    ask(two, "v1.2.0", 3)
    with monkeypatch.context() as patched:
        patched.setattr(rollback, "write", killed)
        with pytest.raises(Killed):
            cli("rollback", "churn")
    assert holders(cli) == [("v1.1.0", False)]
    told = first(cli("rollback", "churn"))
    assert told == (0, "churn#prod v1.1.0: rolled back (before: v1.1.0)")


def test_status_says_where_a_tag_gave_up_what_is_served(two: Repo, cli: Any) -> None:
    tag(two, "churn#prod!#3", "v1.1.0", 3)
    _, out, err = cli("status")
    assert "prod  v1.0.0" in out
    assert "churn#prod was granted to v1.1.0 last, and the tags differ: v1.0.0 holds" in err
    tag(two, "churn#prod!#4", "v1.0.0", 4)
    _, out, err = cli("status")
    assert "  prod" not in out
    assert "was granted to v1.1.0 last, and the tags differ: nothing holds prod" in err
    assert cli("rollback", "churn")[0] == 0
    assert cli("status")[2] == ""


def test_only_a_way_that_leads_somewhere_is_named(released: Repo, cli: Any) -> None:
    for number, version in enumerate(("v1.0.0", "v1.2.0", "v1.1.0"), 1):
        assert cli("promote", ask(released, version, number))[0] == 0
    for version in ("v1.0.0", "v1.2.0"):
        stored(released, "model.bin", f"churn@{version}").write_bytes(b"evil")
    for wanted in ((), ("--to", "v1.0.0"), ("--to", "v1.2.0")):
        code, _, err = cli("rollback", "churn", *wanted)
        assert (code, "--to" in err) == (1, False)


def test_the_only_version_can_be_taken_out(released: Repo, registry: Registry, cli: Any) -> None:
    assert cli("promote", ask(released, "v1.0.0", 1))[0] == 0
    code, _, err = cli("rollback", "churn")
    steps = err.splitlines()[1].removeprefix("  to serve nothing: ").split(" && ")
    for step in steps[:2]:
        subprocess.run(step, shell=True, check=True, cwd=released.path)
    assert cli(*steps[2].split()[1:])[0] == 0
    assert registry.aliases == {}
    code, _, err = cli("rollback", "churn")
    assert (code, "nothing holds churn#prod any more" in err) == (1, True)
