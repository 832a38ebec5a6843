"""What a drill is to restore: the version behind a tag, and what its Records say that it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_ci.errors import RefusedError, UsageError
from mlops_ci.promote import artifacts, evidence
from mlops_ci.promote.champion import stages
from mlops_ci.promote.grammar import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.lineage.statement import Descriptor
    from mlops_ci.promote.book import Book
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.promote.tags import Tag
    from mlops_ci.record import Provenance


@dataclass
class Restorable:
    """`promotion`, `trained`: found by `resolve`. `subject`: the files of the model, with their digests."""

    book: Book
    tag: Tag
    model: str
    version: str
    promotion: Promotion | None = None
    trained: Provenance | None = None
    subject: tuple[Descriptor, ...] = ()

    @property
    def commit(self) -> str:
        return self.tag.commit

    def resolve(self) -> Iterator[str]:
        """Raises RefusedError where no Record that stands says what the bytes are."""
        if self.tag.problem:
            raise RefusedError(f"{self.tag.name} {self.tag.problem}")
        model = artifacts.find(self.book.repository, self.commit, self.model)
        self.promotion = self._promotion()
        found = evidence.records(self.book.repository, model)
        if not found:
            raise RefusedError(
                f"no Record says what made {self.version}: nothing can be compared",
                hint="git fetch origin 'refs/notes/*:refs/notes/*'",
            )
        statement, self.trained = found[0]
        recorded = {one["name"]: one for one in evidence.described(statement)}
        missing = [path for path in model.paths if not _below(path, recorded)]
        if missing:
            raise RefusedError(f"the Record of {self.version} does not know {missing[0]}")
        own = tuple(one for path in model.paths for one in _below(path, recorded))
        self.subject = self.promotion.subject if self.promotion else own
        promoted = f"promoted by {self.promotion.tag}" if self.promotion else "never promoted"
        yield f"{self.model} {self.version} at {self.commit[:7]}, {promoted}, trained {self.trained.started}"

    def _promotion(self) -> Promotion | None:
        """By this very tag, where it asks for a stage; by any that promoted the version, where it registers one."""
        if self.tag.request.stage:
            found = self.book.promotions.get(self.tag.oid)
            if found is None or not found.answers(self.tag):
                raise RefusedError(
                    f"no Promotion Record answers {self.tag.name} as it stands: it was not granted, or it was moved",
                    hint="mlops-ci status",
                )
            return found
        if not any(one.tag.oid == self.tag.oid for one in self.book.states[self.model].versions):
            raise RefusedError(f"{self.tag.name} does not register a version any more")
        stages = {tag.request.stage for tag in self.book.tags if tag.request.model == self.model}
        granted = (p for stage in stages - {""} for p in self.book.promotions_of(self.model, stage))
        return next((one for one in granted if one.version == self.version), None)


def _below(path: str, recorded: dict[str, Descriptor]) -> list[Descriptor]:
    return [one for name, one in recorded.items() if name == path or name.startswith(f"{path}/")]


def _in_production(book: Book) -> str:
    held = [
        promotion.tag
        for model in book.states
        for stage in stages(book.repository)
        if (promotion := book.champion(model, stage))
    ]
    if len(held) != 1:
        found = f"{', '.join(held)} are" if held else "nothing is"
        raise UsageError(f"{found} in production: which is to be drilled?", hint="mlops-ci status")
    return held[0]


def _holder(book: Book, name: str) -> Tag | None:
    request = parse(name)
    if request is None or request.kind != "assign" or request.counter is not None:
        return None
    promotion = book.champion(request.model, request.stage)
    return next((one for one in book.tags if promotion and one.name == promotion.tag), None)


def find(book: Book, name: str) -> Restorable:
    """Of a tag that registers a version or asks for a stage; of `churn#prod`, of what holds it; "": of what is in
    production. Raises UsageError for anything else.
    """
    name = name or _in_production(book)
    tag = next((one for one in book.tags if one.name == name), None) or _holder(book, name)
    if tag is None or tag.request.kind not in ("register", "assign"):
        raise UsageError(
            f"{name} is no tag here that names a version", hint="churn@v1.2.0, or churn#prod#3"
        )
    state = book.states[tag.request.model]
    here = [one.version for one in state.versions if one.tag.commit == tag.commit]
    version = tag.request.version or (here[0] if here else tag.commit[:7])
    return Restorable(book=book, tag=tag, model=tag.request.model, version=version)
