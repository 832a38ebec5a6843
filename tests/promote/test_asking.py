"""Tags that name only a version, and releases on GitHub: what they ask for, and when they ask for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.promote.test_on_github import FULL, releases
from tests.promote.test_promote import ask, holders

if TYPE_CHECKING:
    from tests.conftest import Repo
    from tests.github.api.server import Api

pytestmark = pytest.mark.real


@pytest.fixture
def plain(released: Repo) -> Repo:
    """`v1.0.0` and so on, as a repository with one model has them, and no tag of GTO."""
    for version in ("v1.0.0", "v1.1.0", "v1.2.0"):
        commit = released.git("rev-parse", f"churn@{version}^{{}}")
        released.git("tag", "-d", f"churn@{version}")
        released.git("push", "-q", "origin", f":refs/tags/churn@{version}")
        released.git("tag", "-a", "-m", "x", version, commit)
    released.git("push", "-q", "origin", "--tags")
    return released


def at_remote(repo: Repo) -> list[str]:
    return [
        line.rpartition("/")[2]
        for line in repo.git("ls-remote", "--tags", "--refs", "origin").splitlines()
    ]


def test_a_plain_version_asks_for_prod(plain: Repo, cli: Any) -> None:
    model = "origin"  # as the repository, for nothing in it names the model
    assert cli("promote", "v1.0.0", "--dry-run")[1].startswith(
        f"{model}#prod v1.0.0: would be promoted"
    )
    assert at_remote(plain) == ["v1.0.0", "v1.1.0", "v1.2.0"]
    code, out, _ = cli("promote", "v1.0.0")
    assert (code, out.splitlines()[0]) == (0, f"{model}#prod v1.0.0: promoted (the first)")
    # What it has asked for is there for GTO as well.
    assert at_remote(plain) == [f"{model}#prod#1", f"{model}@v1.0.0", "v1.0.0", "v1.1.0", "v1.2.0"]
    assert holders(cli) == [("v1.0.0", True)]
    assert "as v1.0.0 asks" in cli("why", model)[1]
    assert (
        cli("promote", "v1.1.0", "--stage", "dev")[1]
        .splitlines()[1]
        .startswith(f"  tag {model}#dev#2 ")
    )


def test_it_asks_once(plain: Repo, cli: Any) -> None:
    """A job that is run again must not bring back what has been superseded."""
    cli("promote", "v1.0.0")
    cli("promote", "v1.1.0")
    code, _, err = cli("promote", "v1.0.0")
    assert code == 1
    assert "is not the newest word on" in err
    assert (
        cli("promote", "v1.1.0")[1].splitlines()[0].endswith("was promoted before (before: v1.0.0)")
    )
    assert len(at_remote(plain)) == 7


def test_what_is_refused_leaves_no_tag(plain: Repo, cli: Any) -> None:
    cli("promote", "v1.1.0")
    before = plain.git("tag"), at_remote(plain)
    code, _, err = cli("promote", "v1.2.0")
    assert code == 1
    assert "v1.2.0 against v1.1.0: fail" in err
    assert before == (plain.git("tag"), at_remote(plain))


def test_a_registered_version_and_a_stage(released: Repo, cli: Any) -> None:
    assert cli("promote", "churn@v1.0.0")[0] == 2
    code, out, _ = cli("promote", "churn@v1.0.0", "--stage", "dev")
    assert (code, out.splitlines()[0]) == (0, "churn#dev v1.0.0: promoted (the first)")
    code, _, err = cli("promote", ask(released, "v1.1.0", 5), "--stage", "dev")
    assert (code, "churn#prod#5 does not ask for dev" in err) == (2, True)


def test_another_version_at_the_commit(released: Repo, cli: Any) -> None:
    """Two versions of a model at one commit stop GTO altogether."""
    released.git("tag", "-a", "-m", "x", "v9.0.0", "churn@v1.0.0^{}")
    code, _, err = cli("promote", "v9.0.0", "--local")
    assert code == 1
    assert "churn@v1.0.0 is registered at" in err


def test_several_models_need_a_name(released: Repo, cli: Any) -> None:
    path = released.path / "dvc.yaml"
    two = "artifacts:\n  a: {path: model.bin, type: model}\n  b: {path: model.bin, type: model}\n"
    path.write_text(path.read_text() + two)
    released.commit("two")
    released.git("tag", "-a", "-m", "x", "v9.0.0")
    code, _, err = cli("promote", "v9.0.0", "--local")
    assert code == 2
    assert "a version alone does not say which model it is of: a, b" in err


def test_a_release_on_github_asks(plain: Repo, hub: Api, cli: Any) -> None:
    """GitHub's own tag of it is lightweight."""
    plain.git("tag", "-f", "v1.0.0", "v1.0.0^{}")
    plain.git("push", "-qf", "origin", "v1.0.0")
    code, _, err = cli("promote", "v1.0.0")
    assert code == 1
    assert "v1.0.0 is lightweight: it has no tagger and no time, and no release of it" in err
    release = publish(hub, "v1.0.0", prerelease=True)
    code, _, err = cli("promote", "v1.0.0")
    assert (code, "v1.0.0 is a pre-release on GitHub" in err) == (1, True)
    release["prerelease"] = False
    assert cli("promote", "v1.0.0")[0] == 0
    # It is the release that gets the notes and the Records.
    assert [*releases(hub)] == ["v1.0.0"]
    assert release["body"].startswith("By hand\n\n<!-- mlops-ci: ")
    assert [one["name"] for one in release["assets"]] == ["origin.intoto.jsonl"]


def publish(hub: Api, tag: str, **fields: Any) -> dict[str, Any]:
    """As a person would, in a browser."""
    from mlops_ci.github.client import Client

    repo = hub.state.repos[FULL]
    repo.refs[f"refs/tags/{tag}"] = next(iter(repo.commits))
    made = Client(hub.url, FULL, "ghs_1").post(
        "/releases", {"tag_name": tag, "body": "By hand", **fields}
    )
    return repo.releases[made["id"]]
