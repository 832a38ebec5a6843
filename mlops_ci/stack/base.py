"""What an adapter has to offer. An adapter is a module; the Protocol of its category is checked by mypy."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal, Protocol

from mlops_ci.frozen import dataclass

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


# The tag of a run that holds the lock digest of what it made.
LOCK_TAG = "mlops_ci.lock"
# That of the runs of one training, by which they are found after it.
MARK_TAG = "mlops_ci.run"


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


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that is kept at a run: as the artifact `path`, with its digest in the run's tag `tag`.

    `tags`: more that the run gets.
    """

    content: bytes = field(repr=False)
    path: str
    tag: str
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def all_tags(self) -> dict[str, str]:
        return {**self.tags, self.tag: self.digest}

    @property
    def digest(self) -> str:
        """`sha256:…`"""
        import hashlib

        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What is to be registered. Registered again, it gives the version that is there.

    `git_tag` is its name, which whoever may write to the registry can give to anything: `source` and `tags` count too.
    `model` is `folder:name`, as the tag has it. `source`: where the bytes are. `tags` are kept beside the version.
    """

    model: str
    git_tag: str
    source: str
    run_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """A version as the registry shows it. `number` is the registry's own, `git_tag` empty when no tag made it."""

    number: str
    git_tag: str
    source: str
    tags: dict[str, str] = field(default_factory=dict)

    def is_made_from(self, wanted: Registration) -> bool:
        """Whether it is what was to be registered."""
        same = (self.git_tag, self.source) == (wanted.git_tag, wanted.source)
        return same and wanted.tags.items() <= self.tags.items()


class Tracker(Protocol):
    """An experiment tracker. Nothing is written but what `attach`, `tag` and `send` are asked for."""

    def find_run(self, settings: TrackerSettings, query: RunQuery) -> TrackedRun | None:
        """The run that the strongest evidence in `query` names, or None when nothing matches.

        Raises UnreadableError when the store cannot be read, and when the strongest evidence that matches
        anything matches several runs: the message lists them. It never picks one of several.
        """
        ...

    def tagged(self, settings: TrackerSettings, key: str, value: str) -> list[str]:
        """The ids of the finished runs with this tag. Raises UnreadableError when the store cannot be read."""
        ...

    def attach(self, settings: TrackerSettings, run_id: str, attachment: Attachment) -> bool:
        """Keep a file at a run, and read it back; False when it was there. It can be repeated.

        Raises UnreadableError when the store cannot be reached or refuses, ToolError when the tracker's own client
        is needed and not installed.
        """
        ...

    def tag(self, settings: TrackerSettings, run_id: str, tags: dict[str, str]) -> None:
        """Set tags of a run. Raises UnreadableError as `attach`; a tracker's client is not needed."""
        ...

    def send(self, source: TrackerSettings, target: TrackerSettings, run_id: str) -> str:
        """Copy a run from one store to another, and return its id there. Repeated, it finds the copy.

        Raises as `attach`.
        """
        ...


class Registry(Protocol):
    """A registry of models. Every call can be repeated: after a crash, the same calls lead to the same state.

    Each raises UnreadableError when the registry cannot be reached, or refuses.
    """

    def find(self, settings: TrackerSettings, wanted: Registration) -> RegisteredVersion | None:
        """The version that was registered as this: one of its tag with another source or other tags is none."""
        ...

    def register(self, settings: TrackerSettings, wanted: Registration) -> RegisteredVersion:
        """As `find`, made when it is not there. However many ask at once, one version stays."""
        ...

    def holder(self, settings: TrackerSettings, model: str, stage: str) -> RegisteredVersion | None:
        """The version that the registry serves for a stage."""
        ...

    def assign(
        self, settings: TrackerSettings, model: str, stage: str, version: RegisteredVersion
    ) -> None:
        """Let the registry serve this version for the stage, and read it back. The last writer wins."""
        ...

    def withdraw(self, settings: TrackerSettings, model: str, stage: str) -> None:
        """Let the registry serve nothing for the stage."""
        ...
