"""Killed before and after each call that changes something, then run again: the same state as without."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci import process
from mlops_ci.cli import run as run_cli
from mlops_ci.lineage import notes
from mlops_ci.promote import registered
from mlops_ci.stack import registries
from mlops_ci.stack.base import RegisteredVersion, TrackerSettings
from tests.promote.test_promote import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.stack.base import Registration
    from tests.conftest import Repo

CHANGING = {"tag", "push", "update-ref", "notes", "fetch"}


class Killed(BaseException):
    """As by SIGKILL: nothing that handles errors sees it."""


@dataclass
class Trap:
    """Ends the process before, or after, the call of this number. 0: never."""

    at: int = 0
    after: bool = False
    seen: int = 0

    def around(self, call: Callable[[], Any]) -> Any:
        self.seen += 1
        if self.seen == self.at and not self.after:
            raise Killed
        result = call()
        if self.seen == self.at:
            raise Killed
        return result


@dataclass
class Registry:
    """MLflow's registry in memory, as its adapter behaves."""

    trap: Trap
    versions: dict[str, RegisteredVersion] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def register(self, _: Any, wanted: Registration) -> RegisteredVersion:
        def make() -> RegisteredVersion:
            number = str(len(self.versions) + 1)
            made = RegisteredVersion(number=number, git_tag=wanted.git_tag, source=wanted.source)
            return self.versions.setdefault(wanted.git_tag, made)

        made: RegisteredVersion = self.trap.around(make)
        return made

    def assign(self, _: Any, model: str, stage: str, version: RegisteredVersion) -> None:
        self.trap.around(lambda: self.aliases.__setitem__(f"{model}@{stage}", version.git_tag))


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Trap:
    set_ = Trap()
    real = subprocess.run

    def run(command: list[str], **options: Any) -> Any:
        if command[0] == "git" and CHANGING & set(command[1:3]):
            return set_.around(lambda: real(command, **options))
        return real(command, **options)

    monkeypatch.setattr(process.subprocess, "run", run)
    known = TrackerSettings(uri="memory", root=Path())
    monkeypatch.setattr(registered, "settings", lambda _: known)
    return set_


@pytest.fixture
def registry(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> Registry:
    made = Registry(trap=trap)
    monkeypatch.setitem(registries.REGISTRIES, "mlflow", made)
    return made


def killed(trap: Trap, *command: str) -> None:
    try:
        run_cli(list(command))
    except Killed:
        pass
    finally:
        trap.at = 0


def state(repo: Repo, registry: Registry, capsys: pytest.CaptureFixture[str]) -> Any:
    """What counts, without times and ids that differ between runs; all of it as the remote has it."""
    capsys.readouterr()
    run_cli(["status", "--json"])
    shown = json.loads(capsys.readouterr().out)["models"][0]
    stages = [(one["stage"], one["version"], one["verified"]) for one in shown["stages"]]
    repo.git("fetch", "-q", "origin", f"+{notes.REF}:refs/notes/check")
    at_remote = repo.git("ls-remote", "--tags", "origin").splitlines()
    noted = len(repo.git("notes", "--ref", "refs/notes/check", "list").splitlines())
    return stages, len(at_remote), noted, sorted(registry.versions), registry.aliases


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.real
def test_promote(
    released: Repo, trap: Trap, registry: Registry, capsys: pytest.CaptureFixture[str],
    scale: Callable[[int, int], int], after: bool,
) -> None:  # fmt: skip
    everything(
        released, trap, registry, capsys, scale, after, ("promote", ask(released, "v1.1.0", 1))
    )


def everything(repo, trap, registry, capsys, scale, after, command) -> None:
    """Undisturbed once to count the calls; then from the same start, killed at each."""
    start = snapshot(repo, registry)
    assert run_cli(list(command)) == 0
    calls, wanted = trap.seen, state(repo, registry, capsys)
    assert calls > 5
    step = scale(3, 1)
    for number in range(1 + (step > 1), calls + 1, step):
        restore(repo, start, registry)
        trap.at, trap.after, trap.seen = number, after, 0
        killed(trap, *command)
        assert run_cli(list(command)) == 0, (number, capsys.readouterr())
        assert state(repo, registry, capsys) == wanted, number


def snapshot(repo: Repo, registry: Registry) -> dict[str, Any]:
    refs = repo.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    remote = repo.git("ls-remote", "origin").splitlines()
    held = {"versions": dict(registry.versions), "aliases": dict(registry.aliases)}
    return {
        **held,
        "here": refs,
        "there": [f"{b} {a}" for a, b in (line.split("\t") for line in remote)],
    }


def restore(repo: Repo, start: dict[str, Any], registry: Registry) -> None:
    for place, folder in (("here", "."), ("there", "../origin.git")):
        kept = dict(
            one.split(" ")
            for one in start[place]
            if "^{}" not in one and not one.startswith("HEAD")
        )
        now = repo.git("-C", folder, "for-each-ref", "--format=%(refname)").splitlines()
        for ref in now:
            if ref not in kept:
                repo.git("-C", folder, "update-ref", "--no-deref", "-d", ref)
        for ref, oid in kept.items():
            repo.git("-C", folder, "update-ref", ref, oid)
    registry.versions, registry.aliases = dict(start["versions"]), dict(start["aliases"])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.real
def test_rollback(
    released: Repo, trap: Trap, registry: Registry, capsys: pytest.CaptureFixture[str],
    scale: Callable[[int, int], int], after: bool,
) -> None:  # fmt: skip
    for version, number in (("v1.0.0", 1), ("v1.1.0", 2)):
        assert run_cli(["promote", ask(released, version, number)]) == 0
    trap.seen = 0
    everything(released, trap, registry, capsys, scale, after, ("rollback", "churn"))
