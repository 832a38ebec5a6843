"""The Promotion Records as the truth, and what others show beside it. Only what is verified is shown to anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.errors import MlopsCiError, PublishError, RefusedError
from mlops_ci.frozen import dataclass
from mlops_ci.promote import writing
from mlops_ci.promote.rollback import verify
from mlops_ci.promote.views import views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.promote.book import Book
    from mlops_ci.promote.hub import Hub
    from mlops_ci.promote.views import View

# drift: it shows something else; repaired: it did; broken: the bytes are not those that were promoted; gone: nor had;
# unknown: that could not be found out; refused: GitHub does not let us; asked: nobody granted it, which is no fault.
State = Literal["drift", "repaired", "broken", "gone", "unknown", "refused", "asked"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as the Records say. `where`: the system, or `bytes`."""

    where: str
    state: State
    what: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Synced:
    """One stage of one model. `version`: what holds it by its Promotion Record, "" when nothing does."""

    model: str
    stage: str
    version: str
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """As `mlops-ci sync --json` shows it."""
        found = [vars(one) for one in self.findings]
        return {
            "model": self.model,
            "stage": self.stage,
            "version": self.version,
            "findings": found,
        }


def sync(
    book: Book, remote: str | None, hub: Hub | None, *, model: str | None, check: bool
) -> Iterator[Synced]:
    """Each stage that anything was ever asked of. `check`: nothing is written."""
    for one, stage in places(book):
        if model in (None, one):
            champion = book.champion(one, stage)
            yield Synced(
                model=one,
                stage=stage,
                version=champion.version if champion else "",
                findings=tuple(_findings(book, one, stage, remote, hub, check=check)),
            )


def places(book: Book) -> list[tuple[str, str]]:
    """Model and stage, of all tags that ask and of all that was granted."""
    asked = {(tag.request.model, tag.request.stage) for tag in book.tags if tag.request.stage}
    return sorted(asked | {(one.model, one.stage) for one in book.promotions.values()})


def _findings(
    book: Book, model: str, stage: str, remote: str | None, hub: Hub | None, *, check: bool
) -> Iterator[Finding]:
    try:
        book.check_not_lost(model, stage)
    except RefusedError as error:
        yield Finding(where="gto", state="drift", what=str(error), hint=error.hint)
        return
    champion = book.champion(model, stage)
    if champion is None:
        holder = book.states[model].holder(stage)
        if holder:
            what = f"{holder.tag.name} asks for {holder.version}: nobody granted it, and it is shown nowhere"
            yield Finding(where="gto", state="asked", what=what)
        if not any(book.promotions_of(model, stage)):
            return  # never ours: what others show of it is theirs
    else:
        try:
            verify(book, champion)
        except MlopsCiError as error:
            state: State = "broken" if isinstance(error, RefusedError) else "gone"
            yield Finding(where="bytes", state=state, what=str(error), hint=error.hint)
            return
    for view in views(book, hub):
        yield from _of(view, book, model, stage, remote, check=check)
        book = book if check else writing.refresh(book.repository, remote)


def _of(
    view: View, book: Book, model: str, stage: str, remote: str | None, *, check: bool
) -> Iterator[Finding]:
    try:
        what = view.differs(book, model, stage)
        if not what:
            return
        if not check:
            view.repair(book, model, stage, remote)
            book = writing.refresh(book.repository, remote)
            still = view.differs(book, model, stage)
            if not still:
                yield Finding(where=view.name, state="repaired", what=what)
                return
            what = still
        hint = f"mlops-ci sync {model}" if check and view.name != "gto" else view.hint
        hint = hint.replace("MODEL", f"{model} --stage {stage}")
        yield Finding(where=view.name, state="drift", what=what, hint=hint)
    except PublishError as error:
        yield Finding(where=view.name, state="refused", what=str(error), hint=error.hint)
    except MlopsCiError as error:
        yield Finding(where=view.name, state="unknown", what=str(error), hint=error.hint)
