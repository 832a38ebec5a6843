"""The tags of one clone with the Promotion Records that answer them: what is asked for, and what was granted."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from mlops_ci.errors import RefusedError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage import notes
from mlops_ci.promote import ledger, stages, tags
from mlops_ci.suggestions import proposal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.git import Repository
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.promote.stages import Holder, ModelState
    from mlops_ci.promote.tags import Tag

_CLOCKS_DIFFER = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The request of one tag, as far as tags alone can tell: that it is well-formed, whole and the newest."""

    holder: Holder
    model: str


@dataclass(kw_only=True)
class Book:
    """The tags and the Promotion Records of one clone, read once. `ref`: the notes that count.

    `planned`: tags that are not made yet, later than all others, to see what would be.
    Where there is a remote, only what it has was granted: a job may have ended before it could push.
    """

    repository: Repository
    ref: str = notes.REF
    planned: tuple[Tag, ...] = ()
    tags: list[Tag] = field(init=False)
    states: dict[str, ModelState] = field(init=False)
    promotions: dict[str, Promotion] = field(init=False)
    _registered: dict[str, set[tuple[str, str]]] = field(init=False)
    _standing: dict[tuple[str, str], list[Promotion]] = field(init=False)

    def __post_init__(self) -> None:
        self.tags = [*tags.read(self.repository), *self.planned]
        self.states = stages.states(self.tags)
        self.promotions = ledger.read(self.repository, self.ref)
        self._registered = {
            name: {(one.version, one.tag.commit) for one in state.versions}
            for name, state in self.states.items()
        }
        self._standing = self._by_place()

    def _by_place(self) -> dict[tuple[str, str], list[Promotion]]:
        found: dict[tuple[str, str], list[Promotion]] = {}
        for tag in reversed(self.tags):
            promotion = self.promotions.get(tag.oid)
            if promotion and not tag.problem and promotion.answers(tag):
                found.setdefault((promotion.model, promotion.stage), []).append(promotion)
        return found

    def asked(self, name: str) -> Asked:
        """Raises UsageError for a tag that asks for no stage, RefusedError for one that cannot be granted."""
        tag = next((one for one in self.tags if one.name == name), None)
        if tag is None:
            raise no_tag(name)
        if tag.problem:
            raise RefusedError(f"{name} {tag.problem}", hint="git fetch origin --tags --force")
        if tag.request.kind != "assign":
            raise UsageError(
                f"{name} does not ask for a stage ({tag.request.kind})",
                hint="churn#prod#1 asks to promote the version at its commit",
            )
        return self._holder(tag)

    def _holder(self, tag: Tag) -> Asked:
        model, stage = tag.request.model, tag.request.stage
        state = self.states[model]
        if state.deprecated:
            raise RefusedError(f"{model} is deprecated", hint=f"gto register {model}")
        holder = state.holder(stage)
        if holder is None or holder.tag.name != tag.name:
            instead = f"{holder.tag.name} holds {stage}" if holder else f"nothing holds {stage}"
            raise RefusedError(
                f"{tag.name} is not the newest word on {model}#{stage}: {instead} by the tags",
                hint="mlops-ci status",
            )
        if not holder.version.startswith("v"):
            raise RefusedError(
                f"no version of {model} is registered at {tag.commit[:7]}",
                hint=f"git tag -a {model}@v1.0.0 {tag.commit[:7]}",
            )
        return Asked(holder=holder, model=model)

    def promotions_of(self, model: str, stage: str) -> Iterator[Promotion]:
        """Those that were granted, by tags that stand as they did then, newest first."""
        yield from self._standing.get((model, stage), ())

    def champion(self, model: str, stage: str, but: str = "") -> Promotion | None:
        """What holds the stage: the newest Promotion of a version that is still registered. `but`: not by this tag."""
        promotions = self.promotions_of(model, stage)
        standing = (one for one in promotions if self.is_registered(model, one))
        return next((one for one in standing if one.tag != but), None)

    def lost(self, model: str, stage: str) -> Promotion | None:
        """What was granted last, where its tag, or that of its version, was deleted or moved since: then the tags that
        are left lead to what was granted before it. What a tag has taken back is not lost. A note of a time to come
        says nothing: no rollback would ever be after it.
        """
        latest = f"{datetime.now(timezone.utc) + _CLOCKS_DIFFER:%Y-%m-%dT%H:%M:%SZ}"
        standing = {one.tag_oid for one in self.promotions_of(model, stage)}
        gone = (
            one
            for one in self.promotions.values()
            if (one.model, one.stage) == (model, stage)
            and one.when <= latest
            and not (one.tag_oid in standing and self.is_registered(model, one))
            and not self._is_taken_back(one)
        )
        newest = max(gone, key=lambda one: one.when, default=None)
        champion = self.champion(model, stage) if newest else None
        return newest if newest and not (champion and _is_after(champion, newest)) else None

    def check_not_lost(self, model: str, stage: str) -> None:
        """Raises RefusedError where what was granted last is lost."""
        if what := self.lost_says(model, stage):
            hint = "push it again, or say what holds it:"
            raise RefusedError(
                what, hint=f"{hint} mlops-ci rollback {model} --stage {stage} --to VERSION"
            )

    def lost_says(self, model: str, stage: str) -> str:
        """What was granted last and is lost, in words; "" where nothing is."""
        lost = self.lost(model, stage)
        if lost is None:
            return ""
        what = f"{lost.version} was the last that {model}#{stage} was granted to, by {lost.tag}"
        return f"{what}: that tag, or the one of the version, was deleted or moved, or is not in this clone"

    def problem(self, model: str, stage: str) -> str:
        """What the tags say against what holds the stage: that something else was granted later, or is asked for."""
        return self.lost_says(model, stage) or self.tags_say(model, stage)

    def tags_say(self, model: str, stage: str) -> str:
        """What the tags alone say instead of what holds the stage; "" where they agree, or nothing was granted."""
        champion, state = self.champion(model, stage), self.states.get(model)
        holder = state.holder(stage) if state else None
        if champion is None or (holder and holder.tag.oid == champion.tag_oid):
            return ""
        if holder is None:
            return f"nothing holds {stage}: a tag gave it up, which nobody granted"
        if holder.tag.oid in self.promotions:
            return f"{holder.version} holds {stage} again by {holder.tag.name}: a tag gave {champion.version} up"
        return f"{holder.tag.name} asks for {holder.version}, and nobody granted it"

    def _is_taken_back(self, promotion: Promotion) -> bool:
        same = promotion.model, promotion.version
        requests = (tag.request for tag in self.tags if tag.request.kind == "deregister")
        return any((one.model, one.version) == same for one in requests)

    def is_registered(self, model: str, promotion: Promotion) -> bool:
        """Whether the version of a Promotion is registered at its commit."""
        return (promotion.version, promotion.commit) in self._registered.get(model, ())

    def version_tag(self, promotion: Promotion) -> str:
        """The newest tag that registers the version; "" when it is not registered any more."""
        state = self.states.get(promotion.model)
        versions = state.versions if state else ()
        found = (one.tag.name for one in versions if one.version == promotion.version)
        return next(found, "")

    def nothing(self, model: str, stage: str) -> RefusedError:
        """That nothing holds the stage by a Promotion, and what was probably meant."""
        known = sorted({f"{one.model}#{one.stage}" for one in self.promotions.values()})
        if f"{model}#{stage}" in known:
            what = f"nothing holds {model}#{stage} any more: what it was granted to was withdrawn, or has no tag here"
            return RefusedError(
                what, hint=f"git fetch origin --tags, then mlops-ci history {model}"
            )
        return RefusedError(
            f"no Promotion Record says that anything holds {model}#{stage}",
            hint=proposal(f"{model}#{stage}", known)
            if known
            else "git fetch origin --tags 'refs/notes/*:refs/notes/*', then mlops-ci status",
        )

    def granted(self, asked: Asked) -> Promotion | None:
        """The Promotion that this tag was given before."""
        found = self.promotions.get(asked.holder.tag.oid)
        return found if found and found.grants(asked.model, asked.holder) else None


def no_tag(name: str) -> UsageError:
    return UsageError(
        f"{name} is no tag that asks for anything here",
        hint="churn#prod#1 asks; git fetch --tags brings those of the remote",
    )


def _is_after(later: Promotion, earlier: Promotion) -> bool:
    """Within one second it is the one that names the other as what it followed."""
    order = (later.when, later.predecessor == earlier.version)
    return order > (earlier.when, False)
