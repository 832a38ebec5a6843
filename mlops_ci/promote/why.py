"""Why a version holds its stage: what made it, what it measured, who granted it. From this clone's notes alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage import notes, provenance
from mlops_ci.lineage.statement import PROVENANCE, encode

if TYPE_CHECKING:
    from mlops_ci.promote.book import Book
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.record import Provenance


@dataclass(frozen=True, kw_only=True)
class Why:
    """`trained`: the Record of its training; `before`: that of its predecessor. None where a note is missing.

    `problem`: what the tags say against it, "" where they agree.
    """

    promotion: Promotion
    trained: Provenance | None
    before: Provenance | None
    problem: str = ""

    def params(self) -> dict[str, tuple[Any, Any]]:
        """Name to the value now and the one before; None where there is none."""
        return _paired(_params(self.trained), _params(self.before))

    def metrics(self) -> dict[str, tuple[Any, Any]]:
        """As `params`."""
        return _paired(_metrics(self.trained), _metrics(self.before))


def why(book: Book, model: str, stage: str) -> Why:
    """Raises RefusedError when nothing was promoted to the stage."""
    champion = book.champion(model, stage)
    if champion is None:
        raise book.nothing(model, stage)
    return replace(explain(book, champion), problem=book.problem(model, stage))


def explain(book: Book, champion: Promotion) -> Why:
    """What the notes of this clone know of a Promotion, and of the version that it followed."""
    records = _records(book)
    promotions = book.promotions_of(champion.model, champion.stage)
    earlier = (one for one in promotions if one.version == champion.predecessor)
    before = next(earlier, None)
    return Why(
        promotion=champion,
        trained=records.get(_digest(champion)),
        before=records.get(_digest(before)) if before else None,
    )


def _digest(promotion: Promotion) -> str:
    record = promotion.facts.get("record")
    return str(record.get("sha256", "")) if isinstance(record, dict) else ""


def training_of(book: Book, promotion: Promotion) -> str:
    """The line of the Record of its training; "" where the notes do not have it."""
    lines = (encode(statement) for _, statement in notes.statements(book.repository))
    return next((line for line in lines if _sha256(line) == _digest(promotion)), "")


def _records(book: Book) -> dict[str, Provenance]:
    """By the SHA-256 of the line."""
    found = {}
    for _, statement in notes.statements(book.repository, about=PROVENANCE):
        try:
            parsed = provenance.parse([statement], "note")[0]
        except UnreadableError:
            continue
        found[_sha256(encode(statement))] = parsed
    return found


def _sha256(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _params(record: Provenance | None) -> dict[str, Any]:
    tables = record.params.values() if record else ()
    return {name: value for table in tables for name, value in table.items()}


def _metrics(record: Provenance | None) -> dict[str, Any]:
    files = record.of_kind("metrics") if record else ()
    return {name: value for file in files for name, value in file.values.items()}


def _paired(now: dict[str, Any], before: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (now.get(name), before.get(name)) for name in sorted(now.keys() | before.keys())}
