"""What `dvc repro` says, as stages: which ran, which had not to, which failed and why."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from mlops_ci.lineage.run import StageRun
from mlops_ci.text import visible
from mlops_ci.train.order import from_root

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mlops_ci.lineage.run import StageResult
    from mlops_ci.train.output import Output

# https://github.com/treeverse/dvc/blob/3.67.1/dvc/stage/__init__.py, and stage/run.py and repo/reproduce.py beside it
_RUNNING = re.compile(r"Running stage '(.+)':")
_UNCHANGED = re.compile(r"Stage '(.+)' didn't change, skipping")
_CACHED = re.compile(r"Stage '(.+)' is cached - skipping run, checking out outputs")
_DONE = re.compile(r"(?:Generating|Updating) lock file '.+'")
_FAILED = re.compile(r"ERROR: failed to reproduce '(.+?)': (.*)")
# What a command is called that no dvc.yaml describes.
_COMMAND = "train"
_BLOCKER = re.compile(r"\s*(\(PID \d+\): .*)")
_ERROR = "ERROR: "
# What DVC says when all is well, for somebody who types its commands.
_HINT = re.compile(
    r"|To track the changes with git, run:|\tgit add .*|To enable auto staging, run:"
    r"|\tdvc config core.autostage true|Use `dvc push` to send your updates to remote storage\."
    r"|Data and pipelines are up to date\.|'.+' didn't change, skipping|Verifying data sources in stage: '.+'"
    r"|(?:Generating|Updating) lock file '.+'|If there are no processes with such PIDs, .*"
)


class StageLog:
    """Takes the lines of one step. `stages`: what became of each; `error`: DVC's own reason; `last`: of what failed.

    With DVC a stage is everything between its line that the stage runs and its line that the results are locked. What
    a stage prints comes the same way and may look like DVC's lines: only stages that there are count, each once, and
    whether one has failed is known at the end. `known`: their names, None for any.
    `folder`: where DVC runs, which names stages from there; here they have the names that they have from the root.
    `command`: the whole step is one stage, and this is what runs. `begun` is called when a stage begins to run.
    """

    def __init__(
        self,
        output: Output,
        command: str = "",
        environment: str = "",
        known: Collection[str] | None = None,
        begun: Callable[[], None] = lambda: None,
        folder: str = "",
    ) -> None:
        self._output = output
        self._environment = environment
        self._known = known
        self._begun = begun
        self._folder = folder
        self._is_dvc = not command
        self._blamed = ""
        self._started: tuple[str, float] | None = None
        self.stages: list[StageRun] = []
        self.error = ""
        self.last: tuple[str, ...] = ()
        if command:
            self._begin(_COMMAND)
            output.line(f"> {command}")

    def line(self, text: str) -> None:
        if not self._is_dvc:
            self._output.line(text)
        elif (found := _RUNNING.fullmatch(text)) and self._is_next(found[1]):
            self._begin(self._named(found[1]))
        elif (found := _UNCHANGED.fullmatch(text)) and self._is_next(found[1]):
            self._skipped(self._named(found[1]), "unchanged")
        elif (found := _CACHED.fullmatch(text)) and self._is_next(found[1]):
            self._skipped(self._named(found[1]), "has run before: results from the cache")
        elif found := _FAILED.fullmatch(text):
            self._blamed, self.error = self._named(found[1]), self._output.masked(found[2])
        elif self._started and _DONE.fullmatch(text):
            self._end("ran")
        elif not self._started and text.startswith(_ERROR):
            self.error = self.error or self._output.masked(text.removeprefix(_ERROR))
        elif self.error and (blocker := _BLOCKER.fullmatch(text)):
            self.error += f" {blocker[1]}"
        elif self._started or not _HINT.fullmatch(text):
            self._output.line(text)

    def ended(self, returncode: int) -> None:
        """A stage that had begun and is not done has failed, or was stopped.

        DVC can also name a stage that it could not even begin: what it needs is missing.
        """
        if returncode and self._started is None and self._blamed:
            self._add(self._blamed, "failed", 0.0)
        self._end("failed" if returncode else "ran")

    @property
    def failed(self) -> str:
        """The stage that failed, "" when none did."""
        return next((one.name for one in self.stages if one.result == "failed"), "")

    def _is_next(self, name: str) -> bool:
        """DVC runs each stage once. That of a `.dvc` file is nobody's."""
        done = {one.name for one in self.stages} | ({self._started[0]} if self._started else set())
        return self._named(name) not in done and (self._known is None or name in self._known)

    def _named(self, name: str) -> str:
        return from_root(name, self._folder)

    def _begin(self, name: str) -> None:
        self._end("ran")
        self._started = (name, time.monotonic())
        self._begun()
        self._output.begin(name)

    def _skipped(self, name: str, why: str) -> None:
        self._end("ran")
        self._output.say(f"  {visible(name)}  {why}")
        self._add(name, "skipped", 0.0)

    def _end(self, result: StageResult) -> None:
        if self._started is None:
            return
        name, started = self._started
        self._started = None
        self.last = tuple(self._output.last)
        self._output.end()
        seconds = time.monotonic() - started
        self._output.say(
            f"  {visible(name)}  {result} {'after' if result == 'failed' else 'in'} {seconds:.1f} s"
        )
        self._add(name, result, seconds)

    def _add(self, name: str, result: StageResult, seconds: float) -> None:
        self.stages.append(
            StageRun(name=name, result=result, seconds=seconds, environment=self._environment)
        )
