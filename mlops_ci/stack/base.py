"""What an adapter has to offer. An adapter is a module; the Protocol of its category is checked by mypy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

BoundBy = Literal["run id", "lock digest", "commit"]


@dataclass(frozen=True, kw_only=True)
class TrackerSettings:
    """Where a tracker is. `uri`: `sqlite:///path`, `http(s)://…`. `root`: what a relative path is relative to.

    `trusted`: the credentials of the environment may be sent there. An address that a pull request can write is
    not trusted.
    """

    uri: str
    root: Path
    experiment: str | None = None
    trusted: bool = True


@dataclass(frozen=True, kw_only=True)
class RunQuery:
    """Which run belongs to a Snapshot, strongest evidence first.

    `run_ids`: ids found in tracked outputs. `lock_digest`: see `Snapshot.lock_digest`. `commit`: full object id,
    only given when the commit exists in this repository (a run tagged with a foreign commit proves nothing).
    """

    run_ids: tuple[str, ...] = ()
    lock_digest: str | None = None
    commit: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """One finished run. Metrics hold the last value of each key; a NaN stays a NaN."""

    run_id: str
    experiment: str
    bound_by: BoundBy
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Tracker(Protocol):
    """An experiment tracker, read only."""

    def find_run(self, settings: TrackerSettings, query: RunQuery) -> TrackedRun | None:
        """The run that the strongest evidence in `query` names, or None when nothing matches.

        Raises UnreadableError when the store cannot be read, and when the strongest evidence that matches
        anything matches several runs: the message lists them. It never picks one of several.
        """
        ...
