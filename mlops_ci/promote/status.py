"""What is promoted now, since when, and whether a Promotion Record stands behind it. Reads this clone only."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlops_ci.frozen import dataclass
from mlops_ci.promote.book import Book

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.git import Repository
    from mlops_ci.promote.stages import Holder, ModelState

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Status:
    """`verified`: model and stage of each holder that a Promotion Record stands behind. `problems`: in words."""

    models: tuple[ModelState, ...]
    verified: frozenset[tuple[str, str]]
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "models": [self._model(one) for one in self.models],
            "problems": list(self.problems),
        }

    def _model(self, state: ModelState) -> dict[str, Any]:
        return {
            "name": state.name,
            "versions": [
                {"version": one.version, "tag": one.tag.name, "commit": one.tag.commit}
                for one in state.versions
            ],
            "stages": [
                {
                    "stage": one.stage,
                    "version": one.version,
                    "tag": one.tag.name,
                    "commit": one.tag.commit,
                    "since": since(one).isoformat().replace("+00:00", "Z"),
                    "by": one.tag.author,
                    "verified": (state.name, one.stage) in self.verified,
                }
                for one in state.holders
            ],
        }


def since(holder: Holder) -> datetime:
    """When the stage was asked for, by the tagger's clock, in UTC."""
    return datetime.fromtimestamp(holder.tag.time, tz=timezone.utc)


def status(repository: Repository) -> Status:
    """The state of each model that is not deprecated."""
    book = Book(repository=repository)
    states, promotions = book.states, book.promotions
    return Status(
        models=tuple(state for state in states.values() if not state.deprecated),
        verified=frozenset(
            (state.name, holder.stage)
            for state in states.values()
            for holder in state.holders
            if (found := promotions.get(holder.tag.oid)) and found.grants(state.name, holder)
        ),
        problems=(
            *_shallow(repository),
            *(problem for state in states.values() for problem in state.problems),
            *_against(book),
        ),
    )


def _against(book: Book) -> Iterator[str]:
    """Where what was granted last is not what the tags say: it is what MLflow serves."""
    for model, stage in sorted({(one.model, one.stage) for one in book.promotions.values()}):
        if lost := book.lost_says(model, stage):
            yield lost
        elif said := book.tags_say(model, stage):
            champion = book.champion(model, stage)
            assert champion is not None
            yield f"{model}#{stage} was granted to {champion.version} last, and the tags differ: {said}"


def _shallow(repository: Repository) -> list[str]:
    fetch = "git fetch origin 'refs/tags/*:refs/tags/*' 'refs/notes/*:refs/notes/*'"
    shallow = f"this clone is shallow: tags that are not in it are not counted ({fetch})"
    return [shallow] if repository.shallow else []
