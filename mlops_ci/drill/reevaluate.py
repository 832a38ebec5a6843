"""The numbers of a version measured once more before it is promoted: its own commit, from nothing.

The code of the commit measures, so the commit has to be one that the main branch had: see promote/granting.py.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops_ci.directions import RECORDED
from mlops_ci.drill.faults import NO_FAULT
from mlops_ci.drill.room import Room
from mlops_ci.drill.version import Restorable
from mlops_ci.errors import RefusedError, UnreadableError
from mlops_ci.promote import artifacts, evidence, registered
from mlops_ci.reproduce.clone import active_environment, temporary_folder
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_ci.config import Config
    from mlops_ci.model import Outcome, Verdict
    from mlops_ci.promote.book import Book
    from mlops_ci.promote.granting import Granted
    from mlops_ci.train.output import Output


def measure(book: Book, granted: Granted, output: Output) -> str:
    """What was found to be as recorded. Tolerances are those of the main branch.

    Raises RefusedError where a number that the verdict rests on is another one, or cannot be measured again; ToolError
    and StageError as a drill does.
    """
    repository = book.repository
    source = repository.root or repository.git_dir
    with (
        active_environment(source, repository.is_tracked),
        temporary_folder() as folder,
    ):
        room = Room(_version(book, granted), folder, output, NO_FAULT)
        list(room.clone())
        return _evaluated(room, granted, registered.config(repository))


def _evaluated(room: Room, granted: Granted, config: Config) -> str:
    with _without_token():
        try:
            for phase in (room.environment, room.restore, room.verify):
                list(phase())
            room.config = config
            _check_covered(granted.verdict, room.measured)
            return "; ".join(room.evaluate())
        except UnreadableError as error:
            raise RefusedError(f"nothing measures its metrics again: {error}") from error
        except RefusedError as error:
            tag = granted.promotion.tag
            raise RefusedError(f"measured again, {error}", hint=f"mlops-ci drill {tag}") from error


@contextmanager
def _without_token() -> Iterator[None]:
    """The code of the commit need not see what pushes the Promotion afterwards."""
    token = os.environ.pop("GITHUB_TOKEN", None)
    try:
        yield
    finally:
        if token is not None:
            os.environ["GITHUB_TOKEN"] = token


def _version(book: Book, granted: Granted) -> Restorable:
    """As the Promotion says it; its tags need not be made yet."""
    promotion = granted.promotion
    tag = next(one for one in book.tags if one.name == promotion.tag)
    model = artifacts.find(book.repository, promotion.commit, promotion.model)
    (_, trained), *_ = evidence.records(book.repository, model)
    return Restorable(
        book=book,
        tag=tag,
        model=promotion.model,
        version=promotion.version,
        promotion=promotion,
        trained=trained,
        subject=promotion.subject,
    )


def _check_covered(verdict: Verdict, measured: set[str]) -> None:
    """What the Record alone tells, such as the time that training took, is taken from it."""
    for one in _leaves(verdict.outcomes):
        if one.source and one.source not in measured and one.metric not in RECORDED:
            raise RefusedError(
                f"no stage measures {visible(one.metric)} again: it is read from {visible(one.source)}"
            )


def _leaves(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    for one in outcomes:
        yield from _leaves(one.parts) if one.parts else (one,)
