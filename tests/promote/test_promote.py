"""`mlops-ci promote` and `mlops-ci rollback` on a repository that trained with DVC: the whole way, and each refusal."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_ci.errors import RefusedError
from mlops_ci.git import Repository
from mlops_ci.lineage import notes
from mlops_ci.lineage.statement import encode
from mlops_ci.promote import age, artifacts, evidence, granting, ledger, together, writing
from mlops_ci.promote.artifacts import ModelAt
from mlops_ci.promote.book import Book
from tests.conftest import Repo
from tests.lineage import project
from tests.promote.conftest import GATES, record

pytestmark = pytest.mark.real


def ask(repo: Repo, version: str, number: int, stage: str = "prod") -> str:
    """As a person would: tag, and push."""
    name = f"churn#{stage}#{number}"
    tag(repo, name, version, number)
    return name


def tag(repo: Repo, name: str, version: str, number: int) -> None:
    """At the commit of a version; `number` orders it in time."""
    environ = {**os.environ, "GIT_COMMITTER_DATE": f"{1_800_000_000 + number} +0000"}
    command = ["git", "tag", "-a", "-m", "please", name, f"churn@{version}^{{}}"]
    subprocess.run(command, cwd=repo.path, env=environ, check=True)
    repo.git("push", "-q", "origin", "--tags")


def holders(cli: Any) -> list[tuple[str, bool]]:
    models = json.loads(cli("status", "--json")[1])["models"]
    return [(one["version"], one["verified"]) for model in models for one in model["stages"]]


def test_the_first_and_a_better_one_are_promoted_and_the_way_back(
    released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = cli("promote", ask(released, "v1.0.0", 1))
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "churn#prod v1.0.0: promoted (the first)"
    code, out, _ = cli("promote", ask(released, "v1.1.0", 2))
    assert code == 0
    assert out.splitlines()[0] == "churn#prod v1.1.0: promoted (before: v1.0.0)"
    assert "model.bin  sha256" in out
    assert "verdict pass" in out
    assert holders(cli) == [("v1.1.0", True)]

    code, out, err = cli("rollback", "churn", "--reason", "alert 7")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "churn#prod v1.0.0: rolled back (before: v1.1.0)"
    assert holders(cli) == [("v1.0.0", True)]
    # A fresh clone has it all.
    released.git("clone", "-q", "../origin.git", "../fresh")
    monkeypatch.chdir("../fresh")
    Repo(Path.cwd()).git("fetch", "-q", "origin", "refs/notes/*:refs/notes/*")
    assert holders(cli) == [("v1.0.0", True)]
    assert "alert 7" in Repo(Path.cwd()).git("tag", "-n9", "-l", "churn#prod#3")


def test_what_a_gate_said_before_is_found_by_content_and_decides_nothing(
    released: Repo, cli: Any
) -> None:
    released.git("switch", "-qC", "squashed", "churn@v1.1.0^{}")
    project.record(released)
    assert cli("gate", "--record", "churn@v1.0.0", "HEAD", "--policy", "main")[0] == 0
    assert cli("record", "push", "--note")[0] == 0
    assert cli("promote", ask(released, "v1.1.0", 1))[0] == 0
    (statement,) = [
        one for _, one in notes.statements(here()) if one["predicateType"] == ledger.PROMOTION
    ]
    (before,) = statement["predicate"]["judgedBefore"]
    assert before["result"] == "pass"
    assert len(before["sha256"]) == 64


def here() -> Repository:
    return Repository.discover(Path.cwd())


def test_a_worse_one_is_refused(released: Repo, cli: Any) -> None:
    assert cli("promote", ask(released, "v1.1.0", 1))[0] == 0
    code, out, err = cli("promote", ask(released, "v1.2.0", 2))
    assert (code, out) == (1, "")
    assert err.startswith("error: v1.2.0 against v1.1.0: fail: ")
    assert "mlops-ci gate --exact" in err
    assert holders(cli) == [("v1.2.0", False)]


def test_again_changes_nothing(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    cli("promote", name)
    before = released.git("rev-parse", "refs/notes/mlops-ci")
    code, out, _ = cli("promote", name)
    assert code == 0
    assert out.startswith("churn#prod v1.0.0: was promoted before")
    assert released.git("rev-parse", "refs/notes/mlops-ci") == before


def test_a_dry_run_writes_nothing(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    before = released.git("for-each-ref")
    code, out, _ = cli("promote", name, "--dry-run")
    assert (code, out.splitlines()[0]) == (0, "churn#prod v1.0.0: would be promoted (the first)")
    fetched = ("refs/mlops-ci/", "refs/notes/mlops-ci-fetched")
    now = released.git("for-each-ref").splitlines()
    assert [one for one in now if not any(ref in one for ref in fetched)] == before.splitlines()


def test_tampered_bytes_are_refused(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    stored(released, "model.bin", "churn@v1.0.0").write_bytes(b"evil")
    code, _, err = cli("promote", name)
    assert code == 1
    assert "error: model.bin is not what dvc.lock recorded at " in err


def test_bytes_that_are_gone_are_refused(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    for place in (".dvc/cache", "../remote"):
        shutil.rmtree(released.path / place)
    code, _, err = cli("promote", name)
    assert code == 3
    assert "error: model.bin at " in err
    assert "cannot be got" in err


def test_bytes_come_from_the_remote_when_the_cache_is_empty(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    shutil.rmtree(released.path / ".dvc/cache")
    assert cli("promote", name)[0] == 0


def test_a_remote_that_serves_something_else(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    shutil.rmtree(released.path / ".dvc/cache")
    md5 = recorded(released, "model.bin", "churn@v1.0.0")
    file = released.path / "../remote/files/md5" / md5[:2] / md5[2:]
    file.chmod(0o444)  # as an object that DVC trusts
    file.unlink()
    file.write_bytes(b"evil")
    file.chmod(0o444)
    code, _, err = cli("promote", name)
    assert code in (1, 3)
    assert holders(cli) == [("v1.0.0", False)]
    assert "model.bin" in err


def test_a_forged_record_helps_nobody(released: Repo, cli: Any) -> None:
    """v1.2.0 is worse. Its forger rewrites all Records, and grants the Promotion in a note."""
    cli("promote", ask(released, "v1.1.0", 1))
    name = ask(released, "v1.2.0", 2)
    repository = Repository.discover(released.path)
    book = Book(repository=repository)
    asked = book.asked(name)
    forged = granting.promotion_of(
        "churn", asked.holder, None, book.champion("churn", "prod").subject, {}
    )  # type: ignore[union-attr]
    notes.add(repository, asked.holder.tag.oid, [forged.statement()])
    code, _, err = cli("promote", name)
    assert code == 1
    assert "v1.2.0 against v1.1.0: fail" in err


def test_a_record_of_other_bytes_is_refused(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    content = released.git("notes", "--ref", notes.REF, "show", "churn@v1.0.0^{}")
    statement = json.loads(content)
    for one in statement["subject"]:
        one["digest"]["sha256"] = "0" * 64
    released.git(
        "notes", "--ref", notes.REF, "add", "-f", "-m", encode(statement), "churn@v1.0.0^{}"
    )
    released.git("push", "-qf", "origin", notes.REF)
    code, _, err = cli("promote", name)
    assert code == 1
    assert "is of other bytes: model.bin" in err


def test_without_a_record_nothing_is_promoted(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    released.git("update-ref", "-d", notes.REF)
    released.git("push", "-q", "origin", f":{notes.REF}")
    code, _, err = cli("promote", name)
    assert (code, err.splitlines()[0][:24]) == (1, "error: no Record says wh")


def test_a_moved_tag_is_refused(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    released.git("tag", "-f", "-a", "-m", "moved", name, "churn@v1.2.0^{}")
    code, _, err = cli("promote", name)
    assert code == 1
    assert f"error: {name} is another tag at origin than here" in err


WRONG = (1, None, "x", [], [1], {"result": [1]}, {})


@pytest.mark.parametrize(
    "part", ["verdict", "record", "approvals", "promotedOn", "reason", "tag", "subject"]
)
def test_a_note_of_any_shape_stops_no_command(released: Repo, cli: Any, part: str) -> None:
    """Whoever may push notes may write one, and production is not to wait for who reads it."""
    assert cli("promote", ask(released, "v1.0.0", 1))[0] == 0
    ((oid, granted),) = ledger.read(Repository.discover(released.path)).items()
    good = granted.statement()
    names = [{"name": "model.bin"}, {**good["subject"][0], "annotations": {"kind": [1]}}]
    for wrong in names if part == "subject" else WRONG:
        forged = {**good, "predicate": {**good["predicate"], part: wrong}}
        if part == "subject":
            forged = {**good, "subject": [wrong]}
        released.git("notes", "--ref=mlops-ci", "add", "-f", "-m", encode(forged), oid)
        for command in ("status", "why churn", "history --json", "sync --check --local"):
            assert cli(*command.split())[0] in (0, 1)
        assert cli("rollback", "churn", "--to", "v1.0.0", "--local", "--dry-run")[0] in (0, 1)


@pytest.mark.parametrize("gone", ["churn#prod#2", "churn@v1.1.0"])
def test_a_deleted_tag_does_not_let_a_worse_version_in(
    released: Repo, cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    """Without the tag of v1.1.0 the champion would be v1.0.0 again, which v1.2.0 is better than."""
    for version, number in (("v1.0.0", 1), ("v1.1.0", 2)):
        assert cli("promote", ask(released, version, number))[0] == 0
    released.git("push", "-q", "origin", f":refs/tags/{gone}")
    other = cloned(released, tmp_path / "other")
    monkeypatch.chdir(other.path)
    says = "v1.1.0 was the last that churn#prod was granted to, by churn#prod#2"
    code, out, _ = cli("sync", "--json")
    (found,) = json.loads(out)["stages"][0]["findings"]
    assert (code, found["where"], found["state"], says in found["what"]) == (
        1,
        "gto",
        "drift",
        True,
    )
    other.git("fetch", "-q", "origin", "refs/notes/*:refs/notes/*")
    assert says in cli("status")[2]
    code, _, err = cli("promote", ask(other, "v1.2.0", 3))
    assert (code, says in err) == (1, True)
    assert cli("rollback", "churn")[0] == 0
    assert (
        json.loads(cli("history", "--json")[1])["models"][0]["stages"][0]["events"][-1]["version"]
        == "v1.0.0"
    )
    assert cli("sync")[0] == 0


@pytest.mark.parametrize("when", ["9999-01-01T00:00:00Z", "zzz"])
def test_a_note_of_a_time_to_come_does_not_stop_promotions_for_ever(
    released: Repo, cli: Any, when: str
) -> None:
    """Of a tag that nobody has: no rollback could ever be after it."""
    assert cli("promote", ask(released, "v1.0.0", 1))[0] == 0
    ((_, granted),) = ledger.read(here()).items()
    oid = released.git("rev-parse", "churn@v1.1.0")
    facts = {**granted.facts, "promotedOn": when}
    forged = replace(granted, tag="churn#prod#77", tag_oid=oid, version="v1.1.0", facts=facts)
    notes.add(here(), oid, [forged.statement()])
    released.git("push", "-q", "origin", notes.REF)
    assert cli("promote", ask(released, "v1.1.0", 2))[0] == 0
    assert cli("rollback", "churn")[0] == 0
    assert cli("promote", ask(released, "v1.1.0", 50))[0] == 0
    assert holders(cli) == [("v1.1.0", True)]


def test_what_another_job_grants_meanwhile_is_what_a_version_is_judged_against(
    released: Repo, cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """v1.2.0 is better than v1.0.0 and worse than v1.1.0, which is granted between its verdict and its Record."""
    assert cli("promote", ask(released, "v1.0.0", 1))[0] == 0
    first = ask(released, "v1.1.0", 2)
    other = cloned(released, tmp_path / "other")
    other.git("fetch", "-q", "origin", f"{notes.REF}:{notes.REF}")
    monkeypatch.chdir(other.path)
    assert cli("promote", first, "--local")[0] == 0
    monkeypatch.chdir(released.path)
    name = ask(released, "v1.2.0", 3)
    examine, verdicts = together.examine, []

    def meanwhile(*arguments: Any) -> Any:
        verdicts.append(found := examine(*arguments))
        other.git("push", "-q", "origin", notes.REF)
        return found

    monkeypatch.setattr(together, "examine", meanwhile)
    code, _, err = cli("promote", name)
    assert (code, len(verdicts), "v1.2.0 against v1.1.0: fail" in err) == (1, 1, True)
    assert sorted(one.version for one in ledger.read(here()).values()) == ["v1.0.0", "v1.1.0"]


def test_a_remote_is_no_option_to_git(released: Repo, cli: Any, tmp_path: Path) -> None:
    """`git fetch --upload-pack=…` runs a program."""
    name = ask(released, "v1.0.0", 1)
    for command in (
        ("promote", name),
        ("rollback", "churn"),
        ("sync",),
        ("record", "push", "--note"),
    ):
        code, _, err = cli(*command, "--remote", f"--upload-pack=touch {tmp_path}/ran")
        assert (code, "is no remote" in err) == (2, True)
    assert not (tmp_path / "ran").exists()


def test_a_tag_by_another_name_asks_for_nothing(released: Repo, cli: Any) -> None:
    """`git tag NEW OLD`: one object would answer for two requests, and neither be seen as granted."""
    assert cli("promote", ask(released, "v1.0.0", 1))[0] == 0
    released.git("tag", "churn#prod#9", "churn#prod#1")
    released.git("push", "-q", "origin", "--tags")
    says = "churn#prod#9 is the tag churn#prod#1 by another name"
    code, _, err = cli("promote", "churn#prod#9")
    assert (code, says in err) == (1, True)
    assert says in cli("status")[2]
    assert holders(cli) == [("v1.0.0", True)]
    assert cli("promote", "churn#prod#1")[1].startswith("churn#prod v1.0.0: was promoted before")


def cloned(repo: Repo, folder: Path) -> Repo:
    repo.git("clone", "-q", repo.git("remote", "get-url", "origin"), str(folder))
    other = Repo(folder)
    other.git("config", "user.name", "Test")
    other.git("config", "user.email", "test@example.com")
    shutil.copytree(repo.path / ".dvc/cache", folder / ".dvc/cache")
    return other


def with_promote(repo: Repo, keys: str) -> None:
    """The main branch says so."""
    repo.git("checkout", "-q", "main")
    policy = (repo.path / "mlops-ci.yaml").read_text()
    repo.write("mlops-ci.yaml", f"{policy}promote: {{{keys}}}\n")
    repo.commit("policy")
    repo.git("push", "-q", "origin", "main")


def forge_metrics(repo: Repo) -> None:
    """The worse model of v1.2.0 with the metrics of a good one: dvc.lock and Record agree, and all is pushed."""
    forge(repo, {"metrics.json": '{"accuracy": 9.5, "loss": NaN}'})


def forge(repo: Repo, files: dict[str, str]) -> None:
    """As v1.3.0."""
    lock = (repo.path / "dvc.lock").read_text()
    for name, text in files.items():
        old, new = (repo.path / name).read_bytes(), text.encode()
        (repo.path / name).write_bytes(new)
        lock = lock.replace(hashlib.md5(old).hexdigest(), hashlib.md5(new).hexdigest())
        lock = lock.replace(f"size: {len(old)}\n", f"size: {len(new)}\n")
    repo.write("dvc.lock", lock)
    repo.commit("better, honestly")
    record(repo)
    repo.git("tag", "-a", "-m", "x", "churn@v1.3.0")
    repo.git("push", "-q", "origin", "HEAD", "refs/notes/*:refs/notes/*")


@pytest.mark.parametrize("merged", [False, True])
def test_edited_metrics_with_a_record_that_agrees_are_refused(
    released: Repo, cli: Any, *, merged: bool
) -> None:
    """Also where a merge has the edit in its history, and what it merged has it not."""
    cli("promote", ask(released, "v1.1.0", 1))
    released.git("checkout", "-q", "-b", "side", "churn@v1.2.0^{}")
    forge_metrics(released)
    if merged:
        released.git("revert", "--no-edit", "HEAD")
        released.git("checkout", "-q", "main")
        released.git("merge", "-q", "--no-ff", "side")
        released.git("push", "-q", "origin", "main")
    name = ask(released, "v1.3.0", 2)
    code, _, err = cli("promote", name)
    assert code == 1
    assert "was never the main branch: only its author vouches for its metrics" in err
    assert holders(cli) == [("v1.3.0", False)]
    with_promote(released, "evidence: recorded")
    assert cli("promote", name)[0] == 0  # so nothing else would have refused it


@pytest.mark.parametrize("name", ["origin/HEAD", "origin/main", "main"])
def test_a_tag_that_is_called_as_the_main_branch_is_not_it(
    released: Repo, cli: Any, name: str
) -> None:
    """Git takes a tag before a branch: whoever may push tags could choose gates, evidence and history."""
    if name != "main":
        released.git("fetch", "-q", "origin", "main:refs/remotes/origin/main")
    released.git("checkout", "-q", "-b", "side", "churn@v1.2.0^{}")
    released.write("mlops-ci.yaml", "gates: [{id: any, metric: accuracy, threshold: {min: 0}}]\n")
    forge_metrics(released)
    released.git("tag", "-a", "-m", "x", name, "HEAD")
    code, _, err = cli("promote", ask(released, "v1.3.0", 1))
    assert (code, "was never the main branch" in err) == (1, True)


@pytest.mark.parametrize("where", ["GitHub", "GitLab"])
def test_in_a_run_the_main_branch_is_the_default_branch_of_the_repository(
    released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    """actions/checkout makes no origin/HEAD: a branch that somebody calls `main` has none of its rules."""
    released.git("push", "-q", "origin", "main:trunk")
    released.git("checkout", "-q", "-b", "side", "churn@v1.2.0^{}")
    forge_metrics(released)
    released.git("push", "-qf", "origin", "side:main")
    released.git("fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"repository": {"default_branch": "trunk"}}))
    variable = (
        ("GITHUB_EVENT_PATH", str(event)) if where == "GitHub" else ("CI_DEFAULT_BRANCH", "trunk")
    )
    monkeypatch.setenv(*variable)
    code, _, err = cli("promote", ask(released, "v1.3.0", 1))
    assert (code, "was never the main branch" in err) == (1, True)
    released.git("update-ref", "-d", "refs/remotes/origin/trunk")  # and `main` is none instead
    code, _, err = cli("promote", "churn#prod#1")
    assert (code, "no main branch is in this clone" in err) == (1, True)


def test_a_rollback_goes_to_no_version_that_only_a_branch_had(released: Repo, cli: Any) -> None:
    """Whoever may push notes and tags can write that it was promoted; the main branch never had it."""
    for version, number in (("v1.0.0", 1), ("v1.1.0", 2)):
        assert cli("promote", ask(released, version, number))[0] == 0
    released.git("checkout", "-q", "-b", "side", "churn@v1.2.0^{}")
    forge_metrics(released)
    tag(released, "churn#prod#0", "v1.3.0", 0)
    old = next(one for one in ledger.read(here()).values() if one.version == "v1.0.0")
    oid, commit = released.git("rev-parse", "churn#prod#0", "HEAD").split()
    subject = artifacts.hashes(here(), artifacts.find(here(), commit, "churn"))
    asked = {"tag": "churn#prod#0", "tag_oid": oid, "commit": commit}
    forged = replace(old, version="v1.3.0", subject=subject, **asked)
    notes.add(here(), oid, [forged.statement()])
    released.git("push", "-q", "origin", notes.REF)
    released.git("checkout", "-q", "main")
    rollback = ("rollback", "churn", "--to", "v1.3.0")
    code, _, err = cli(*rollback)
    assert (code, "was never the main branch" in err) == (1, True)
    assert holders(cli) == [("v1.1.0", True)]
    with_promote(released, "evidence: recorded")
    assert cli(*rollback)[0] == 0


def test_dvc_asks_no_remote_that_only_a_branch_names(
    released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """.dvc/config may name another remote, and a command that gives the password for it."""
    released.git("checkout", "-q", "-b", "side", "churn@v1.0.0^{}")
    released.write("README", "unseen\n")
    released.commit("side")
    released.git("tag", "-a", "-m", "x", "churn@v1.3.0", "side")
    shutil.rmtree(released.path / ".dvc/cache")
    monkeypatch.setattr(artifacts, "_got", lambda *_: pytest.fail("dvc was asked"))
    code, _, err = cli("promote", ask(released, "v1.3.0", 1))
    assert (code, "was never the main branch" in err) == (1, True)


def test_a_commit_of_the_main_branch_is_asked_for_by_default(released: Repo, cli: Any) -> None:
    released.git("checkout", "-q", "-b", "side", "churn@v1.0.0^{}")
    released.write("README", "reviewed\n")
    released.commit("side")
    released.git("checkout", "-q", "main")
    released.git("merge", "-q", "--no-ff", "side")
    released.git("push", "-q", "origin", "main")
    released.git("tag", "-a", "-m", "x", "churn@v1.3.0", "side")
    assert cli("promote", ask(released, "v1.3.0", 1))[0] == 1
    released.git("tag", "-a", "-m", "x", "churn@v1.4.0", "main")
    assert cli("promote", ask(released, "v1.4.0", 2))[0] == 0


def test_a_metric_that_only_mlflow_has_is_no_evidence(released: Repo, cli: Any) -> None:
    """Whoever may write to the tracking server has not shown it to a reviewer."""
    log = (
        "import mlflow, sys\nclient = mlflow.MlflowClient('sqlite:///mlflow.db')\n"
        "run = client.create_run('0', tags={'mlops_ci.sha': sys.argv[1]}).info.run_id\n"
        "client.log_metric(run, 'auc', 0.99)\nclient.set_terminated(run)\n"
    )
    commit = released.git("rev-parse", "churn@v1.1.0^{}")
    subprocess.run([sys.executable, "-c", log, commit], cwd=released.path, check=True)
    gates = (released.path / "mlops-ci.yaml").read_text()
    floor = "- {id: auc, metric: auc, threshold: {min: 0.9}}\n"
    released.write("mlops-ci.yaml", gates + floor)
    released.commit("policy")
    released.git("push", "-q", "origin", "main")
    assert cli("gate", "--exact", commit, commit)[0] == 0
    name = ask(released, "v1.1.0", 1)
    code, _, err = cli("promote", name)
    assert (code, "auc: " in err) == (1, True)
    assert "write it to a metrics file; one that only MLflow has counts with promote:" in err
    with_promote(released, "evidence: recorded")
    assert cli("promote", name)[0] == 0


def test_what_is_older_than_allowed_is_refused_and_never_blocks_a_rollback(
    released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of the two times alone makes it young: whoever forges a Record writes any time, as does an old one."""
    for version, number in (("v1.0.0", 1), ("v1.1.0", 2)):
        assert cli("promote", ask(released, version, number))[0] == 0
    with_promote(released, "max_age: 30")
    late = datetime.now(timezone.utc) + timedelta(days=365)
    name = ask(released, "v1.1.0", 3)
    code, _, err = cli("promote", name)
    assert (code, "days old (2026-01-02), and promote.max_age is 30" in err) == (1, True)
    assert "mlops-ci train --force" in err
    assert cli("rollback", "churn", "--to", "v1.0.0")[0] == 0
    assert holders(cli) == [("v1.0.0", True)]
    model = ModelAt(
        name="churn", commit=released.git("rev-parse", "HEAD"), paths=(), lock_digest=""
    )
    (_, trained), *_ = evidence.records(
        here(), artifacts.find(here(), "churn@v1.0.0^{commit}", "churn")
    )
    for finished, refused in (
        (datetime.now(timezone.utc).isoformat(), ""),
        (late.isoformat(), ""),  # its commit is of today
        ("", "does not say when"),
        ("2026-01-02T03:05:05.123Z", "days old"),
    ):
        known = replace(trained, finished=finished)
        with pytest.raises(RefusedError, match=refused) if refused else nullcontext():
            age.check(here(), model, known, 30)
    old = "2026-01-02T03:05:05Z"
    monkeypatch.setenv("GIT_COMMITTER_DATE", old)
    released.write("README", "x\n")
    released.commit("of an old day")
    model = replace(model, commit=released.git("rev-parse", "HEAD"))
    with pytest.raises(RefusedError, match="days old"):
        age.check(here(), model, replace(trained, finished=late.isoformat()), 30)
    monkeypatch.setenv("GIT_COMMITTER_DATE", late.isoformat())
    released.write("README", "y\n")
    released.commit("of a day to come")
    model = replace(model, commit=released.git("rev-parse", "HEAD"))
    with pytest.raises(RefusedError, match="of a time to come"):
        age.check(here(), model, replace(trained, finished=late.isoformat()), 30)


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("nope", 2, "nope is no tag that asks for anything here"),
        ("churn#prod#77", 3, "churn#prod#77 is no tag here, and the tags of origin cannot be"),
    ],
)
def test_without_a_remote_an_unknown_tag_is_said_first(
    released: Repo, cli: Any, name: str, code: int, says: str
) -> None:
    known = ask(released, "v1.0.0", 1)
    released.git("remote", "remove", "origin")
    found, _, err = cli("promote", name)
    assert (found, err.startswith(f"error: {says}")) == (code, True)
    assert cli("promote", known)[2].startswith("error: the tags of origin cannot be fetched")


def test_a_superseded_tag_is_refused(released: Repo, cli: Any) -> None:
    older = ask(released, "v1.0.0", 1)
    ask(released, "v1.1.0", 2)
    code, _, err = cli("promote", older)
    assert code == 1
    assert "churn#prod#2 holds prod by the tags" in err


def test_a_deregistered_version_is_refused(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    released.git("tag", "-a", "-m", "no", "churn@v1.0.0!", "churn@v1.0.0^{}")
    code, _, err = cli("promote", name)
    assert code == 1
    assert "nothing holds prod by the tags" in err


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("churn@v1.0.0", 2, "does not ask for a stage (register)"),
        ("churn#prod!#9", 2, "does not ask for a stage (unassign)"),
        ("churn@deprecated", 2, "does not ask for a stage (deprecate)"),
        ("nightly", 2, "is no tag that asks for anything here"),
        ("churn#prod#77", 2, "is no tag that asks for anything here"),
    ],
)
def test_tags_that_ask_for_no_stage(
    released: Repo, cli: Any, name: str, code: int, says: str
) -> None:
    if name not in ("churn@v1.0.0", "churn#prod#77"):
        released.git("tag", "-a", "-m", "x", name, "churn@v1.0.0^{}")
    found, _, err = cli("promote", name, "--local")
    assert found == code
    assert says in err


def test_a_lightweight_tag_is_refused(released: Repo, cli: Any) -> None:
    released.git("tag", "churn#prod#1", "churn@v1.0.0^{}")
    code, _, err = cli("promote", "churn#prod#1", "--local")
    assert code == 1
    assert "churn#prod#1 is lightweight" in err


def test_without_gates_nothing_is_promoted(released: Repo, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    released.git("rm", "-q", "mlops-ci.yaml")
    released.git("commit", "-qm", "no gates")
    released.git("push", "-q", "origin", "main")
    code, _, err = cli("promote", name)
    assert code == 1
    assert "no gate of the main branch judges v1.0.0" in err


def test_the_profile_of_the_stage_or_production_judges(released: Repo, cli: Any) -> None:
    profiles = """\
gates:
- {id: floor, metric: accuracy, threshold: {min: 0.5}}
- {id: never, metric: accuracy, threshold: {min: 2}, level: "off"}
profiles: {production: {levels: {never: error}}, prod: {extends: production, levels: {never: warn}}}
"""
    released.write("mlops-ci.yaml", profiles)
    released.git("commit", "-qam", "profiles")
    released.git("push", "-q", "origin", "main")
    code, out, _ = cli("promote", ask(released, "v1.0.0", 1), "--dry-run")
    assert code == 0
    assert "verdict warn, by the gates at " in out
    assert ", profile prod\n" in out
    other = ask(released, "v1.0.0", 2, "live")
    code, _, err = cli("promote", other)
    assert code == 1
    assert "at least 2: broken" in err
    assert "mlops-ci gate --exact --profile production" in err
    assert cli("promote", other, "--profile", "prod", "--dry-run")[0] == 0


def test_a_rollback_needs_an_earlier_promotion(released: Repo, cli: Any) -> None:
    assert cli("rollback", "churn")[0] == 1
    cli("promote", ask(released, "v1.0.0", 1))
    code, _, err = cli("rollback", "churn")
    assert code == 1
    assert "v1.0.0 is the first that was promoted" in err
    code, _, err = cli("rollback", "churn", "--to", "v1.2.0")
    assert code == 1
    assert "v1.2.0 was never promoted to churn#prod" in err
    for wrong in (("churm",), ("churn", "--stage", "production")):
        code, _, err = cli("rollback", *wrong)
        assert (code, err.splitlines()[1].strip()) == (1, "did you mean churn#prod?")


def test_where_the_way_back_is_gone_another_is_named(released: Repo, cli: Any) -> None:
    for number, version in enumerate(("v1.0.0", "v1.2.0", "v1.1.0"), 1):
        assert cli("promote", ask(released, version, number))[0] == 0
    stored(released, "model.bin", "churn@v1.2.0").write_bytes(b"evil")
    code, _, err = cli("rollback", "churn")
    assert code == 1
    assert err.splitlines()[1].strip() == "mlops-ci rollback churn --stage prod --to v1.0.0"
    tag(released, "churn@v1.2.0!", "v1.2.0", 4)
    code, _, err = cli("rollback", "churn")
    assert "v1.2.0 of churn is not registered any more" in err
    assert cli(*err.splitlines()[1].split()[1:])[0] == 0


def test_a_rollback_to_bytes_that_changed_moves_nothing(released: Repo, cli: Any) -> None:
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    stored(released, "model.bin", "churn@v1.0.0").write_bytes(b"evil")
    before = released.git("for-each-ref", "refs/tags", "refs/notes/mlops-ci")
    assert cli("rollback", "churn")[0] == 1
    assert released.git("for-each-ref", "refs/tags", "refs/notes/mlops-ci") == before
    assert holders(cli) == [("v1.1.0", True)]


def recorded(repo: Repo, path: str, rev: str) -> str:
    """The MD5 in dvc.lock of a revision."""
    lock = yaml.safe_load(repo.git("show", f"{rev}:dvc.lock"))
    outs = [out for stage in lock["stages"].values() for out in stage["outs"]]
    return str(next(out["md5"] for out in outs if out["path"] == path))


def stored(repo: Repo, path: str, rev: str) -> Path:
    """Its object in the cache, made writable."""
    md5 = recorded(repo, path, rev)
    file = repo.path / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    file.chmod(0o644)
    return file


def test_why(released: Repo, cli: Any) -> None:
    assert cli("why", "churn")[0] == 1
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    code, out, _ = cli("why", "churn")
    assert code == 0
    for line in (
        "  asked    churn#prod#2",
        "  verdict  pass against v1.0.0, gates at ",
        "  data     data md5 ",
        "  param    lr 0.2 (before: 0.1)",
        "  metric   accuracy 1.6",
    ):
        assert line in out
    code, out, _ = cli("why", "churn", "--json")
    shown = json.loads(out)
    assert shown["params"]["lr"] == {"value": 0.2, "before": 0.1}
    assert shown["metrics"]["loss"] == {"value": "NaN", "before": "NaN"}
    assert shown["promotion"]["toVersion"] == "v1.1.0"
    assert shown["problems"] == []


def test_why_says_what_speaks_against_it(released: Repo, cli: Any) -> None:
    """A tag that nobody granted, which tools that read tags alone believe; a tag that is gone."""
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    ask(released, "v1.2.0", 3)
    code, out, err = cli("why", "churn")
    assert (code, out.split()[2]) == (0, "v1.1.0")
    assert "churn#prod#3 asks for v1.2.0, and nobody granted it" in err
    released.git("tag", "-d", "churn#prod#2", "churn#prod#3")
    code, out, err = cli("why", "churn")
    assert "v1.1.0 was the last that churn#prod was granted to" in err
    (problem,) = json.loads(cli("why", "churn", "--json")[1])["problems"]
    assert problem in err


def test_a_tag_that_nobody_granted_is_rolled_back(released: Repo, cli: Any) -> None:
    """By hand, past all gates: what `gto assign` does."""
    cli("promote", ask(released, "v1.1.0", 1))
    ask(released, "v1.2.0", 2)
    assert holders(cli) == [("v1.2.0", False)]
    code, out, _ = cli("rollback", "churn")
    assert (code, out.splitlines()[0]) == (0, "churn#prod v1.1.0: rolled back (before: v1.2.0)")
    assert holders(cli) == [("v1.1.0", True)]
    assert "from v1.2.0 to v1.1.0" in released.git("tag", "-n9", "-l", "churn#prod#3")


def test_a_rollback_leads_away_from_what_is_asked_for_once_more(released: Repo, cli: Any) -> None:
    """A tag that waits for its approval is not what a rollback left: it said `rolled back`, and granted that."""
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    waiting = released.git("rev-parse", ask(released, "v1.1.0", 20))
    assert cli("rollback", "churn")[0] == 0
    assert holders(cli) == [("v1.0.0", True)]
    assert waiting not in ledger.read(here())


def test_a_rollback_leads_to_nothing_that_was_rolled_back(released: Repo, cli: Any) -> None:
    """Somebody asks for it again, past all gates; or the version before was asked for twice."""
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    cli("promote", ask(released, "v1.1.0", 3))
    code, out, _ = cli("rollback", "churn")
    assert (code, out.splitlines()[0]) == (0, "churn#prod v1.0.0: rolled back (before: v1.1.0)")
    ask(released, "v1.1.0", 5)
    assert holders(cli) == [("v1.1.0", False)]
    told = cli("rollback", "churn", "--dry-run", "--local")[1]
    assert [line for line in told.splitlines() if "+ tag" in line] == ["  + tag churn#prod#6"]
    code, out, _ = cli("rollback", "churn")
    assert (code, out.splitlines()[0]) == (0, "churn#prod v1.0.0: rolled back (before: v1.1.0)")
    assert holders(cli) == [("v1.0.0", True)]


def test_a_version_that_was_rolled_back_to_and_is_asked_for_again(released: Repo, cli: Any) -> None:
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    cli("rollback", "churn")
    assert cli("promote", ask(released, "v1.0.0", 4))[0] == 0
    code, _, err = cli("rollback", "churn")
    assert (code, "v1.0.0 is the first that was promoted to churn#prod" in err) == (1, True)
    assert "--to" not in err  # what is left was rolled back
    assert holders(cli) == [("v1.0.0", True)]


def test_of_two_rollbacks_at_once_the_slower_leaves_nothing_behind(
    released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would make the tag of the same name. What stays here would stop each command that follows."""
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    released.git("clone", "-q", "../origin.git", "../faster")
    real = writing.write

    def later(*arguments: Any) -> None:
        monkeypatch.setattr(writing, "write", real)
        command = [sys.executable, "-m", "mlops_ci", "rollback", "churn", "--reason", "faster"]
        subprocess.run(command, cwd="../faster", check=True, capture_output=True)
        real(*arguments)

    monkeypatch.setattr(writing, "write", later)
    code, _, err = cli("rollback", "churn")
    assert (code, "somebody else has pushed churn#prod#3 at the same time" in err) == (3, True)
    code, out, _ = cli("rollback", "churn")
    assert (code, out.splitlines()[0].partition(" (")[0]) == (0, "churn#prod v1.0.0: holds already")
    assert cli("promote", ask(released, "v1.1.0", 9))[0] == 0  # pushes all notes that are here
    assert "gone" not in cli("history")[1]


def test_a_rollback_is_told_where_the_registry_is_down(
    released: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    code, out, err = cli("rollback", "churn")
    assert (code, out.splitlines()[0]) == (3, "churn#prod v1.0.0: rolled back (before: v1.1.0)")
    assert err.startswith("not shown everywhere: http://127.0.0.1:9/")
    assert "run this again, or mlops-ci sync churn" in err
    assert holders(cli) == [("v1.0.0", True)]


def test_a_rollback_is_told_where_the_config_of_main_is_broken(released: Repo, cli: Any) -> None:
    """Which registry would have to follow is not known then; what holds the stage is."""
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    released.commit(**{"mlops-ci.yaml": "gates: nonsense\n"})
    released.git("push", "-q", "origin", "main")
    code, out, err = cli("rollback", "churn")
    assert (code, out.splitlines()[0]) == (3, "churn#prod v1.0.0: rolled back (before: v1.1.0)")
    assert err.startswith("not shown everywhere: mlops-ci.yaml:1")
    assert "mlops-ci sync churn" in err
    assert holders(cli) == [("v1.0.0", True)]
    assert cli("sync", "--check")[0] == 2
    released.commit(**{"mlops-ci.yaml": GATES})
    released.git("push", "-q", "origin", "main")
    assert cli("sync", "--check")[0] == 0
