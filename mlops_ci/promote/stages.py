"""Which versions of a model are registered, and which of them holds each stage, as its tags say.

The rules are those of GTO 1.10 (`gto/base.py`), so that both tools give one answer. Where GTO fails or forgets an
event, this does not; docs/tags.md lists the cases.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field
from typing import TYPE_CHECKING

from mlops_ci.frozen import dataclass
from mlops_ci.promote.grammar import precedence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.promote.tags import Tag


@dataclass(frozen=True, kw_only=True)
class Version:
    """A registered version; `tag` is the newest that registers it."""

    version: str
    tag: Tag


@dataclass(frozen=True, kw_only=True)
class Holder:
    """What holds a stage. `version` is the full commit id where nothing is registered at the tag's commit."""

    stage: str
    version: str
    tag: Tag


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """What the tags say of one model: versions newest first by precedence, holders by stage.

    `problems`: tags that count for nothing, each with the reason.
    """

    name: str
    versions: tuple[Version, ...]
    holders: tuple[Holder, ...]
    deprecated: bool
    problems: tuple[str, ...]

    def holder(self, stage: str) -> Holder | None:
        return next((one for one in self.holders if one.stage == stage), None)


def states(tags: Iterable[Tag]) -> dict[str, ModelState]:
    """The state of each model that a tag names, by name. `tags` are ordered as `tags.read` gives them."""
    by_model: dict[str, list[Tag]] = defaultdict(list)
    for tag in tags:
        if tag.request.kind != "release":
            by_model[tag.request.model].append(tag)
    return {name: _Reader(name, by_model[name]).state() for name in sorted(by_model)}


@dataclass(kw_only=True)
class _Registered:
    """One version at one commit. GTO does not tie a deregistration at another commit to it."""

    version: str
    tags: list[Tag] = field(default_factory=list)
    stages: dict[str, list[Tag]] = field(default_factory=lambda: defaultdict(list))

    @property
    def newest(self) -> Tag | None:
        """The newest tag that registers it."""
        return _newest(self.tags, "register")

    @property
    def active(self) -> bool:
        return not self.tags or not _withdrawn(self.tags, "deregister")


class _Reader:
    def __init__(self, name: str, tags: list[Tag]) -> None:
        self.name = name
        self.problems = [f"{tag.name} {tag.problem}" for tag in tags if tag.problem]
        self.tags = [tag for tag in tags if not tag.problem]
        self.by_commit: dict[str, dict[str, _Registered]] = defaultdict(dict)

    def state(self) -> ModelState:
        for tag in self.tags:
            if tag.request.version:
                self._register(tag)
        for tag in self.tags:
            if tag.request.stage:
                self._assign(tag)
        known = [one for versions in self.by_commit.values() for one in versions.values()]
        return ModelState(
            name=self.name,
            versions=_versions(known),
            holders=_holders(known),
            deprecated=bool(self.tags) and _is_deprecated(self.tags),
            problems=(*self.problems, *self._elsewhere()),
        )

    def _register(self, tag: Tag) -> None:
        version = tag.request.version
        known = self.by_commit[tag.commit].setdefault(version, _Registered(version=version))
        known.tags.append(tag)

    def _assign(self, tag: Tag) -> None:
        registered = [one for one in self.by_commit[tag.commit].values() if one.tags]
        if not registered:
            self._assign_commit(tag)
            return
        meant = registered if len(registered) == 1 else [one for one in registered if one.active]
        if len(meant) == 1:
            meant[0].stages[tag.request.stage].append(tag)
        else:
            self.problems.append(
                f"{tag.name} is at a commit with several versions: which one it means is open"
            )

    def _assign_commit(self, tag: Tag) -> None:
        """For GTO each assignment of a commit without a version is a version of its own."""
        here = self.by_commit[tag.commit]
        if tag.request.kind == "assign":
            here[tag.name] = _Registered(version=tag.commit)
        for one in [here[tag.name]] if tag.name in here else here.values():
            one.stages[tag.request.stage].append(tag)

    def _elsewhere(self) -> Iterable[str]:
        """Deregistrations that are not where the version is: for GTO they change nothing."""
        registered = {tag.request.version for tag in self.tags if tag.request.kind == "register"}
        for versions in self.by_commit.values():
            for one in versions.values():
                if one.tags and one.newest is None and one.version in registered:
                    yield f"{one.tags[-1].name} is not at the commit of {one.version}: it withdraws nothing"


def _versions(known: list[_Registered]) -> tuple[Version, ...]:
    found = [
        Version(version=one.version, tag=tag) for one in known if one.active and (tag := one.newest)
    ]
    return tuple(sorted(found, key=lambda one: precedence(one.version), reverse=True))


def _holders(known: list[_Registered]) -> tuple[Holder, ...]:
    """The newest assignment of each stage that was not taken back."""
    by_stage: dict[str, list[tuple[_Registered, Tag]]] = defaultdict(list)
    for one in known:
        for stage, tags in one.stages.items() if one.active else ():
            newest = _newest(tags, "assign")
            if newest and not _withdrawn(tags, "unassign"):
                by_stage[stage].append((one, newest))
    first = {stage: min(by_stage[stage], key=_order) for stage in sorted(by_stage)}
    return tuple(
        Holder(stage=stage, version=one.version, tag=tag) for stage, (one, tag) in first.items()
    )


def _order(assigned: tuple[_Registered, Tag]) -> tuple[object, ...]:
    """Newest assignment first. In one second: what was registered first, then a version before a bare commit."""
    one, tag = assigned
    first = one.tags[0] if one.tags else tag
    return -tag.time, (one.newest or tag).time, not one.tags, first.time, first.name


def _newest(tags: list[Tag], kind: str) -> Tag | None:
    return next((tag for tag in reversed(tags) if tag.request.kind == kind), None)


def _withdrawn(tags: list[Tag], kind: str) -> bool:
    """Whether the newest event takes back; within one second it wins over what it takes back."""
    return any(tag.request.kind == kind for tag in tags if tag.time == tags[-1].time)


def _is_deprecated(tags: list[Tag]) -> bool:
    """Whether the newest event deprecates; within one second every other event wins over it."""
    return all(tag.request.kind == "deprecate" for tag in tags if tag.time == tags[-1].time)
