"""What GitHub shows of promotions and rollbacks, and who it says has approved them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.github import approvals
from mlops_ci.github.client import Client
from mlops_ci.lineage import notes
from tests.promote.conftest import RUN
from tests.promote.test_promote import ask, holders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Repo
    from tests.github.api.server import Api
    from tests.promote.memory import Registry

pytestmark = pytest.mark.contract
FULL = "octo/churn"


def deployments(api: Api) -> list[tuple[str, str, str]]:
    """Environment, version and newest state of each, oldest first."""
    return [
        (one["environment"], one["payload"]["version"], one["_statuses"][0]["state"])
        for one in api.state.repos[FULL].deployments.values()
    ]


def releases(api: Api) -> dict[str, dict[str, Any]]:
    return {one["tag_name"]: one for one in api.state.repos[FULL].releases.values()}


def asset(release: dict[str, Any]) -> list[dict[str, Any]]:
    (one,) = release["assets"]
    return [json.loads(line) for line in one["_content"].decode().splitlines()]


def test_deployment_release_and_approval(released: Repo, hub: Api, cli: Any) -> None:
    assert cli("promote", ask(released, "v1.0.0", 1))[0] == 0
    code, out, err = cli("promote", ask(released, "v1.1.0", 2))
    assert (code, err) == (0, "")
    assert "  approved by ada" in out
    assert deployments(hub) == [("prod", "v1.0.0", "inactive"), ("prod", "v1.1.0", "success")]
    release = releases(hub)["churn@v1.1.0"]
    assert not release["draft"]
    assert "  https://github.com/octo/churn/releases/tag/churn@v1.1.0" in out
    for line in (
        "#### `churn` `v1.1.0`",
        "in place of `v1.0.0`: verdict `pass`, approved by `ada`",
        "| `accuracy` | `0.8` | `1.6` | +0.8 |",
    ):
        assert line in release["body"]
    trained, promotion = asset(release)
    assert trained["predicateType"] == "https://slsa.dev/provenance/v1"
    assert promotion["predicate"]["approvals"] == [
        {"state": "approved", "user": "ada", "source": "github", "environment": "prod", "comment": ""}
    ]  # fmt: skip

    assert cli("rollback", "churn", "--reason", "alert 7")[0] == 0
    states = [state for _, _, state in deployments(hub)]
    assert states == ["inactive", "inactive", "success"]
    assert deployments(hub)[-1][1] == "v1.0.0"
    back = releases(hub)["churn@v1.0.0"]
    assert "`prod` was rolled back to it on" in back["body"]
    assert "in place of `v1.1.0`: `alert 7`" in back["body"]
    assert [one["predicate"].get("kind") for one in asset(back)] == [None, "promote", "rollback"]


def test_a_dry_run_names_all_that_would_change_and_changes_none_of_it(
    released: Repo, hub: Api, registry: Registry, cli: Any
) -> None:
    def state() -> object:
        refs = (
            released.git("ls-remote", "origin"),
            released.git("for-each-ref", "refs/tags", "refs/notes/mlops-ci"),
        )
        return refs, dict(registry.aliases), dict(registry.versions), deployments(hub)

    assert cli("promote", ask(released, "v1.0.0", 1))[0] == 0
    name = ask(released, "v1.1.0", 2)
    released.git("push", "-q", "origin", f":refs/tags/{name}")
    before = state()
    commit = released.git("rev-parse", f"{name}^{{}}")
    planned = [
        "+ tag churn#prod#2 at origin",
        "+ Promotion Record of churn#prod#2 in refs/notes/mlops-ci at origin",
        f"+ MLflow version of churn@v1.1.0, source dvc://{commit}/model.bin",
        "~ MLflow alias churn@prod: version 1 (churn@v1.0.0) → the new version (churn@v1.1.0)",
        "~ GitHub deployment of prod: v1.0.0 → churn v1.1.0",
        "+ GitHub release churn@v1.1.0: notes and Records",
    ]
    assert json.loads(cli("promote", name, "--dry-run", "--json")[1])["changes"] == planned
    assert state() == before
    assert cli("promote", name)[0] == 0
    assert json.loads(cli("promote", name, "--dry-run", "--json")[1])["changes"] == []
    back = json.loads(cli("rollback", "churn", "--dry-run", "--json")[1])["changes"]
    assert back[0] == "+ tag churn#prod#3"
    assert back[-3:-1] == [
        "~ MLflow alias churn@prod: version 2 (churn@v1.1.0) → version 1 (churn@v1.0.0)",
        "~ GitHub deployment of prod: v1.1.0 → churn v1.0.0",
    ]


def test_again_changes_nothing(released: Repo, hub: Api, cli: Any) -> None:
    name = ask(released, "v1.0.0", 1)
    cli("promote", name)
    before = len(hub.requests("POST")), len(hub.requests("PATCH")), len(hub.requests("DELETE"))
    code, out, _ = cli("promote", name)
    assert (code, out[:39]) == (0, "churn#prod v1.0.0: was promoted before ")
    assert before == (
        len(hub.requests("POST")), len(hub.requests("PATCH")), len(hub.requests("DELETE")),
    )  # fmt: skip


def test_what_people_wrote_into_a_release_stays(released: Repo, hub: Api, cli: Any) -> None:
    cli("promote", ask(released, "v1.0.0", 1))
    release = releases(hub)["churn@v1.0.0"]
    release["body"] = f"By hand\r\n\r\n{release['body']}\r\n\r\nand after"
    cli("promote", ask(released, "v1.0.0", 2, "dev"))
    hub.add_approval(FULL, RUN, environment="dev", login="bob")
    assert cli("promote", "churn#dev#2")[0] == 0
    assert release["body"].startswith("By hand\n\n<!-- mlops-ci: churn -->")
    assert release["body"].endswith("\n\nand after")
    assert release["body"].count("#### `churn`") == 1
    assert "promoted to `dev`" in release["body"]
    assert [one["predicate"].get("stage") for one in asset(release)] == [None, "prod", "dev"]
    # Each stage is an environment of its own, and one does not end the other.
    assert deployments(hub) == [("prod", "v1.0.0", "success"), ("dev", "v1.0.0", "success")]


def test_an_immutable_release_stays_as_it_is(released: Repo, hub: Api, cli: Any) -> None:
    hub.state.repos[FULL].immutable_releases = True
    hub.add_approval(FULL, RUN, environment="dev", login="bob")
    assert cli("promote", ask(released, "v1.0.0", 1))[0] == 0
    code, out, _ = cli("promote", ask(released, "v1.0.0", 2, "dev"))
    assert code == 0
    assert "the release of churn@v1.0.0 is immutable: churn.intoto.jsonl stays as it was" in out
    assert len(asset(releases(hub)["churn@v1.0.0"])) == 2


def test_without_an_approval_nothing_is_promoted(released: Repo, hub: Api, cli: Any) -> None:
    before = released.git("rev-parse", notes.REF)
    code, _, err = cli("promote", ask(released, "v1.0.0", 1, "dev"))
    assert code == 1
    assert "nobody has approved that dev is taken, and promote.approval is manual" in err
    assert "environment: dev" in err
    code, _, err = cli("promote", "churn#dev#1", "--approved-by", "me")
    assert code == 2
    assert "nobody is taken at their word" in err
    assert released.git("rev-parse", notes.REF) == before
    assert hub.requests("POST") == []


def test_a_rejection_is_no_approval(released: Repo, hub: Api, cli: Any) -> None:
    hub.add_approval(FULL, RUN, environment="dev", login="bob", state="rejected")
    assert cli("promote", ask(released, "v1.0.0", 1, "dev"))[0] == 1


def test_who_approved_and_deleted_the_account_is_a_ghost(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        {"user": None, "state": "approved", "comment": None, "environments": [{"name": "dev"}]}
    ]
    client = Client("https://api.github.com", FULL, "t")
    monkeypatch.setattr(client, "get", lambda _: found)
    (review,) = approvals.read(client, RUN)
    assert (review.user, review.environment, review.comment) == ("ghost", "dev", "")


def test_the_run_that_started_this_one_has_approved_nothing(
    released: Repo, hub: Api, cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    event = {"workflow_run": {"id": 66, "head_sha": "0" * 40, "head_branch": "main"}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "workflow_run")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    hub.add_approval(FULL, 66, environment="dev", login="mallory")
    code, _, err = cli("promote", ask(released, "v1.0.0", 1, "dev"))
    assert (code, "nobody has approved that dev is taken" in err) == (1, True)
    code, out, _ = cli("promote", ask(released, "v1.0.0", 2))
    assert (code, "approved by ada" in out) == (0, True)


def configure(released: Repo, text: str) -> None:
    file = released.path / "mlops-ci.yaml"
    file.write_text(file.read_text() + text)
    released.commit("Configure")
    released.git("push", "-q", "origin", "main")


def test_auto_needs_nobody_where_all_gates_pass(released: Repo, hub: Api, cli: Any) -> None:
    configure(released, "promote: {approval: auto}\n")
    assert cli("promote", ask(released, "v1.0.0", 1, "dev"))[0] == 0


def test_auto_needs_somebody_where_a_gate_warns(released: Repo, hub: Api, cli: Any) -> None:
    warn = "- {id: high, metric: accuracy, threshold: {min: 9}, level: warn}\n"
    configure(released, f"{warn}promote: {{approval: auto}}\n")
    code, _, err = cli("promote", ask(released, "v1.0.0", 1, "dev"))
    assert code == 1
    assert "nobody has approved that dev is taken, and the verdict is warn" in err


@pytest.mark.parametrize(("status", "says"), [(401, "Bad credentials"), (403, "Resource not acc")])
def test_approvals_that_cannot_be_read(
    released: Repo, hub: Api, cli: Any, status: int, says: str
) -> None:
    """Before anything is written."""
    before = released.git("rev-parse", notes.REF)
    hub.state.repos[FULL].private = True
    if status == 401:
        hub.state.tokens.clear()
    else:
        hub.add_token("ghs_1", contents="write", deployments="write")
    code, _, err = cli("promote", ask(released, "v1.0.0", 1))
    assert code == 4
    assert says in err
    if status == 403:
        assert "give the job the permission actions: read" in err
    assert released.git("rev-parse", notes.REF) == before


def test_a_rollback_does_not_wait_for_github(released: Repo, hub: Api, cli: Any) -> None:
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    hub.add_fault("/repos/", status=502, times=10_000)
    code, out, err = cli("rollback", "churn")
    assert (code, holders(cli)) == (4, [("v1.0.0", True)])
    assert "who approved is not known: GitHub is broken" in out
    assert "not published: GitHub is broken" in err
    hub.state.faults.clear()
    assert cli("rollback", "churn")[0] == 0
    assert deployments(hub)[-1] == ("prod", "v1.0.0", "success")


@pytest.mark.parametrize(
    ("rights", "missing"),
    [({"actions": "read", "contents": "write"}, "deployments: write"),
     ({"actions": "read", "deployments": "write"}, "contents: write")],
)  # fmt: skip
def test_a_token_without_a_right(
    released: Repo, hub: Api, cli: Any, rights: dict[str, str], missing: str
) -> None:
    """The promotion stands; what could not be shown is said, and shown by the next run."""
    hub.add_token("ghs_1", **rights)
    code, out, err = cli("promote", ask(released, "v1.0.0", 1))
    assert (code, out[:31]) == (4, "churn#prod v1.0.0: promoted (th")
    assert f"give the job the permission {missing}" in err
    assert holders(cli) == [("v1.0.0", True)]
    hub.add_token("ghs_1")
    assert cli("promote", "churn#prod#1")[0] == 0
    assert deployments(hub) == [("prod", "v1.0.0", "success")]


@pytest.mark.parametrize(
    "path", ["/deployments$", "/statuses", "/releases$", "/assets", r"/releases/\d+$"]
)
@pytest.mark.parametrize("lost", [True, False])
def test_a_bad_moment(released: Repo, hub: Api, cli: Any, path: str, lost: bool) -> None:
    """An answer that is lost, or a server that is broken once: at the latest the second run leaves one of each."""
    fault = {"lost": True} if lost else {"status": 502}
    hub.add_fault(path, method="POST" if "d+" not in path else "PATCH", times=1, **fault)
    name = ask(released, "v1.0.0", 1)
    assert cli("promote", name)[0] in (0, 4)
    assert cli("promote", name)[0] == 0
    assert deployments(hub) == [("prod", "v1.0.0", "success")]
    (release,) = releases(hub).values()
    assert (release["draft"], len(asset(release))) == (False, 2)
    assert len(hub.state.repos[FULL].releases) == 1


def test_only_where_there_is_something_to_tell(
    released: Repo, hub: Api, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    code, _, err = cli("promote", ask(released, "v1.0.0", 1), "--announce")
    assert (code, "GITHUB_TOKEN is not set" in err) == (2, True)
    code, _, err = cli("promote", "churn#prod#1")
    assert code == 1  # nobody can tell who approved
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert cli("promote", "churn#prod#1", "--approved-by", "ada")[0] == 0
    assert hub.state.log == []


def test_outputs_of_the_step(
    released: Repo, hub: Api, cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    assert cli("promote", ask(released, "v1.0.0", 1), "--github")[0] == 0
    lines = (tmp_path / "output").read_text().splitlines()
    found = {lines[at].partition("<<")[0]: lines[at + 1] for at in range(0, len(lines), 3)}
    assert found["done"] == "promoted"
    assert found["version"] == "v1.0.0"
    assert found["release"].endswith("/releases/tag/churn@v1.0.0")
