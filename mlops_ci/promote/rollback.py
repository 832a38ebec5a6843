"""The way back: to a version that was promoted before, by a new tag and a new Promotion Record."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from mlops_ci.errors import ConfigError, MlopsCiError, RefusedError
from mlops_ci.frozen import dataclass
from mlops_ci.promote import artifacts, registered, tagging, writing
from mlops_ci.promote.book import Book
from mlops_ci.promote.grammar import Request
from mlops_ci.promote.granting import check_merged, promotion_of
from mlops_ci.promote_config import PromoteConfig
from mlops_ci.text import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.promote.approving import Yes
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.promote.stages import Holder

# Each may have to be got from a remote.
_TRIED = 5


@dataclass(frozen=True, kw_only=True)
class Way:
    """`held`: the version that holds the stage now, by the tags. `current`: the newest Promotion to it.

    `target`: the Promotion by which a version held it before. `done`: it holds the stage already.
    """

    held: str
    current: Promotion
    target: Promotion
    done: bool = False


def find(book: Book, model: str, stage: str, version: str = "") -> Way:
    """Where a rollback leads: to `version`; by default to what the current one followed, or, where a tag that nobody
    granted holds the stage, to what was granted last. What was granted last counts also where its tag is lost. Nothing
    is written.

    The bytes of the target are hashed again before anything moves. Without `version` a rollback is not rolled back:
    the command may have ended half-way, and what it left would be the version that misbehaved. Raises RefusedError.
    """
    lost = book.lost(model, stage)
    current = lost or book.champion(model, stage)
    if current is None:
        raise book.nothing(model, stage)
    state = book.states.get(model)
    holder = state.holder(stage) if state else None
    held = holder.version if holder else "nothing"
    granted = holder is not None and holder.tag.oid == current.tag_oid
    back = current.kind == "rollback" and not version
    done = granted and not lost and (back or version == current.version)
    # A tag at the predecessor is what a rollback left that was stopped half-way. What a rollback followed is what it
    # led away from, also where somebody asks for that again.
    again = held == current.version and not _left(book, model, stage)  # asked for by somebody
    undone = not lost and not granted and held != current.predecessor and not again
    stay = done or current.kind == "rollback" or undone
    wanted = version or (current.version if stay else current.predecessor)
    if not wanted:
        what = f"{current.version} is the first that was promoted to {model}#{stage}"
        raise RefusedError(what, hint=_others(book, current, "") or _withdrawal(current))
    if not (version or stay) and wanted in _rolled_back(book, model, stage):
        what = f"{wanted}, which {current.version} followed, was rolled back since"
        raise RefusedError(what, hint=_others(book, current, wanted) or _withdrawal(current))
    target = current if done else _earlier(book, current, wanted)
    try:
        verify(book, target)
    except MlopsCiError as error:
        error.hint = " or ".join(filter(None, (error.hint, _others(book, current, wanted))))
        raise
    return Way(held=held, current=current, target=target, done=done)


def _rolled_back(book: Book, model: str, stage: str) -> set[str]:
    """The versions that a rollback led away from, and that nothing was granted to since."""
    granted: set[str] = set()
    left: set[str] = set()
    for one in book.promotions_of(model, stage):
        if one.kind == "rollback":
            left |= {one.predecessor} - granted
        granted.add(one.version)
    return left


def _others(book: Book, current: Promotion, wanted: str) -> str:
    """The command that leads to the newest other version that was not rolled back, and can be had, when `wanted` is
    gone; or "".
    """
    model, stage = current.model, current.stage
    earlier = list(book.promotions_of(model, stage))
    left = {one.predecessor for one in earlier if one.kind == "rollback"}
    others = {
        one.version: one
        for one in reversed(earlier)
        if book.is_registered(model, one) and one.version not in left | {wanted, current.version}
    }
    for version, other in islice(reversed(others.items()), _TRIED):
        with suppress(MlopsCiError):
            verify(book, other)
            return f"mlops-ci rollback {model} --stage {stage} --to {version}"
    return ""


def _withdrawal(current: Promotion) -> str:
    """The commands that leave the stage empty, where there is nothing to go back to."""
    tag = shell_word(f"{current.model.replace(':', '=')}@{current.version}!")
    steps = f"git tag -a -m withdrawn {tag} {current.commit[:12]} && git push origin {tag}"
    return f"to serve nothing: {steps} && mlops-ci sync {current.model}"


def _earlier(book: Book, current: Promotion, version: str) -> Promotion:
    """Its own earlier Promotion authorises a version, however old."""
    model, stage = current.model, current.stage
    earlier = [one for one in book.promotions_of(model, stage) if one.version == version]
    if not earlier:
        raise RefusedError(
            f"{version} was never promoted to {model}#{stage}: a rollback needs its Promotion Record",
            hint=_others(book, current, version) or "promote it: git tag -a",
        )
    if not book.is_registered(model, earlier[0]):
        what = f"{version} of {model} is not registered any more"
        raise RefusedError(what, hint=_others(book, current, version))
    return earlier[0]


def _check_merged(book: Book, target: Promotion) -> None:
    """Whoever may push notes can write that something was promoted: it had to be on the main branch for that."""
    try:
        policy = registered.config(book.repository).promote
    except ConfigError:  # what is wrong there now does not stop the way back
        policy = PromoteConfig()
    if policy.evidence != "recorded":
        other = (
            f"mlops-ci rollback {target.model} --stage {target.stage} --to VERSION goes to another"
        )
        instead = f"{other}; where branches are promoted: promote: {{evidence: recorded}} on the main branch"
        check_merged(book.repository, target.version, target.commit, instead)


def verify(book: Book, target: Promotion) -> None:
    """That the main branch had it, and the bytes are those that were promoted. Raises RefusedError when not, ToolError
    when they cannot be had.
    """
    _check_merged(book, target)  # first: DVC does what the config of that commit says
    found = artifacts.hashes(
        book.repository, artifacts.find(book.repository, target.commit, target.model)
    )
    recorded = {one["name"]: one["digest"] for one in target.subject}
    now = {one["name"]: one["digest"] for one in found}
    for name in sorted(recorded.keys() | now.keys()):
        if recorded.get(name) != now.get(name):
            raise RefusedError(
                f"{name} of {target.version} is not what was promoted: its bytes differ"
            )


def ask(book: Book, way: Way, reason: str, approvals: Iterable[Yes] = ()) -> tuple[Book, Promotion]:
    """Make the tag, or take the one that a rollback left which was stopped half-way; and the Promotion for it."""
    target = way.target
    holder = _asked_before(book, target)
    if holder is None:
        request = _request(book, target)
        moved = f"from {way.held} to {target.version}"
        message = f"{_subject(target.model, target.stage)}{moved}\n\n{reason}\n"
        tagging.create(book.repository, request, target.commit, message, book.tags)
        book = Book(repository=book.repository, ref=book.ref)
        holder = _asked_before(book, target)
        assert holder is not None
    facts = {
        **target.facts,
        "approvals": [one.as_json() for one in approvals],
        "authorisedBy": {"gitTag": target.tag_oid},
        "reason": reason,
    }
    before = way.current.version
    if target.version == before:
        before = way.current.predecessor
        facts["undid"] = way.held
    made = promotion_of(target.model, holder, before, target.subject, facts)
    return book, replace(made, kind="rollback")


def write(book: Book, promotion: Promotion, remote: str | None) -> None:
    """Raises OvertakenError where another version was granted since `find`: the way would lead back from that."""
    held = book.champion(promotion.model, promotion.stage, but=promotion.tag)
    place = f"{promotion.model} --stage {promotion.stage}"
    hint = f"mlops-ci status, then mlops-ci rollback {place} --to VERSION"

    def check(now: Book) -> None:
        writing.check_not_overtaken(now, promotion, held, hint)

    writing.write(book, [promotion], remote, [promotion.tag], check)


def planned(book: Book, way: Way) -> Promotion:
    """That which `ask` would make, as far as it is known before its tag is there."""
    left = _asked_before(book, way.target)
    name, oid = (left.tag.name, left.tag.oid) if left else (_request(book, way.target).tag, "")
    return replace(way.target, kind="rollback", tag=name, tag_oid=oid)


def _request(book: Book, target: Promotion) -> Request:
    counter = tagging.next_counter(book.tags, target.model)
    return Request(kind="assign", model=target.model, stage=target.stage, counter=counter)


def _asked_before(book: Book, target: Promotion) -> Holder | None:
    """What holds the stage by the tags, when that is the target and no Promotion answers it."""
    holder = _left(book, target.model, target.stage)
    return holder if holder and holder.version == target.version else None


def _left(book: Book, model: str, stage: str) -> Holder | None:
    """What holds the stage by a tag that a rollback made and no Promotion answers; what others ask for is theirs."""
    state = book.states.get(model)
    holder = state.holder(stage) if state else None
    if holder is None or holder.tag.oid in book.promotions:
        return None
    return holder if holder.tag.message.startswith(_subject(model, stage)) else None


def _subject(model: str, stage: str) -> str:
    return f"Roll back {model}#{stage} "
