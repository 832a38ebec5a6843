"""What others do between the moment when a command looked and that when it writes; and what a failed push leaves."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.errors import ToolError
from mlops_ci.git import Repository
from mlops_ci.lineage import notes
from mlops_ci.promote import ledger, together, writing
from tests.promote.conftest import GATES
from tests.promote.test_promote import ask, cloned, holders, tag

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = pytest.mark.real


def elsewhere(repo: Repo, *arguments: str) -> None:
    """By somebody else, in a clone with the data."""
    command = [sys.executable, "-m", "mlops_ci", *arguments]
    subprocess.run(command, cwd=repo.path, check=True, capture_output=True)


def noted(where: str = "../origin.git") -> list[str]:
    """The lines that say that something was promoted."""
    found = notes.statements(Repository.discover(where))
    return [
        one["predicate"]["toVersion"]
        for _, one in found
        if one["predicateType"] == ledger.PROMOTION
    ]


def test_what_the_remote_did_not_take_goes_out_with_no_later_push(released: Repo, cli: Any) -> None:
    """It is examined again, by the gates of then: here it is refused."""
    name = ask(released, "v1.0.0", 1)
    hook = Path("../origin.git/hooks/pre-receive")
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert cli("promote", name)[0] == 3
    assert noted(".") == []
    hook.unlink()
    released.commit(**{"mlops-ci.yaml": GATES.replace("min: 0.5", "min: 5")})
    released.git("push", "-q", "origin", "main")
    assert cli("promote", name)[0] == 1
    released.git("push", "-q", "origin", notes.REF)
    assert noted() == []


def test_two_jobs_that_grant_one_tag_write_one_record(
    released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = ask(released, "v1.0.0", 1)
    other = cloned(released, tmp_path / "other")
    examine = together.examine

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(together, "examine", examine)
        found = examine(*arguments)
        time.sleep(1.1)  # another second: else both Records are the same line
        elsewhere(other, "promote", name)
        return found

    monkeypatch.setattr(together, "examine", meanwhile)
    code, out, _ = cli("promote", name)
    assert (code, out.splitlines()[0]) == (0, "churn#prod v1.0.0: was promoted before (the first)")
    assert noted() == ["v1.0.0"]


def test_a_rollback_that_another_promotion_overtakes_says_so(
    released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It would say that it led back from v1.2.0, and v1.1.0 would hold the stage."""
    for version, number in (("v1.0.0", 1), ("v1.2.0", 2)):
        assert cli("promote", ask(released, version, number))[0] == 0
    other = cloned(released, tmp_path / "other")
    write = writing.write

    def later(*arguments: Any) -> None:
        monkeypatch.setattr(writing, "write", write)
        tag(other, "churn#prod#30", "v1.1.0", 30)
        elsewhere(other, "promote", "churn#prod#30")
        write(*arguments)

    monkeypatch.setattr(writing, "write", later)
    code, _, err = cli("rollback", "churn")
    assert (code, "churn#prod was granted to v1.1.0 meanwhile" in err) == (3, True)
    assert "mlops-ci rollback churn --stage prod --to VERSION" in err
    assert "churn#prod#3\n" not in released.git("tag", "--list")
    assert sorted(noted()) == ["v1.0.0", "v1.1.0", "v1.2.0"]
    assert holders(cli) == [("v1.1.0", True)]
    assert cli("rollback", "churn", "--to", "v1.0.0")[0] == 0
    assert holders(cli) == [("v1.0.0", True)]


def test_a_tag_of_ones_own_is_not_given_up_for_that_of_somebody_else(
    released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Run again, the command would grant what the other tag asks for, with the approval that was for this one."""
    other = cloned(released, tmp_path / "other")
    name = "churn#prod#1"
    released.git("tag", "-a", "-m", "mine", name, "churn@v1.1.0^{}")
    mine = released.git("rev-parse", name)
    write = writing.write

    def later(*arguments: Any) -> None:
        tag(other, name, "v1.0.0", 1)
        write(*arguments)

    monkeypatch.setattr(writing, "write", later)
    assert cli("promote", name)[0] == 3
    monkeypatch.setattr(writing, "write", write)
    code, _, err = cli("promote", name)
    assert (code, f"{name} is another tag at origin than here" in err) == (1, True)
    assert released.git("rev-parse", name) == mine
    assert noted() == noted(".") == []


def test_a_tag_that_is_called_as_the_notes_is_named_with_the_way_out(
    released: Repo, cli: Any
) -> None:
    name = ask(released, "v1.0.0", 1)
    released.git("push", "-q", "origin", f"churn@v1.0.0:refs/tags/{notes.REF}")
    code, _, err = cli("promote", name)
    way_out = err.splitlines()[-1].split()
    assert (code, way_out[:3]) == (3, ["git", "push", "origin"])
    released.git(*way_out[1:])
    released.git("tag", "-d", notes.REF)
    assert cli("promote", name)[0] == 0


def test_a_password_in_the_address_of_a_remote_is_not_printed(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    address = "http://ada:hunter2hunter2@127.0.0.1:9/churn.git"
    for command in (("promote", name), ("rollback", "churn"), ("sync",), ("record", "push")):
        code, out, err = cli(*command, "--remote", address)
        assert (code > 0, "hunter2" in out + err) == (True, False)
    with pytest.raises(ToolError) as error:
        notes.push(Repository.discover("."), address)
    assert "hunter2" not in f"{error.value} {error.value.hint}"
