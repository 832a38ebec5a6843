"""What the release of a version says and carries: where it was promoted, its metrics, and its Records."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

from mlops_ci import text
from mlops_ci.github.releases import Wanted
from mlops_ci.lineage.statement import encode
from mlops_ci.promote.why import explain, training_of
from mlops_ci.report.gfm import code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.promote.book import Book
    from mlops_ci.promote.ledger import Promotion

_MANY = 100


def wanted(book: Book, promotion: Promotion) -> Wanted:
    """The release of the version that took a stage. Made of tags and notes alone: it can be made again at any time."""
    promotions = _promotions(book, promotion)
    asked = asked_by(book, promotion)
    name = re.sub(r"[^A-Za-z0-9_-]", ".", promotion.model)
    return Wanted(
        tag=asked or book.version_tag(promotion),
        title=promotion.version if asked else f"{promotion.model} {promotion.version}",
        key=name,
        text="\n".join(_lines(book, promotions)),
        file=f"{name}.intoto.jsonl",
        content=_records(book, promotions),
        latest=bool(asked),
    )


def asked_by(book: Book, promotion: Promotion) -> str:
    """The plain version tag that asked for a Promotion, as `v1.2.0`; "" where none did, or it is elsewhere by now."""
    name = str(promotion.facts.get("askedBy", ""))
    found = (tag for tag in book.tags if tag.name == name and tag.request.kind == "release")
    return name if any(tag.commit == promotion.commit for tag in found) else ""


def _promotions(book: Book, promotion: Promotion) -> list[Promotion]:
    """All of this version that stand, of any stage, oldest first."""
    answered = [(tag, book.promotions[tag.oid]) for tag in book.tags if tag.oid in book.promotions]
    same = promotion.model, promotion.version, promotion.commit
    return [
        one
        for tag, one in answered
        if one.answers(tag) and (one.model, one.version, one.commit) == same
    ]


def _records(book: Book, promotions: list[Promotion]) -> bytes:
    """An in-toto bundle: what made the version, then each Promotion."""
    lines = [encode(one.statement()) for one in promotions]
    trained = training_of(book, promotions[-1])
    return "".join(f"{one}\n" for one in [*filter(None, [trained]), *lines]).encode("ascii")


def _lines(book: Book, promotions: list[Promotion]) -> Iterator[str]:
    first = promotions[0]
    yield f"#### {code(first.model)} {code(first.version)}"
    yield ""
    yield from (f"- {_line(one)}" for one in promotions)
    for one in first.subject:
        digest = one["digest"]
        yield f"- {code(one['name'])} has SHA-256 {code(digest.get('sha256', digest.get('dirHash', '')))}"
    yield from _metrics(book, [one for one in promotions if one.kind == "promote"][-1:])


def _line(one: Promotion) -> str:
    facts = one.facts
    verdict = facts.get("verdict") or {}
    users = ", ".join(map(code, one.approvers))
    approved = f", approved by {users}" if users else ""
    when = code(str(facts.get("promotedOn", "")))
    before = f" in place of {code(one.predecessor)}" if one.predecessor else ""
    if one.kind == "rollback":
        why = f": {code(str(facts['reason']))}" if facts.get("reason") else ""
        return f"{code(one.stage)} was rolled back to it on {when}{before}{why}"
    judged = f"verdict {code(str(verdict.get('result', 'unknown')))}"
    return f"promoted to {code(one.stage)} on {when}{before}: {judged}{approved}"


def _metrics(book: Book, promoted: list[Promotion]) -> Iterator[str]:
    """Beside those of the version that it followed."""
    for one in promoted:
        metrics = explain(book, one).metrics()
        if metrics:
            yield ""
            titles = (code(name, cell=True) for name in (one.predecessor or "before", one.version))
            yield f"| metric | {' | '.join(titles)} | change |"
            yield "|:--|--:|--:|--:|"
        for name, (now, before) in [*metrics.items()][:_MANY]:
            cells = (code(name, cell=True), _cell(before), _cell(now), _change(now, before))
            yield f"| {' | '.join(cells)} |"
        if len(metrics) > _MANY:
            yield f"\nand {len(metrics) - _MANY} more"


def _cell(one: Any) -> str:
    return "" if one is None else code(text.value(one), cell=True)


def _change(now: Any, before: Any) -> str:
    if not _is_number(now) or not _is_number(before):
        return ""
    return text.change(now - before, text.decimals_for(before, now))


def _is_number(one: Any) -> bool:
    return isinstance(one, (int, float)) and not isinstance(one, bool) and isfinite(one)
