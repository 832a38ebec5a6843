"""What holds of every history of promotions, tags by hand and rollbacks, also of those that were killed half-way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlops_ci.errors import RefusedError
from mlops_ci.promote import grammar, granting, ledger, rollback, tagging, tags
from mlops_ci.promote.book import Book
from mlops_ci.promote.tags import Tag

if TYPE_CHECKING:
    from mlops_ci.promote.grammar import Request
    from mlops_ci.promote.ledger import Promotion

COMMITS = {"v1.0.0": "a" * 40, "v1.1.0": "b" * 40, "v1.2.0": "c" * 40}
STEPS = st.tuples(
    st.sampled_from(["promote", "ask", "rollback", "killed"]), st.sampled_from(sorted(COMMITS))
)


@dataclass
class World:
    """One clone in memory. `bad`: the versions that were rolled back, and not granted since."""

    tags: list[Tag] = field(default_factory=list)
    records: dict[str, Promotion] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)

    def tag(self, name: str, commit: str, message: str = "please") -> Tag:
        number = len(self.tags) + 1
        request = grammar.parse(name)
        assert request
        made = Tag(
            request=request, name=name, oid=f"{number:040x}", commit=commit, time=number, author="Ada",
            email="", message=message,
        )  # fmt: skip
        self.tags.append(made)
        return made

    @property
    def book(self) -> Book:
        return Book(repository=None)  # type: ignore[arg-type] - nothing is read from it

    def ask(self, version: str) -> Tag:
        return self.tag(f"churn#prod#{len(self.tags) + 1}", COMMITS[version])

    def keep(self, promotion: Promotion) -> None:
        # A second each: nothing here asks the clock.
        when = f"2026-01-01T00:{len(self.tags) // 60:02}:{len(self.tags) % 60:02}Z"
        self.records[promotion.tag_oid] = replace(
            promotion, facts={**promotion.facts, "promotedOn": when}
        )

    def promote(self, version: str) -> None:
        tag = self.ask(version)
        book = self.book
        champion = book.champion("churn", "prod")
        before = granting._predecessor(book, version, champion)
        holder = book.states["churn"].holder("prod")
        assert holder
        assert holder.tag is tag
        self.keep(granting.promotion_of("churn", holder, before, (), {}))
        self.bad.discard(version)

    def create(self, _: Any, request: Request, commit: str, message: str, __: Any) -> str:
        return self.tag(request.tag, commit, message).name

    def rollback(self, *, killed: bool) -> str:
        """The version that it led to; "" where it was refused."""
        try:
            way = rollback.find(self.book, "churn", "prod")
        except RefusedError:
            return ""
        if not way.done:
            _, promotion = rollback.ask(self.book, way, "")
            if killed:
                return self.rollback(killed=False)
            self.keep(promotion)
        if way.target.version != way.current.version:
            self.bad.add(way.current.version)
        return way.target.version


AGAIN = [
    ("promote", "v1.0.0"),
    ("promote", "v1.1.0"),
    ("promote", "v1.0.0"),
    ("rollback", ""),
    ("promote", "v1.1.0"),
]


@example([*AGAIN, ("rollback", "")])
@example([("promote", "v1.0.0"), ("promote", "v1.1.0"), ("ask", "v1.1.0"), ("rollback", "")])
@given(st.lists(STEPS, max_size=12))
def test_no_rollback_leads_to_what_was_rolled_back(steps: list[tuple[str, str]]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        world = World()
        patched.setattr(tags, "read", lambda _: list(world.tags))
        patched.setattr(ledger, "read", lambda *_: dict(world.records))
        patched.setattr(rollback, "verify", lambda *_: None)
        patched.setattr(tagging, "create", world.create)
        for version, commit in COMMITS.items():
            world.tag(f"churn@{version}", commit)
        for step, version in steps:
            _take(world, step, version)


def _take(world: World, step: str, version: str) -> None:
    if step == "promote":
        world.promote(version)
    elif step == "ask":
        world.ask(version)
    else:
        bad, serving = set(world.bad), world.book.champion("churn", "prod")
        asked = world.book.tags_say("churn", "prod")
        expected = _undisturbed(world)
        led = world.rollback(killed=step == "killed")
        assert led == expected
        assert led not in bad
        misbehaves = serving and asked in ("", _once_more(world, serving.version))
        if led and misbehaves and serving.kind == "promote":
            assert led != serving.version
        if led:
            assert world.rollback(killed=False) == led  # again: it stays


def _once_more(world: World, version: str) -> str:
    """What the tags say where the version that is served is asked for by hand."""
    return f"{world.tags[-1].name} asks for {version}, and nobody granted it"


def _undisturbed(world: World) -> str:
    try:
        return rollback.find(world.book, "churn", "prod").target.version
    except RefusedError:
        return ""
