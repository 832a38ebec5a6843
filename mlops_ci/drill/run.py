"""The drill from beginning to end, phase by phase, each timed."""

from __future__ import annotations

import os
import time
from dataclasses import field
from typing import TYPE_CHECKING

from mlops_ci.drill.faults import FAULTS, NO_FAULT
from mlops_ci.drill.result import Drilled, Phase
from mlops_ci.drill.room import Room
from mlops_ci.drill.version import Restorable, find
from mlops_ci.errors import RefusedError, StageError, StoppedError, ToolError, UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.git import Repository
from mlops_ci.promote import writing
from mlops_ci.reproduce.clone import active_environment, temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mlops_ci.drill.result import Name, Result
    from mlops_ci.train.output import Output

    Says = Iterable[str]


@dataclass(frozen=True, kw_only=True)
class Request:
    """`remote`: where tags and notes are fetched from first, None for nowhere. `inject`: the name of a fault in FAULTS,
    "" for a real drill. `keep`: leave the temporary folder.
    """

    start: Path
    tag: str
    remote: str | None = None
    inject: str = ""
    keep: bool = False


@dataclass
class _Watch:
    """Runs phases one after the other, and stops where one fails that the next ones need."""

    output: Output
    phases: list[Phase] = field(default_factory=list)
    stopped: bool = False

    def run(self, name: Name, work: Callable[[], Says], *, needed: bool = True) -> None:
        if self.stopped:
            self.phases.append(Phase(name=name, result="skipped"))
            return
        self.output.say(f"drill: {name}")
        start = time.monotonic()
        result, says = _result(work)
        seconds = round(time.monotonic() - start, 2)
        self.phases.append(Phase(name=name, result=result, seconds=seconds, says=says))
        self.stopped = needed and result == "failed"


def _result(work: Callable[[], Says]) -> tuple[Result, tuple[str, ...]]:
    """What cannot be had is as lost as what is wrong; what cannot be asked is unknown."""
    try:
        return "passed", tuple(work())
    except StoppedError:
        raise
    except (RefusedError, StageError, ToolError) as error:
        return "failed", (str(error), *([error.hint] if error.hint else []))
    except UnreadableError as error:
        return "unknown", (str(error), *([error.hint] if error.hint else []))


def drill(request: Request, output: Output) -> Drilled:
    """Raises UsageError for a tag that names no version."""
    repository = Repository.discover(request.start)
    fault = FAULTS[request.inject] if request.inject else NO_FAULT
    version = find(writing.refresh(repository, request.remote), request.tag)
    watch = _Watch(output)
    source = repository.root or repository.git_dir
    with (
        active_environment(source, repository.is_tracked),
        temporary_folder(keep=request.keep) as folder,
    ):
        room = Room(version, folder, output, fault)
        _phases(watch, version, room)
        if request.keep:
            output.say(f"kept in {folder}")
    return Drilled(
        tag=version.tag.name,
        version=version.version,
        commit=version.commit,
        phases=tuple(watch.phases),
        injected=request.inject,
        expected=fault.noticed_by if request.inject else "",
        put_in=room.active is not NO_FAULT,
    )


def _phases(watch: _Watch, version: Restorable, room: Room) -> None:
    watch.run("resolve", lambda: room.noticed("resolve", version.resolve))
    watch.run("clean room", room.clone)
    os.environ.pop("GITHUB_TOKEN", None)  # it has fetched; the code of the tag need not see it
    watch.run("environment", room.environment)
    watch.run("restore", room.restore)
    watch.run("verify", lambda: room.noticed("verify", room.verify))
    watch.run("registry", lambda: room.noticed("registry", room.registry), needed=False)
    watch.run("evaluate", room.evaluate)
