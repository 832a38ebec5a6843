"""Killed before and after each call that changes something, then run again: the same state as without."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run as run_cli
from mlops_ci.lineage import notes
from tests.promote.memory import Killed
from tests.promote.test_promote import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Repo
    from tests.github.api.server import Api
    from tests.promote.memory import Registry, Trap


@dataclass
class World:
    """All that a promotion changes."""

    repo: Repo
    registry: Registry
    hub: Api

    @property
    def shown(self) -> Any:
        return self.hub.state.repos["octo/churn"]


@pytest.fixture
def world(released: Repo, registry: Registry, hub: Api) -> World:
    return World(repo=released, registry=registry, hub=hub)


def killed(trap: Trap, *command: str) -> None:
    try:
        run_cli(list(command))
    except Killed:
        pass
    finally:
        trap.at = 0


def state(world: World, capsys: pytest.CaptureFixture[str]) -> Any:
    """What counts, without times and ids that differ between runs; all of it as the remote has it."""
    repo, registry = world.repo, world.registry
    capsys.readouterr()
    run_cli(["status", "--json"])
    shown = json.loads(capsys.readouterr().out)["models"][0]
    stages = [(one["stage"], one["version"], one["verified"]) for one in shown["stages"]]
    repo.git("fetch", "-q", "origin", f"+{notes.REF}:refs/notes/check")
    at_remote = repo.git("ls-remote", "--tags", "origin").splitlines()
    noted = len(repo.git("notes", "--ref", "refs/notes/check", "list").splitlines())
    served = sorted(registry.versions), registry.aliases
    return stages, len(at_remote), noted, served, on_github(world)


def on_github(world: World) -> Any:
    deployed = [
        (one["payload"]["version"], one["_statuses"][0]["state"])
        for one in world.shown.deployments.values()
        if one["_statuses"]  # a run that ended at once has left one that nobody sees
    ]
    released = [
        (
            one["tag_name"],
            one["draft"],
            re.sub(r"\d{4}-[\dT:-]+Z", "", one["body"]),
            [asset["_content"].count(b"\n") for asset in one["assets"]],
        )
        for one in world.shown.releases.values()
    ]
    return deployed, released


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.real
def test_promote(
    world: World, trap: Trap, capsys: pytest.CaptureFixture[str],
    scale: Callable[[int, int], int], after: bool,
) -> None:  # fmt: skip
    name = ask(world.repo, "v1.1.0", 1)
    everything(world, trap, capsys, scale(5, 1), after, ("promote", name))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.real
def test_promote_a_plain_version(
    world: World, trap: Trap, capsys: pytest.CaptureFixture[str],
    scale: Callable[[int, int], int], after: bool,
) -> None:  # fmt: skip
    """Its own tags have to be made as well."""
    for name in ("churn@v1.0.0", "churn@v1.1.0", "churn@v1.2.0"):
        world.repo.git("push", "-q", "origin", f":refs/tags/{name}")
        commit = world.repo.git("rev-parse", f"{name}^{{}}")
        world.repo.git("tag", "-d", name)
        world.repo.git("tag", "-a", "-m", "x", name.partition("@")[2], commit)
    world.repo.git("push", "-q", "origin", "--tags")
    everything(world, trap, capsys, scale(5, 1), after, ("promote", "v1.1.0"))


def everything(world, trap, capsys, step, after, command) -> None:
    """Undisturbed once to count the calls; then from the same start, killed at each."""
    start = snapshot(world)
    assert run_cli(list(command)) == 0
    calls, wanted = trap.seen, state(world, capsys)
    assert calls > 10
    first = 1 if step == 1 else 4 if after else 2
    for number in range(first, calls + 1, step):
        restore(world, start)
        trap.at, trap.after, trap.seen = number, after, 0
        killed(trap, *command)
        assert run_cli(list(command)) == 0, (number, capsys.readouterr())
        assert state(world, capsys) == wanted, number


def snapshot(world: World) -> dict[str, Any]:
    refs = world.repo.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    remote = world.repo.git("ls-remote", "origin").splitlines()
    return {
        "versions": dict(world.registry.versions),
        "aliases": dict(world.registry.aliases),
        "deployments": copy.deepcopy(world.shown.deployments),
        "releases": copy.deepcopy(world.shown.releases),
        "here": refs,
        "there": [f"{b} {a}" for a, b in (line.split("\t") for line in remote)],
    }


def restore(world: World, start: dict[str, Any]) -> None:
    repo = world.repo
    for place, folder in (("here", "."), ("there", "../origin.git")):
        kept = dict(
            one.split(" ")
            for one in start[place]
            if "^{}" not in one and not one.startswith("HEAD")
        )
        now = repo.git("-C", folder, "for-each-ref", "--format=%(refname)").splitlines()
        gone = "".join(f"delete {ref}\n" for ref in now if ref not in kept)
        back = "".join(f"update {ref} {oid}\n" for ref, oid in kept.items())
        command = ["git", "-C", folder, "update-ref", "--no-deref", "--stdin"]
        subprocess.run(command, cwd=repo.path, input=f"{gone}{back}".encode(), check=True)
    for where, names in (
        (world.registry, "versions aliases"),
        (world.shown, "deployments releases"),
    ):
        for name in names.split():
            setattr(where, name, copy.deepcopy(start[name]))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.real
def test_rollback(
    world: World, trap: Trap, capsys: pytest.CaptureFixture[str],
    scale: Callable[[int, int], int], after: bool,
) -> None:  # fmt: skip
    for version, number in (("v1.0.0", 1), ("v1.1.0", 2)):
        assert run_cli(["promote", ask(world.repo, version, number)]) == 0
    trap.seen = 0
    everything(world, trap, capsys, scale(5, 1), after, ("rollback", "churn"))
