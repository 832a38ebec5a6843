"""Everything that GitHub shows, in an order in which nothing hides the verdict.

First what needs no right (summary and outputs), then statuses, then the rest. What GitHub refuses is collected, and
does not stop what comes after.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

from mlops_ci.errors import PublishError
from mlops_ci.frozen import dataclass
from mlops_ci.github import comments, files, statuses
from mlops_ci.github.client import DeniedError
from mlops_ci.publish import comment
from mlops_ci.publish.check_run import CheckRun
from mlops_ci.publish.sections import Composer
from mlops_ci.publish.shown import DECLARED
from mlops_ci.report import spans, step, story
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_ci.github.client import Client
    from mlops_ci.github.comments import Written
    from mlops_ci.github.context import Context
    from mlops_ci.github.marker import Marker
    from mlops_ci.publish.shown import Shown

Mode = Literal["always", "on-change", "on-failure", "never"]
_STATES: dict[str, statuses.State] = {
    "pass": "success", "warn": "success", "waived": "success",
    "fail": "failure", "inconclusive": "failure", "unarmed": "pending",
}  # fmt: skip
_SHORTENED = (
    "See the whole report in the log of the job, or make it: `mlops-ci report -o report.html`"
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """`key`: one comment for each. `root`: a work tree whose lines get annotations; None: there is none."""

    comment: Mode = "always"
    key: str = "all"
    author: str = comments.BOT
    statuses: bool = True
    check_run: bool = False
    summary: bool = True
    root: Path | None = None


@dataclass(kw_only=True)
class Delivered:
    """`refused`: what GitHub did not take. `notes`: what was left out on purpose."""

    comment: Written | None = None
    statuses: int = 0
    refused: list[PublishError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def deliver(shown: Shown, context: Context, client: Client | None, options: Options) -> Delivered:
    """`client`: None without a token; then only what the runner reads is written."""
    return _Delivery(shown, context, client, options).run()


class _Delivery:
    def __init__(
        self, shown: Shown, context: Context, client: Client | None, options: Options
    ) -> None:
        self.shown, self.context, self.client, self.options = shown, context, client, options
        self.done = Delivered()
        self.read_only = False

    def run(self) -> Delivered:
        self._write_summary()
        self._write_outputs()
        if self.client is not None:
            self._send(self.client)
        if self.context.outputs and self.done.comment:
            values = {"comment-url": self.done.comment.url, "comment": self.done.comment.action}
            files.write_outputs(self.context.outputs, values)
        if self.context.summary and self.options.summary and self.done.notes:
            files.write_summary(
                self.context.summary, "".join(f"\n> {n}\n" for n in self.done.notes)
            )
        return self.done

    def _send(self, client: Client) -> None:
        if self.options.statuses:
            self._write_statuses(client)
        run = CheckRun(client, self.shown, self.context, self.options.key)
        if self.options.check_run:
            self._try(run.start)
        try:
            self._try(lambda: self._write_comment(client, run))
        except BaseException:
            run.abandon()
            raise
        self._try(lambda: run.complete(self.options.root))

    def _try(self, step: Callable[[], None]) -> None:
        """A fork's token that may only read is no fault, and what comes after would be refused as well."""
        if self.read_only:
            return
        try:
            step()
        except DeniedError as error:
            if error.status == 403 and self.context.is_fork and not self.context.is_trusted_side:
                self.read_only = True
                self.done.notes.append(
                    "A run of a fork may not write here: no status and no comment from this job. The workflow that "
                    "runs after it publishes what was found."
                )
            else:
                self.done.refused.append(error)
        except PublishError as error:
            self.done.refused.append(error)

    def _write_summary(self) -> None:
        """All of the report, as far as the runner takes it; never cut in the middle of a table."""
        file = self.context.summary
        if file is None or not self.options.summary:
            return
        room = files.room(file)
        for limit in (10**9, room // 2, room // 4):
            page = comment.page(self.shown, limit)
            if files.write_summary(file, page):
                return
        self.done.notes.append(f"The summary of this step is full. {_SHORTENED}")

    def _write_outputs(self) -> None:
        if self.context.outputs:
            files.write_outputs(self.context.outputs, outputs(self.shown))

    def _write_statuses(self, client: Client) -> None:
        """Where a pull request has the commit of a run that is of none, its own run has set one, or will."""
        other = visible(self.context.shared, 100)
        if other and self.context.pull is None:
            self.done.notes.append(
                f"No status: {other} has the same commit, and other gates. Its own run sets one."
            )
            return
        if other:
            self.done.notes.append(
                f"No success status: {other} has the same commit, and its gates may be others. Push a commit to one of "
                "the two, or close one and run this again."
            )
        self._write_each(client)

    def _write_each(self, client: Client) -> None:
        """What is wrong with one (GitHub takes 1,000 of a context and commit) leaves the others; else they all fail."""
        for one in statuses_of(self.shown, self.context.shared):
            before = len(self.done.refused)
            self._try(lambda one=one: self._write_status(client, one))  # type: ignore[misc]
            new = self.done.refused[before:]
            if any(not isinstance(error, DeniedError) or error.status != 422 for error in new):
                return

    def _write_status(self, client: Client, one: statuses.Status) -> None:
        statuses.write(client, self.context.sha, one, self.context.run_url)
        self.done.statuses += 1

    def _write_comment(self, client: Client, run: CheckRun) -> None:
        pull, mode = self.context.pull, self.options.comment
        if pull is None or mode == "never":
            return
        place = comments.Place(pull=pull, key=self.options.key, author=self.options.author)
        source = comment.Source(
            parts=(self.shown,),
            key=self.options.key,
            head=self.context.sha,
            run=self.context.run,
            attempt=self.context.attempt,
            runs_url=self.context.runs_url,
        )
        compose: Callable[[Marker | None], str | None] = _Alone(source)
        if run.found is not None:
            compose = Composer(client, source, pull, run.found)
        create = is_wanted(self.shown, mode)
        self.done.comment = comments.upsert(client, place, compose, create=create)


class _Alone:
    """Without check runs this job knows nothing of others: it says so rather than overwrite what they found."""

    def __init__(self, source: comment.Source) -> None:
        self.source = source

    def __call__(self, old: Marker | None) -> str | None:
        own = comment.digests(self.source.parts).keys()
        newer = old is not None and old.order > self.source.order
        if old and old.head == self.source.head and old.sections:
            # Of another job of this run, or of another workflow that the same push has started.
            others = own - old.sections.keys() if newer else old.sections.keys() - own
            if others:
                raise PublishError(
                    f"another job has published for this commit, and {len(others)} models would be lost",
                    hint="give each --check-run and the permission checks: write, or a --key of its own, "
                    "or let one job publish for all",
                )
        if newer:
            return None  # a newer run has been here
        return comment.body(self.source, old)


def is_wanted(shown: Shown, mode: Mode) -> bool:
    """Whether there should be a comment where there is none; one that is there is always kept up to date."""
    if mode == "on-failure":
        return shown.result in ("fail", "inconclusive", "warn")
    return mode == "always" or (mode == "on-change" and shown.changed)


def statuses_of(shown: Shown, shared: str = "") -> list[statuses.Status]:
    """One a model with gates; none for a model without: what is required and missing blocks, as it should.

    `shared`: as in Context; no success then, since it would let the other pull request pass as well.
    """
    told = story.tell(shown.comparison, shown.verdicts or None)
    found = []
    for one in told.stories:
        state = _STATES.get(one.result)
        if state is None:
            continue
        words = spans.plain(one.headline).removeprefix(one.model.model).strip(" :")
        if shown.declared and state == "success":
            state, words = "pending", f"{DECLARED}: {words}"
        if shared and state == "success":
            state, words = "pending", f"{shared} has the same commit: {words}"
        found.append(statuses.Status(model=one.model.model, state=state, description=words))
    return found


def outputs(shown: Shown) -> dict[str, str]:
    """What later steps may ask for."""
    found = step.outputs(shown.comparison, shown.verdicts)
    return {**found, "declared": "true" if shown.declared else "false"}
