"""What a comment says about itself, hidden in its first line: whose it is, of which run, and how it came to this."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import asdict, field
from typing import Any

from mlops_ci.frozen import dataclass

# GitHub may store line ends as it likes; the first line is what counts.
_LINE = re.compile(r"<!-- mlops-ci (\{.*\}) -->[ \t]*(?:\r?\n|$)")
_MAX = 6_000
_PUSHES = 30


@dataclass(frozen=True, kw_only=True)
class Push:
    """One point of the trajectory: the head, and the metric that its verdict turned on by model."""

    head: str
    result: str = ""
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Marker:
    """`key`: of the set of models. `digest`: of all that is shown but the run. `sections`: model -> digest."""

    key: str
    head: str
    run: int = 0
    attempt: int = 1
    digest: str = ""
    sections: dict[str, str] = field(default_factory=dict)
    pushes: tuple[Push, ...] = ()

    @property
    def order(self) -> tuple[int, int]:
        """Runs are numbered as they are started: a greater one knows a newer head."""
        return self.run, self.attempt

    def line(self) -> str:
        """At most 6,000 characters: of what does not fit the oldest pushes go first, then the digests of sections."""
        data = asdict(self)
        data["pushes"] = [_short(push) for push in self.pushes[-_PUSHES:]]
        while len(text := _hidden(data)) > _MAX and (data["pushes"] or data["sections"]):
            if data["pushes"]:
                data["pushes"] = data["pushes"][1:]
            else:
                data["sections"] = {}
        return text


def _short(push: Push) -> dict[str, Any]:
    return {key: value for key, value in asdict(push).items() if value}


def _hidden(data: dict[str, Any]) -> str:
    """As a comment of HTML, which nothing inside can end, nor begin another."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for sign in "<>-&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f"<!-- mlops-ci {text} -->"


def read(body: str) -> Marker | None:
    """None for a comment that is not ours, or that nobody can read any more."""
    found = _LINE.match(body or "")
    if found is None or len(found[1]) > 4 * _MAX:
        return None
    with suppress(ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return _marker(json.loads(found[1]))
    return None


def _marker(data: dict[str, Any]) -> Marker:
    return Marker(
        key=str(data["key"]),
        head=str(data.get("head", "")),
        run=int(data.get("run", 0)),
        attempt=int(data.get("attempt", 1)),
        digest=str(data.get("digest", "")),
        sections={str(key): str(value) for key, value in data.get("sections", {}).items()},
        pushes=tuple(map(_push, data.get("pushes", ()))),
    )


def _push(data: dict[str, Any]) -> Push:
    values = {str(key): float(value) for key, value in data.get("values", {}).items()}
    return Push(head=str(data["head"]), result=str(data.get("result", "")), values=values)
