"""Writing a Promotion down, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mlops_ci.errors import RefusedError, ToolError
from mlops_ci.git import Repository
from mlops_ci.lineage import notes
from mlops_ci.promote import tagging
from mlops_ci.promote.book import Book
from mlops_ci.stack.base import Registration

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from mlops_ci.errors import MlopsCiError
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.stack.base import RegisteredVersion, Registry, TrackerSettings

T = TypeVar("T")
# Somebody else may promote at the same time; what they promoted is then projected again.
_ATTEMPTS = 20


class OvertakenError(ToolError):
    """Others promoted meanwhile, so that what was examined is not what a promotion would follow now."""


def write(
    book: Book,
    promotions: Sequence[Promotion],
    remote: str | None,
    made: Collection[str] = (),
    check: Callable[[Book], None] | None = None,
) -> None:
    """The commit point: once the Records are in the notes of the remote, the stages are taken, all or none.

    The tags that asked, and those of the versions, go with them where the remote does not have them. `None`: this
    clone only. `made`: those of the tags that were made for this; where others are faster they are deleted here.
    `check`: called with what the remote has, when others wrote there meanwhile; where it raises OvertakenError,
    nothing is written. Raises ToolError.
    """
    repository, lines = book.repository, {one.tag_oid: [one.statement()] for one in promotions}
    if remote is None:
        notes.add_all(repository, lines)
        return
    tags = [tag for one in promotions for tag in (one.tag, book.version_tag(one)) if tag]
    refs = [f"refs/tags/{tag}" for tag in dict.fromkeys(tags)]
    joined = (lambda: check(refresh(repository, remote))) if check else None
    try:
        notes.push(repository, remote, lines, refs=refs, joined=joined)
    except (ToolError, RefusedError) as error:
        _give_way(repository, remote, made, error)
        raise


def _give_way(
    repository: Repository, remote: str, made: Collection[str], error: MlopsCiError
) -> None:
    """Leave no tag here where somebody else was faster, also with one of the same name, for which ToolError is raised.
    After any other failure the next run goes on from what is here.
    """
    try:
        taken = sorted(set(made) & set(tagging.fetch(repository, remote)))
    except ToolError:
        return  # as unreachable as it was
    if taken or isinstance(error, (OvertakenError, RefusedError)):
        tagging.delete(repository, made)
    if taken:
        what = f"somebody else has pushed {taken[0]} at the same time"
        raise ToolError(what, hint="run this again: it goes on from there") from error


def check_not_overtaken(now: Book, asked: Promotion, before: Promotion | None, hint: str) -> None:
    """`before`: what held the stage when `asked` was examined. Raises OvertakenError when that is another now, or
    when somebody has granted the same.
    """
    champion = now.champion(asked.model, asked.stage, but=asked.tag)
    if champion != before or asked.tag_oid in now.promotions:
        version = asked.version if champion == before else champion.version if champion else "none"
        what = f"{asked.model}#{asked.stage} was granted to {version} meanwhile"
        raise OvertakenError(what, hint=hint)


def refresh(repository: Repository, remote: str | None) -> Book:
    """The Book with all that the remote has. Raises RefusedError when a tag there is not what it is here."""
    if remote is not None:
        # Of a shallow clone tags come without history, which notes need to be joined.
        together = not repository.shallow
        moved = tagging.fetch(repository, remote, *([notes.FETCH] if together else []))
        if moved:
            what = (
                f"{moved[0]} is another tag at {notes.shown(remote)} than here: somebody moved it"
            )
            hint = f"git ls-remote --tags {notes.shown(remote)}; where yours was never pushed: git tag -d '{moved[0]}'"
            raise RefusedError(what, hint=hint)
        if together:
            notes.merge_fetched(repository)
        else:
            notes.join(repository, remote)
    return reread(repository, remote)


def reread(repository: Repository, remote: str | None) -> Book:
    """The Book with what was fetched last, and what was written since."""
    again = Repository.discover(repository.folder)
    return Book(repository=again, ref=notes.REF if remote is None else notes.FETCHED)


def follow(book: Book, model: str, stage: str, remote: str | None, show: Callable[[Book], T]) -> T:
    """What `show` gives, which lets others show what holds the stage by the newest Promotion.

    Repeated until it is still the newest when it is shown: of two jobs at once, the one that ends last is right.
    """
    for _ in range(_ATTEMPTS):
        champion = book.champion(model, stage)
        done = show(book)
        book = refresh(book.repository, remote)
        if book.champion(model, stage) == champion:
            return done
    raise ToolError(f"others promote {model}#{stage} again and again", hint="run this again")


def serve(
    book: Book, model: str, stage: str, registry: Registry, settings: TrackerSettings
) -> RegisteredVersion | None:
    """Let the registry serve what holds the stage; None where nothing does."""
    champion = book.champion(model, stage)
    if champion is None:
        registry.withdraw(settings, model, stage)
        return None
    version = registry.register(settings, registration(champion))
    registry.assign(settings, model, stage, version)
    return version


def registration(promotion: Promotion) -> Registration:
    """What the registry should know of a promoted version."""
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
