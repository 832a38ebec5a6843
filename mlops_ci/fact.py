"""What makes the numbers of one Snapshot less certain."""

from __future__ import annotations

from typing import Literal

from mlops_ci.frozen import dataclass


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something true of one Snapshot that makes its numbers less trustworthy, with the evidence."""

    kind: Literal["lock-mismatch", "line-endings", "dirty", "not-a-number", "not-measured"]
    message: str
    fix: str = ""
    paths: tuple[str, ...] = ()
