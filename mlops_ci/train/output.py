"""What stages print, shown as it comes: without secrets, a log group for each stage on GitHub."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from collections import deque
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from mlops_ci.lineage.redaction import is_secret
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_LAST = 12
# Shorter values are words that stand everywhere.
_LEAST = 6
_PASSWORD = re.compile(r"://[^/\s:@]*:([^\s@]+)@")
# In what is printed a port and a path may come before an @ that is none of the address.
_IN_ADDRESS = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_MASK = "***"
_URL_SAFE = str.maketrans("+/", "-_")
_LONGEST = 64 * 1024


def secret_values(environ: Mapping[str, str]) -> list[str]:
    """The values of variables that are named like secrets, each line of them and as it is often written, longest first.

    As GitHub masks them: https://github.com/actions/runner/blob/main/src/Sdk/DTLogging/Logging/ValueEncoders.cs
    """
    values = (value for name, value in environ.items() if is_secret(name))
    lines = {line.strip() for value in values for line in value.splitlines()}
    lines |= {found[1] for value in environ.values() if (found := _PASSWORD.search(value))}
    plain = [one for one in lines if len(one) >= _LEAST]
    written = {form for one in plain for form in (one, *_written(one)) if len(form) >= _LEAST}
    return sorted(written, key=lambda one: (-len(one), one))


def _written(value: str) -> Iterator[str]:
    """In JSON, in an address, in HTML, in hex; in Base64 wherever in a longer text it begins, or as all of it."""
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    for safe in ("", "/", "/:@"):
        for coded in (quote, quote_plus):
            text = coded(value, safe=safe, errors="surrogateescape")
            yield text
            yield re.sub("%..", lambda found: found[0].lower(), text)
    yield escape(value)
    content = value.encode("utf-8", "surrogateescape")
    yield from (content.hex(), content.hex().upper())
    for whole_text in (content, content + b"\n"):  # the second as `echo` hands it on
        yield base64.b64encode(whole_text).decode("ascii")
        yield base64.urlsafe_b64encode(whole_text).decode("ascii")
    for before, shared in enumerate((0, 2, 3)):
        text = base64.b64encode(b"\0" * before + content).decode("ascii")
        whole = (before + len(content)) * 8 // 6
        yield text[shared:whole]
        yield text[shared:whole].translate(_URL_SAFE)


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
        if self._groups and not self._token:  # where the runner looks for commands
            shown = visible(shown, _LONGEST)
        self.last.append(shown)
        self._write(f"{shown}\n")

    def masked(self, text: str) -> str:
        text = self._hidden.sub(_MASK, text) if self._hidden else text
        return _IN_ADDRESS.sub(lambda found: found[0].replace(found[1], _MASK), text)

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
