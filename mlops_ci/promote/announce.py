"""What GitHub shows of a stage: its deployment, and the release of the version. Both follow from the Promotions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.frozen import dataclass
from mlops_ci.github import deployments, releases
from mlops_ci.promote import release_notes

if TYPE_CHECKING:
    from mlops_ci.promote.book import Book
    from mlops_ci.promote.hub import Hub
    from mlops_ci.promote.ledger import Promotion


@dataclass(frozen=True, kw_only=True)
class Announced:
    """`release`: its address, "" where nothing holds the stage. `note`: what was left as it is, and why."""

    release: str = ""
    note: str = ""


def announce(book: Book, model: str, stage: str, hub: Hub) -> Announced:
    """Let GitHub show what holds the stage. Repeated, it changes nothing. Raises PublishError."""
    champion = book.champion(model, stage)
    place = deployments.Place(model=model, stage=stage)
    deployments.project(hub.client, place, deployment(champion, hub) if champion else None)
    if champion is None:
        return Announced()
    url, note = releases.project(hub.client, release_notes.wanted(book, champion))
    return Announced(release=url, note=note)


def deployment(champion: Promotion, hub: Hub) -> deployments.Wanted:
    """That of a Promotion. Its payload says what it replaces, for who rolls back by hand."""
    before = f" (before: {champion.predecessor})" if champion.predecessor else ""
    payload = {"model": champion.model, "version": champion.version, "tag": champion.tag}
    return deployments.Wanted(
        key=champion.tag_oid,
        commit=champion.commit,
        description=f"{champion.model} {champion.version}{before}",
        url=hub.context.run_url,
        payload={**payload, "from": champion.predecessor, "kind": champion.kind},
    )
