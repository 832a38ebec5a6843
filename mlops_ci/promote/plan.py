"""What a promotion or a rollback would change, line by line: for --dry-run. Nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.github import deployments, releases
from mlops_ci.lineage import notes
from mlops_ci.promote import announce, registered, tagging, writing
from mlops_ci.stack.registries import REGISTRIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.promote.book import Book
    from mlops_ci.promote.hub import Hub
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.stack.base import RegisteredVersion


def changes(
    book: Book, promotion: Promotion, tags: Sequence[str], remote: str | None, hub: Hub | None
) -> Iterator[str]:
    """`+` what would be made, `~` what would be changed. `tags`: those that it needs. Raises MlopsCiError where the
    registry or GitHub cannot be asked.
    """
    yield from _tags(book, tags, remote)
    if promotion.tag_oid not in book.promotions or not promotion.tag_oid:
        where = f" at {notes.shown(remote)}" if remote else ""
        yield f"+ Promotion Record of {promotion.tag} in {notes.REF}{where}"
    yield from _registry(book, promotion)
    if hub:
        yield from _github(promotion, hub)


def _tags(book: Book, tags: Sequence[str], remote: str | None) -> Iterator[str]:
    here = {tag.name for tag in book.tags if tag.oid}
    there = tagging.fetched(book.repository) if remote else set()
    for name in tags:
        if name not in here:
            yield f"+ tag {name}"
        if remote and name not in there:
            yield f"+ tag {name} at {notes.shown(remote)}"


def _registry(book: Book, promotion: Promotion) -> Iterator[str]:
    settings = registered.settings(book.repository)
    if settings is None:
        return
    registry, wanted = REGISTRIES["mlflow"], writing.registration(promotion)
    found = registry.find(settings, wanted)
    held = registry.holder(settings, promotion.model, promotion.stage)
    if found is None:
        yield f"+ MLflow version of {wanted.git_tag}, source {wanted.source}"
    if found is None or held is None or held.number != found.number:
        after = f"version {found.number}" if found else "the new version"
        alias = f"{promotion.model}@{promotion.stage}"
        yield f"~ MLflow alias {alias}: {_named(held)} → {after} ({wanted.git_tag})"


def _named(held: RegisteredVersion | None) -> str:
    return f"version {held.number} ({held.git_tag or 'of no tag'})" if held else "nothing"


def _github(promotion: Promotion, hub: Hub) -> Iterator[str]:
    place = deployments.Place(model=promotion.model, stage=promotion.stage)
    shown = deployments.shown(hub.client, place)
    if promotion.tag_oid and deployments.is_right(shown, announce.deployment(promotion, hub)):
        return
    active = [one.version or "what is none of ours" for one in shown if one.state == "success"]
    before = " and ".join(active) or "nothing"
    yield f"~ GitHub deployment of {promotion.stage}: {before} → {promotion.model} {promotion.version}"
    asked = str(promotion.facts.get("askedBy", ""))
    tag = asked or writing.registration(promotion).git_tag
    sign = "~" if releases.find(hub.client, tag) else "+"
    yield f"{sign} GitHub release {tag}: notes and Records"
