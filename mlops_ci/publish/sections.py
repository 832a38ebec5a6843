"""What each job leaves in its check run, and the comment that is made from all of it.

A comment has no compare-and-set, so two jobs that each add to it would lose what the other wrote. Each writes to a
place of its own instead; the comment is a function of all these places at the newest head of the pull request.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import MlopsCiError, PublishError
from mlops_ci.github import checks
from mlops_ci.publish.comment import Source, body, digests
from mlops_ci.publish.shown import Shown
from mlops_ci.report import machine
from mlops_ci.report.parse import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_ci.github.client import Client
    from mlops_ci.github.marker import Marker

# The order in which a section loses what explains the numbers, never the numbers that fail.
_LOSES = ("plots", "environment", "code", "data", "params")


def text_of(shown: Shown) -> str:
    """Hidden text for a check run, as much of the report as fits. Raises PublishError when not even that does."""
    verdicts = shown.verdicts or None
    for everything in (True, False):
        data = json.loads(machine.render(shown.comparison, verdicts, everything=everything))
        for lost in ("", *_LOSES):
            for model in data["models"]:
                model.pop(lost, None) if lost == "plots" else model.update(
                    {lost: []} if lost else {}
                )
            if found := checks.packed({"declared": shown.declared, "report": data}):
                return found
    raise PublishError(
        "the report of this job is too large for its check run",
        hint="publish fewer models a job, or all of them from one job without --check-run",
    )


def shown_of(section: dict[str, Any]) -> Shown | None:
    """None for what another version wrote that this one cannot read."""
    try:
        parsed = parse(json.dumps(section["report"]).encode(), "section")
    except (KeyError, MlopsCiError):
        return None
    declared = section.get("declared") is True
    return Shown(comparison=parsed.comparison, verdicts=parsed.verdicts, declared=declared)


def newest(found: Iterable[checks.Found], app: int) -> list[tuple[checks.Identity, Shown]]:
    """Of each model the newest: a job that ran again replaces what it said before."""
    held: dict[str, tuple[checks.Identity, Shown]] = {}
    ours = [one for one in found if one.app == app and one.section]
    for one in sorted(ours, key=lambda run: (run.identity.order, run.id)):
        shown = shown_of(one.section or {})
        for model in shown.comparison.models if shown else ():
            assert shown
            held[model.model] = one.identity, shown.only([model.model])
    return [held[name] for name in sorted(held)]


class Composer:
    """Makes the body of the comment from the sections of all jobs, as often as it is asked.

    A job that finds its own section in the comment is done. One that has written the comment is done only when all
    sections are in it: so whoever writes last has seen what all others stored before, and those who store later write.
    """

    def __init__(self, client: Client, own: Source, pull: int, stored: checks.Found) -> None:
        self.client, self.own, self.pull, self.app = client, own, pull, stored.app
        shown = shown_of(stored.section or {})
        self.stored = digests([shown]) if shown else {}
        self.has_written = False

    def __call__(self, old: Marker | None) -> str | None:
        head = str(self.client.get(f"/pulls/{self.pull}")["head"]["sha"])
        if not self.has_written and old and old.head == head and self._is_in(old, head):
            return None
        source = self._at(head)
        if source is None and head != self.own.head and not (old and old.order > self.own.order):
            source = self._at(self.own.head)  # of the newest head nothing is known yet
        written = body(source, old) if source else None
        self.has_written = self.has_written or written is not None
        return written

    def _is_in(self, old: Marker, head: str) -> bool:
        own = self.stored.items() if head == self.own.head else {}.items()
        return (bool(own) or head != self.own.head) and own <= old.sections.items()

    def _at(self, head: str) -> Source | None:
        found = list(checks.listed(self.client, head, self.own.key))
        held = newest(found, self.app)
        if not held:
            return None
        run, attempt = max(identity.order for identity, _ in held)
        parts = tuple(_same_candidate([shown for _, shown in held]))
        return replace(self.own, parts=parts, head=head, run=run, attempt=attempt)


def _same_candidate(parts: list[Shown]) -> Iterator[Shown]:
    """All were measured at this head; a work tree and a checked out commit are named differently."""
    first = parts[0].comparison.candidate
    for one in parts:
        yield replace(one, comparison=replace(one.comparison, candidate=first))
