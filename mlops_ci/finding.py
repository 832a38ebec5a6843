"""What a check says."""

from __future__ import annotations

from typing import Literal, NamedTuple

FindingLevel = Literal["error", "warning", "note"]


class Finding(NamedTuple):
    """One problem, or one thing that could not be decided (`undecided`: `what` is the reason, `fix` what would decide).

    `rule`: id of the check, and a sub-rule after a slash. `path`: from the root of the repository. `line` and `column`
    count from 1; 0 is the whole file. `fix`: the exact command or edit. Only the level `error` fails.
    """

    rule: str
    path: str
    what: str
    why: str = ""
    fix: str = ""
    line: int = 0
    column: int = 0
    level: FindingLevel = "error"
    undecided: bool = False

    @property
    def check(self) -> str:
        return self.rule.partition("/")[0]


def exit_code(findings: list[Finding]) -> int:
    """0 fine, 1 with a finding that fails, else 3 with one that could not be decided."""
    failing = [finding for finding in findings if finding.level == "error"]
    if any(not finding.undecided for finding in failing):
        return 1
    return 3 if failing else 0
