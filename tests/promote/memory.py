"""A registry in memory, and a trap that ends the process before or after a call that changes something."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci import http, process
from mlops_ci.promote import registered
from mlops_ci.stack import registries
from mlops_ci.stack.base import RegisteredVersion, TrackerSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.stack.base import Registration

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
            made = RegisteredVersion(
                number=number, git_tag=wanted.git_tag, source=wanted.source, tags=wanted.tags
            )
            there = self.versions.get(wanted.git_tag)
            if there is None or not there.is_made_from(wanted):
                self.versions[wanted.git_tag] = made
            return self.versions[wanted.git_tag]

        made: RegisteredVersion = self.trap.around(make)
        return made

    def find(self, _: Any, wanted: Registration) -> RegisteredVersion | None:
        there = self.versions.get(wanted.git_tag)
        return there if there and there.is_made_from(wanted) else None

    def holder(self, _: Any, model: str, stage: str) -> RegisteredVersion | None:
        return self.versions.get(self.aliases.get(f"{model}@{stage}", ""))

    def withdraw(self, _: Any, model: str, stage: str) -> None:
        self.trap.around(lambda: self.aliases.pop(f"{model}@{stage}", None))

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

    send = http.Session.send

    def sent(session: Any, method: str, *rest: Any, **options: Any) -> Any:
        if method != "GET":
            return set_.around(lambda: send(session, method, *rest, **options))
        return send(session, method, *rest, **options)

    monkeypatch.setattr(process.subprocess, "run", run)
    monkeypatch.setattr(http.Session, "send", sent)
    known = TrackerSettings(uri="memory", root=Path())
    monkeypatch.setattr(registered, "settings", lambda _: known)
    return set_


@pytest.fixture
def registry(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> Registry:
    made = Registry(trap=trap)
    monkeypatch.setitem(registries.REGISTRIES, "mlflow", made)
    return made
