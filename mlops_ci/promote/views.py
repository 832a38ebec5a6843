"""What each system shows of a stage, beside what holds it by the Promotion Records; and how it is made to show that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from mlops_ci.github import deployments
from mlops_ci.promote import announce, registered, rollback, writing
from mlops_ci.stack.registries import REGISTRIES

if TYPE_CHECKING:
    from mlops_ci.promote.book import Book
    from mlops_ci.promote.hub import Hub
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.stack.base import Registry, TrackerSettings


class View(Protocol):
    """`name`: of the system. `hint`: what a person can do where `repair` does not help."""

    name: str
    hint: str

    def differs(self, book: Book, model: str, stage: str) -> str:
        """What is shown instead of what holds the stage; "" when that is what is shown. Raises MlopsCiError."""
        ...

    def repair(self, book: Book, model: str, stage: str, remote: str | None) -> None:
        """Let it show what holds the stage, as far as that can be done without a person."""
        ...


def views(book: Book, hub: Hub | None) -> list[View]:
    """Those of this repository. The tags come first: what else is shown may follow from a tag that is made."""
    found: list[View] = [Gto(), Dvc()]
    settings = registered.settings(book.repository)
    if settings is not None:
        found.append(MLflow(settings=settings, registry=REGISTRIES["mlflow"]))
    return [*found, GitHub(hub=hub)] if hub else found


@dataclass
class Gto:
    """The tags alone. A newer tag that nobody granted may be waiting for its approval: it is left to a person."""

    name: str = "gto"
    hint: str = (
        "mlops-ci promote TAG grants what a tag asks for, mlops-ci rollback MODEL takes it back"
    )

    def differs(self, book: Book, model: str, stage: str) -> str:
        return book.tags_say(model, stage)

    def repair(self, book: Book, model: str, stage: str, remote: str | None) -> None:
        """Nothing."""


@dataclass
class Dvc:
    """`dvc artifacts get --stage` takes the newest tag of a stage for an assignment, also one that gives it up.

    dvc/repo/artifacts.py, `get_rev`. An assignment that is newer makes it right.
    """

    name: str = "dvc"
    hint: str = "mlops-ci rollback MODEL --to VERSION makes the tag that DVC needs"

    def differs(self, book: Book, model: str, stage: str) -> str:
        champion = book.champion(model, stage)
        if champion is None or book.tags_say(model, stage):
            return ""  # what is wrong with the tags is said already
        asked = [t for t in book.tags if (t.request.model, t.request.stage) == (model, stage)]
        newest = [tag for tag in asked if not tag.problem][-1]
        if newest.commit == champion.commit:
            return ""
        return f"serves {newest.commit[:7]}: it takes {newest.name} for an assignment"

    def repair(self, book: Book, model: str, stage: str, remote: str | None) -> None:
        champion = book.champion(model, stage)
        assert champion is not None
        way = rollback.Way(held=champion.version, current=champion, target=champion)
        book, promotion = rollback.ask(book, way, "so that DVC reads it as the newest tag")
        # Of the kind that it was: nobody has rolled anything back, and a rollback still leads on from here.
        made = replace(promotion, kind=champion.kind)
        rollback.write(book, made, remote)


@dataclass
class MLflow:
    """The alias that is called as the stage."""

    settings: TrackerSettings
    registry: Registry
    name: str = "mlflow"
    hint: str = "run this again"

    def differs(self, book: Book, model: str, stage: str) -> str:
        champion, held = (
            book.champion(model, stage),
            self.registry.holder(self.settings, model, stage),
        )
        if champion is None:
            return (
                f"serves {held.git_tag}, which nothing speaks for" if held and held.git_tag else ""
            )
        wanted = writing.registration(champion)
        if held is None:
            return "serves nothing"
        served = f"version {held.number}"
        if held.git_tag != wanted.git_tag:
            return f"serves {held.git_tag or 'what no tag registered'} ({served})"
        if held.source != wanted.source:
            return f"{served} is called {held.git_tag}, and has another source: {held.source}"
        changed = [key for key, value in wanted.tags.items() if held.tags.get(key) != value]
        return f"{served} has another {changed[0]}: {held.tags.get(changed[0])}" if changed else ""

    def repair(self, book: Book, model: str, stage: str, remote: str | None) -> None:
        def show(now: Book) -> None:
            writing.serve(now, model, stage, self.registry, self.settings)

        writing.follow(book, model, stage, remote, show)


@dataclass
class GitHub:
    """The deployments of the environment that is called as the stage."""

    hub: Hub
    name: str = "github"
    hint: str = "run this again"

    def differs(self, book: Book, model: str, stage: str) -> str:
        champion = book.champion(model, stage)
        found = deployments.shown(self.hub.client, deployments.Place(model=model, stage=stage))
        if deployments.is_right(found, self._wanted(champion)):
            return ""
        active = [one.version or "what is none of ours" for one in found if one.state == "success"]
        return f"shows {' and '.join(active) or 'nothing'} as deployed"

    def _wanted(self, champion: Promotion | None) -> deployments.Wanted | None:
        return announce.deployment(champion, self.hub) if champion else None

    def repair(self, book: Book, model: str, stage: str, remote: str | None) -> None:
        def show(now: Book) -> None:
            announce.announce(now, model, stage, self.hub)

        writing.follow(book, model, stage, remote, show)
