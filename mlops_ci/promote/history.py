"""What happened to each stage, in order: what was asked for, what was granted, what was taken back."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.promote.book import Book
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.promote.tags import Tag

Kind = Literal["promote", "rollback", "ask", "unassign"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to a stage. `ask`: a tag asks for it, and no Promotion Record answers.

    `when`: by the tagger's clock, or that of the Record where its tag is gone; `by`: who asked. `version` is the full
    commit id where nothing is registered. `missing`: a Record is here, and the tag that it answers is not.
    """

    model: str
    stage: str
    kind: Kind
    version: str
    tag: str
    commit: str
    when: datetime | None
    by: str
    promotion: Promotion | None = None
    missing: bool = False

    @property
    def came_from(self) -> str:
        """The version that held the stage until then: by a tag alone, where a rollback took that back."""
        if self.promotion is None:
            return ""
        return str(self.promotion.facts.get("undid") or self.promotion.predecessor)

    def as_json(self) -> dict[str, Any]:
        """As `mlops-ci history --json` shows it."""
        facts = self.promotion.facts if self.promotion else {}
        return {
            "kind": self.kind,
            "version": self.version,
            "from": self.came_from,
            "tag": self.tag,
            "commit": self.commit,
            "when": f"{self.when:%Y-%m-%dT%H:%M:%SZ}" if self.when else None,
            "by": self.by,
            "verified": self.promotion is not None and not self.missing,
            "tag_missing": self.missing,
            "verdict": (facts.get("verdict") or {}).get("result", ""),
            "reason": facts.get("reason", ""),
            "run": facts.get("run", ""),
            "approvals": facts.get("approvals") or [],
        }


def events(book: Book) -> list[Event]:
    """Of all models and stages, oldest first; what has no time comes first."""
    found = [*_of_tags(book), *_of_records(book)]
    first = datetime.min.replace(tzinfo=timezone.utc)
    return sorted(found, key=lambda one: one.when or first)


def _of_tags(book: Book) -> Iterator[Event]:
    registered = _registered(book)
    for tag in book.tags:
        asked = tag.request
        if tag.problem or asked.kind not in ("assign", "unassign"):
            continue
        promotion = book.promotions.get(tag.oid)
        granted = promotion if promotion and promotion.answers(tag) else None
        version = registered.get((asked.model, tag.commit), tag.commit)
        yield Event(
            model=asked.model,
            stage=asked.stage,
            kind=_kind(tag, granted),
            version=granted.version if granted else version,
            tag=tag.name,
            commit=tag.commit,
            when=datetime.fromtimestamp(tag.time, tz=timezone.utc),
            by=tag.author,
            promotion=granted,
        )


def _kind(tag: Tag, granted: Promotion | None) -> Kind:
    if granted is None:
        return "unassign" if tag.request.kind == "unassign" else "ask"
    return "rollback" if granted.kind == "rollback" else "promote"


def _registered(book: Book) -> dict[tuple[str, str], str]:
    """The version by model and commit: also one that is no longer registered, for it was."""
    tags = [tag for tag in book.tags if tag.request.kind == "register" and not tag.problem]
    return {(tag.request.model, tag.commit): tag.request.version for tag in tags}


def _of_records(book: Book) -> Iterator[Event]:
    """Those whose tag was deleted, or replaced by another of its name: the tags alone would not show them."""
    there = {tag.oid for tag in book.tags}
    for one in book.promotions.values():
        if one.tag_oid not in there:
            yield Event(
                model=one.model,
                stage=one.stage,
                kind="rollback" if one.kind == "rollback" else "promote",
                version=one.version,
                tag=one.tag,
                commit=one.commit,
                when=_time(one.facts.get("promotedOn")),
                by=str(one.facts.get("by", "")),
                promotion=one,
                missing=True,
            )


def _time(text: object) -> datetime | None:
    """Whoever may push notes has written it."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%S%z").astimezone(timezone.utc)
    except ValueError:
        return None
