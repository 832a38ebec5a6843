"""What a tag's name asks for: the grammar of GTO, and plain versions.

Source: https://github.com/iterative/gto, `gto/constants.py` and `gto/tag.py` of 1.10. Read without importing gto,
whose import takes a second.
"""

from __future__ import annotations

import re
from typing import Literal

from mlops_ci.frozen import dataclass

# register: MODEL@v1.2.3, assign: MODEL#STAGE, each followed by ! to take it back; deprecate: MODEL@deprecated.
# A counter has no limit in GTO; no tool writes one of 19 digits.
# release: v1.2.3 alone, in a repository with one model. reserved: MODEL@created, which crashes GTO itself.
Kind = Literal["register", "deregister", "assign", "unassign", "deprecate", "release", "reserved"]

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9-/_]*[a-zA-Z0-9])?"
_NUMBER = r"(?:0|[1-9]\d*)"
_PRERELEASE_PART = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
# https://semver.org, "Is there a suggested regular expression (RegEx) to check a SemVer string?"
_VERSION = (
    rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-{_PRERELEASE_PART}(?:\.{_PRERELEASE_PART})*)?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
_REQUEST = re.compile(
    rf"(?P<model>(?:[a-zA-Z0-9-_./]+=)?{_NAME})"
    rf"(?:(?:\#(?P<stage>{_NAME})|@(?P<version>{_VERSION}))(?P<cancel>!?)"
    r"|@(?P<word>deprecated|created))(?:\#(?P<counter>[0-9]{1,18}))?",
    re.ASCII,
)
_RELEASE = re.compile(_VERSION, re.ASCII)
_BY_WORD: dict[str, Kind] = {"deprecated": "deprecate", "created": "reserved"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one tag asks for. `model` is `folder:name`, as DVC and GTO show it; "" in a `release`.

    `version` is `v1.2.3`; `counter` is the number that keeps tag names apart, and says nothing of their order.
    """

    kind: Kind
    model: str = ""
    version: str = ""
    stage: str = ""
    counter: int | None = None

    @property
    def tag(self) -> str:
        """The name of the tag that makes this request."""
        cancel = "!" if self.kind in ("deregister", "unassign") else ""
        counter = "" if self.counter is None else f"#{self.counter}"
        name = self.model.replace(":", "=")
        if self.kind == "release":
            return self.version
        if self.version:
            return f"{name}@{self.version}{cancel}{counter}"
        if self.stage:
            return f"{name}#{self.stage}{cancel}{counter}"
        return f"{name}@{'created' if self.kind == 'reserved' else 'deprecated'}{counter}"


def parse(tag: str) -> Request | None:
    """What the name of a tag asks for; None for a name that asks for nothing."""
    if _RELEASE.fullmatch(tag):
        return Request(kind="release", version=tag)
    found = _REQUEST.fullmatch(tag)
    if found is None:
        return None
    return Request(
        kind=_kind(found),
        model=found["model"].replace("=", ":"),
        version=found["version"] or "",
        stage=found["stage"] or "",
        counter=int(found["counter"]) if found["counter"] else None,
    )


def _kind(found: re.Match[str]) -> Kind:
    if found["word"]:
        return _BY_WORD[found["word"]]
    if found["version"]:
        return "deregister" if found["cancel"] else "register"
    return "unassign" if found["cancel"] else "assign"


def precedence(version: str) -> tuple[object, ...]:
    """A sort key for `v1.2.3-rc.1+build`, by section 11 of https://semver.org: build metadata does not count."""
    core, _, prerelease = version[1:].partition("+")[0].partition("-")
    numbers = tuple(int(number) for number in core.split("."))
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in prerelease.split(".")
    )
    return (*numbers, not prerelease, parts if prerelease else ())
