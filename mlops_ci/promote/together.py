"""Several artifacts of one release, a model with its tokenizer and features: promoted all or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.errors import RefusedError, UsageError
from mlops_ci.promote import asking, granting, writing
from mlops_ci.promote.book import Book

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_ci.promote.approving import Yes
    from mlops_ci.promote.asking import Asking
    from mlops_ci.promote.granting import Granted
    from mlops_ci.promote.ledger import Promotion


def examine(
    asked: Sequence[Asking], approvals: Sequence[Yes], profile: str | None
) -> list[Granted]:
    """As `granting.examine`, of each. Raises RefusedError for the first that is refused: then none is granted."""
    found = []
    for one in asked:
        try:
            found.append(granting.examine(one.book, one.name, approvals, profile))
        except RefusedError as error:
            if len(asked) == 1:
                raise
            what = f"none of {len(asked)} is promoted, for {one.name}: {error}"
            raise RefusedError(what, hint=error.hint) from error
    _check_apart(found)
    return found


def _check_apart(found: Sequence[Granted]) -> None:
    seen = set()
    for one in found:
        place = one.promotion.model, one.promotion.stage
        if place in seen:
            what = f"two of these tags ask for {place[0]}#{place[1]}"
            raise UsageError(what, hint="name one tag for each model")
        seen.add(place)


def write(
    asked: Sequence[Asking], granted: Sequence[Granted], remote: str | None
) -> list[Promotion]:
    """The Promotions of all, those that are new written in one step: the notes change once, the push is atomic.

    Raises OvertakenError where another was promoted meanwhile than what these were judged against; then nothing is
    written, and no tag is left.
    """
    promotions, new = [], []
    for one, found in zip(asked, granted, strict=True):
        book, promotion = one.book, found.promotion
        if not found.before:
            book, promotion = asking.make(one, promotion)
            new.append(promotion)
        promotions.append(promotion)
    if new:
        book = Book(repository=book.repository, ref=book.ref)
        made = [tag.name for one in asked for tag in one.missing]
        writing.write(book, new, remote, made, lambda now: _check_not_overtaken(now, new, granted))
    return promotions


def _check_not_overtaken(now: Book, new: Sequence[Promotion], granted: Sequence[Granted]) -> None:
    judged = [one for one in granted if not one.before]
    for promotion, one in zip(new, judged, strict=True):
        writing.check_not_overtaken(now, promotion, one.champion, "run this again")
