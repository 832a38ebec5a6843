"""What stages print, shown as it comes: without secrets, a log group for each stage on GitHub."""

from __future__ import annotations

import os
import re
import secrets
from collections import deque
from typing import TYPE_CHECKING

from mlops_ci.lineage.redaction import is_secret
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_LAST = 12
# Shorter values are words that stand everywhere.
_LEAST = 6
_PASSWORD = re.compile(r"://[^/\s:@]*:([^\s@]+)@")
_MASK = "***"


def secret_values(environ: Mapping[str, str]) -> list[str]:
    """The values of variables that are named like secrets, each line of them, longest first."""
    values = (value for name, value in environ.items() if is_secret(name))
    lines = {line.strip() for value in values for line in value.splitlines()}
    lines |= {found[1] for value in environ.values() if (found := _PASSWORD.search(value))}
    return sorted((one for one in lines if len(one) >= _LEAST), key=lambda one: (-len(one), one))


class Output:
    """`write` prints text as it is, at once. `groups`: as a log of GitHub Actions. `last`: the latest lines."""

    def __init__(
        self, write: Callable[[str], None], hidden: Iterable[str] = (), *, groups: bool = False
    ) -> None:
        self._write = write
        values = [re.escape(one) for one in hidden]
        self._hidden = re.compile("|".join(values)) if values else None
        self._groups = groups
        self._token = ""
        self.last: deque[str] = deque(maxlen=_LAST)

    def say(self, text: str) -> None:
        """A line of our own."""
        self._write(f"{self.masked(text)}\n")

    def line(self, text: str) -> None:
        """A line of a stage."""
        shown = self.masked(text)
        self.last.append(shown)
        self._write(f"{shown}\n")

    def masked(self, text: str) -> str:
        return self._hidden.sub(_MASK, text) if self._hidden else text

    def begin(self, title: str) -> None:
        """A stage begins. On GitHub nothing that it prints is taken for a command to the runner.

        https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
        """
        self.end()
        self.last.clear()
        if self._groups:
            self._token = secrets.token_hex(16)
            self._write(f"::group::{visible(title)}\n::stop-commands::{self._token}\n")
        else:
            self._write(f"▸ {visible(title)}\n")

    def end(self) -> None:
        if self._token:
            self._write(f"::{self._token}::\n::endgroup::\n")
            self._token = ""


def wants_groups(environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get("GITHUB_ACTIONS") == "true"
