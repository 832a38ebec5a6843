"""What the demo prints: headings, the commands it runs, and a line for each stage as it works."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_RUNNING = re.compile(r"▸ (.+)")
_UNCHANGED = re.compile(r"  (.+)  unchanged")
_RAN = re.compile(r"  .+  ran in .+")


class Screen:
    """`write` prints text as it is, at once. `colour`: ANSI escapes."""

    def __init__(self, write: Callable[[str], None], *, colour: bool) -> None:
        self.write = write
        self.colour = colour
        self._stage = False
        self._said = ""

    def line(self, words: str = "") -> None:
        self.write(f"{words}\n")

    def heading(self, words: str) -> None:
        self.line()
        self.line(self._paint("1", words))

    def dim(self, words: str) -> None:
        self.line(self._paint("2", words))

    def command(self, words: Sequence[str]) -> None:
        self.line(self._paint("36", f"$ {shlex.join(words)}"))

    def quote(self, line: str) -> None:
        """A line of what a command prints."""
        self.line(f"  {line}" if line else "")

    def progress(self, line: str) -> None:
        """A line of `mlops-ci train`: a stage's name at its start, and beside it the last thing that it says."""
        if running := _RUNNING.fullmatch(line):
            self._begin(running[1])
        elif unchanged := _UNCHANGED.fullmatch(line):
            self._begin(unchanged[1])
            self._end("unchanged, skipped")
        elif self._stage and _RAN.fullmatch(line):
            self._end(self._said)
        self._said = line

    def _begin(self, stage: str) -> None:
        self.write(f"  {stage:<9} ")
        self._stage = True

    def _end(self, words: str) -> None:
        self.dim(words)
        self._stage = False

    def _paint(self, code: str, words: str) -> str:
        return f"\x1b[{code}m{words}\x1b[0m" if self.colour else words
