"""Writing a Promotion down, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.errors import RefusedError, ToolError
from mlops_ci.git import Repository
from mlops_ci.lineage import notes
from mlops_ci.promote import ledger, tagging
from mlops_ci.promote.book import Book
from mlops_ci.stack.base import Registration

if TYPE_CHECKING:
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.stack.base import RegisteredVersion, Registry, TrackerSettings

# Somebody else may promote at the same time; what they promoted is then projected again.
_ATTEMPTS = 20


def write(repository: Repository, promotion: Promotion, remote: str | None) -> None:
    """The commit point: once its Record is in the notes of the remote, the stage is taken. `None`: this clone only.

    The tag goes with it where the remote does not have it. Raises ToolError.
    """
    left = ledger.read(repository).get(
        promotion.tag_oid
    )  # by a job that ended before it could push
    if left is None or (left.version, left.subject) != (promotion.version, promotion.subject):
        notes.add(repository, promotion.tag_oid, [promotion.statement()])
    if remote is not None:
        notes.push(repository, remote, refs=[f"refs/tags/{promotion.tag}"])


def refresh(repository: Repository, remote: str | None) -> Book:
    """The Book with all that the remote has. Raises RefusedError when a tag there is not what it is here."""
    if remote is not None:
        moved = tagging.fetch(repository, remote)
        if moved:
            what = f"{moved[0]} is another tag at {remote} than here: somebody moved it"
            raise RefusedError(what, hint=f"git ls-remote --tags {remote}")
        notes.join(repository, remote)
    again = Repository.discover(repository.folder)
    return Book(repository=again, ref=notes.REF if remote is None else notes.FETCHED)


def project(
    book: Book,
    registry: Registry,
    settings: TrackerSettings,
    model: str,
    stage: str,
    remote: str | None,
) -> RegisteredVersion | None:
    """Let the registry serve what holds the stage, by the newest Promotion; None where nothing does.

    Repeated until it is still the newest when it is served: of two jobs at once, the one that ends last is right.
    """
    for _ in range(_ATTEMPTS):
        champion = book.champion(model, stage)
        version = None
        if champion is None:
            registry.withdraw(settings, model, stage)
        else:
            version = registry.register(settings, _registration(champion))
            registry.assign(settings, model, stage, version)
        book = refresh(book.repository, remote)
        if book.champion(model, stage) == champion:
            return version
    raise ToolError(f"others promote {model}#{stage} again and again", hint="run this again")


def _registration(promotion: Promotion) -> Registration:
    digests = {one["name"]: one["digest"] for one in promotion.subject}
    first = promotion.subject[0]["name"]
    return Registration(
        model=promotion.model,
        git_tag=f"{promotion.model.replace(':', '=')}@{promotion.version}",
        source=f"dvc://{promotion.commit}/{first}",
        tags={
            "mlops_ci.commit": promotion.commit,
            "mlops_ci.digest": digests[first].get("sha256", digests[first].get("dirHash", "")),
        },
    )
