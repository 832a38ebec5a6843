"""A tag that names only a version, `v1.2.0` or `churn@v1.2.0`, as the request for a stage that it stands for.

GTO's tags stay the truth: what such a tag asks for is written as `churn@v1.2.0` and `churn#prod#3`, once it is granted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.errors import RefusedError, ToolError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.promote import artifacts, grammar, tagging
from mlops_ci.promote.book import Book, no_tag
from mlops_ci.promote.tags import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_ci.git import Repository
    from mlops_ci.promote.hub import Hub
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.promote.stages import ModelState
    from mlops_ci.promote.tags import Tag

DEFAULT_STAGE = "prod"


@dataclass(frozen=True, kw_only=True)
class Asking:
    """`name`: the tag that asks for the stage. `book`: with `missing`, the tags that are still to be made.

    `by`: the version tag that stands behind it, "" where the tag itself names the stage.
    """

    book: Book
    name: str
    by: str = ""
    missing: tuple[Tag, ...] = ()


def check_names(names: Sequence[str]) -> None:
    """Before anybody waits for a remote. Raises UsageError for what can be no tag that asks."""
    for name in names:
        if grammar.parse(name) is None:
            raise no_tag(name)


def unknown(repository: Repository, names: Sequence[str], error: ToolError) -> ToolError:
    """The same, where tags cannot be fetched and one of these is not here: that is said first."""
    here = {tag.name for tag in read(repository)}
    missing = next((name for name in names if name not in here), None)
    if missing is None:
        return error
    return ToolError(f"{missing} is no tag here, and {error}", hint=error.hint)


def resolve(book: Book, name: str, stage: str | None, hub: Hub | None) -> Asking:
    """What a tag asks for. `stage`: for a tag that names none. Nothing is written.

    Raises UsageError and RefusedError for a tag that cannot ask so.
    """
    tag = next((one for one in book.tags if one.name == name), None)
    kind = tag.request.kind if tag else ""
    if tag is None or kind not in ("release", "register") or (kind == "register" and not stage):
        if stage and tag and tag.request.stage not in ("", stage):
            raise UsageError(f"{name} does not ask for {stage}", hint="leave out --stage")
        return Asking(book=book, name=name)
    _check(tag, hub)
    wanted = _Wanted(book, tag, stage or DEFAULT_STAGE)
    asked = wanted.before()
    if asked:
        return Asking(book=book, name=asked, by=name)
    missing = (*wanted.registration(), wanted.assignment())
    return Asking(book=_with(book, missing), name=missing[-1].name, by=name, missing=missing)


def _check(tag: Tag, hub: Hub | None) -> None:
    """GitHub makes the tag of a release lightweight: then the release itself has to be there."""
    if not tag.problem:
        return
    from mlops_ci.github import releases

    release = releases.find(hub.client, tag.name) if hub and tag.request.kind == "release" else None
    if release is None:
        raise RefusedError(
            f"{tag.name} {tag.problem}, and no release of it on GitHub is known",
            hint=f"git tag -a, or publish a release of {tag.name} and set GITHUB_REPOSITORY and GITHUB_TOKEN",
        )
    if release["prerelease"]:
        raise RefusedError(
            f"{tag.name} is a pre-release on GitHub: it asks for no stage",
            hint="set it as a release, or ask by tag: git tag -a churn#dev#1",
        )


class _Wanted:
    def __init__(self, book: Book, tag: Tag, stage: str) -> None:
        self.book, self.tag, self.stage = book, tag, stage
        self.version = tag.request.version
        self.model = tag.request.model or _only_model(book, tag.commit)
        self.state: ModelState | None = book.states.get(self.model)
        if grammar.parse(f"{self.model.replace(':', '=')}#{stage}") is None:
            raise UsageError(
                f"{self.model}#{stage} is no name that a tag can have",
                hint="artifacts: {churn: {path: model.pkl, type: model}} in dvc.yaml names the model",
            )

    def before(self) -> str:
        """The newest tag by which this version has asked for the stage before: a version tag asks once."""
        asked = ("assign", self.model, self.stage, self.tag.commit)
        found = [
            one.name
            for one in self.book.tags
            if (one.request.kind, one.request.model, one.request.stage, one.commit) == asked
        ]
        return found[-1] if found else ""

    def registration(self) -> tuple[Tag, ...]:
        """The tag that registers the version; none where it is registered at this very commit."""
        for one in self.state.versions if self.state else ():
            here = one.tag.commit == self.tag.commit
            if here and one.version == self.version:
                return ()
            if here or one.version == self.version:
                where = f"{self.model}@{one.version} is registered at {one.tag.commit[:7]} already"
                raise RefusedError(
                    f"{self.tag.name} is at {self.tag.commit[:7]}, and {where}",
                    hint="give another commit another version",
                )
        wanted = grammar.Request(kind="register", model=self.model, version=self.version)
        if any(one.name == wanted.tag for one in self.book.tags):
            raise RefusedError(f"{wanted.tag} was taken back, or does not count: mlops-ci status")
        return (self._tag(wanted, 0),)

    def assignment(self) -> Tag:
        counter = tagging.next_counter(self.book.tags, self.model)
        wanted = grammar.Request(kind="assign", model=self.model, stage=self.stage, counter=counter)
        return self._tag(wanted, 1)

    def _tag(self, request: grammar.Request, later: int) -> Tag:
        """As it will be; its id is not known before it is made."""
        return replace(
            self.tag,
            request=request,
            name=request.tag,
            oid="",
            time=tagging.next_time(self.book.tags) + later,
            message=f"As {self.tag.name} asks",
            problem="",
        )


def _only_model(book: Book, commit: str) -> str:
    names = artifacts.names(book.repository, commit)
    if len(names) != 1:
        raise UsageError(
            f"a version alone does not say which model it is of: {', '.join(names) or 'none is here'}",
            hint=f"git tag -a {(names or ['churn'])[0].replace(':', '=')}@v1.0.0, and promote that with --stage prod",
        )
    tagged = {tag.request.model for tag in book.tags if tag.request.model and not tag.problem}
    return tagged.pop() if len(tagged) == 1 else names[0]


def _with(book: Book, tags: tuple[Tag, ...]) -> Book:
    return Book(repository=book.repository, ref=book.ref, planned=tags)


def named(asking: Asking, promotion: Promotion) -> Promotion:
    """The same, which says what version tag stands behind it."""
    if not asking.by:
        return promotion
    return replace(promotion, facts={**promotion.facts, "askedBy": asking.by})


def make(asking: Asking, promotion: Promotion) -> tuple[Book, Promotion]:
    """Make the tags that are missing, and the Promotion as the answer to them. Raises ToolError."""
    book, promotion = asking.book, named(asking, promotion)
    if not asking.missing:
        return book, promotion
    made = [one for one in book.tags if one.oid]
    for tag in asking.missing:
        tagging.create(book.repository, tag.request, tag.commit, tag.message, made)
        made.append(tag)
    book = Book(repository=book.repository, ref=book.ref)
    asked = book.asked(asking.name).holder.tag
    return book, replace(promotion, tag_oid=asked.oid)
