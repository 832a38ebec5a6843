"""The check run of one job: in progress with what the job found, completed with annotations, never left hanging."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from mlops_ci.errors import MlopsCiError
from mlops_ci.github import checks
from mlops_ci.github.client import LostError
from mlops_ci.publish import comment, sections
from mlops_ci.report import spans, story
from mlops_ci.text import plural

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_ci.github.checks import Conclusion, Found
    from mlops_ci.github.client import Client
    from mlops_ci.github.context import Context
    from mlops_ci.publish.shown import Shown

_CONCLUSIONS: dict[str, Conclusion] = {
    "pass": "success", "warn": "success", "waived": "success",
    "fail": "failure", "inconclusive": "failure",
}  # fmt: skip
# Seconds to wait for each other job that is publishing, and at most.
_EACH, _LONGEST = 0.15, 15.0
# The whole report is in the summary of the job; all check runs of a commit are listed together, often.
_SUMMARY = 20_000
_CANCELLED = "mlops-ci was stopped before it had published"


class CheckRun:
    def __init__(self, client: Client, shown: Shown, context: Context, key: str) -> None:
        self.client, self.shown, self.context = client, shown, context
        names = [one.model for one in shown.comparison.models]
        digest = hashlib.sha256("\0".join(names).encode("utf-8", "backslashreplace")).hexdigest()
        self.identity = checks.Identity(
            key=key, job=digest[:12], run=context.run, attempt=context.attempt
        )
        self.name = f"mlops-ci: {names[0] if len(names) == 1 else plural(len(names), 'model')}"
        self.found: Found | None = None

    def start(self) -> None:
        rivals = self._look_around()
        self.found = checks.start(
            self.client, self.context.sha, self.name, self.identity, self._output()
        )
        # One of those that publish at this moment will write the comment for most of the others.
        self.client.hesitate(min(_LONGEST, rivals * _EACH))

    def complete(self, root: Path | None) -> None:
        """When nobody knows whether annotations came through, it is completed without: twice would be worse."""
        if self.found is None:
            return
        from mlops_ci.publish import annotations

        notes = annotations.find(self.shown, root) if root else []
        conclusion = _CONCLUSIONS.get(self.shown.result, "neutral")
        if (self.shown.declared or self.context.shared) and conclusion == "success":
            conclusion = "neutral"
        try:
            checks.finish(self.client, self.found, conclusion, self._output(), notes)
        except LostError:
            checks.finish(self.client, self.found, conclusion, self._output())

    def abandon(self) -> None:
        """On the way out, whatever happened."""
        if self.found is not None:
            with suppress(MlopsCiError):
                checks.cancel(self.client, self.found, _CANCELLED)

    def _look_around(self) -> int:
        """How many others are at it; what an earlier attempt of this job left when it was killed is completed."""
        rivals = 0
        for one in checks.listed(self.client, self.context.sha, self.identity.key):
            if one.status == "completed":
                continue
            older = one.identity.order < self.identity.order
            if one.identity.job == self.identity.job and older:
                checks.cancel(self.client, one, _CANCELLED)
            else:
                rivals += 1
        return rivals

    def _output(self) -> checks.Output:
        told = story.tell(self.shown.comparison, self.shown.verdicts or None)
        return checks.Output(
            title=spans.plain(told.headline),
            summary=comment.page(self.shown, _SUMMARY),
            text=sections.text_of(self.shown),
        )
