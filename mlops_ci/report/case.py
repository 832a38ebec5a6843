"""What the lines below a headline are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_ci.model import Comparison, ModelComparison, Verdict
    from mlops_ci.report.changes import Group
    from mlops_ci.report.checks import Check


@dataclass(frozen=True)
class Case:
    """All that the four lines are made from."""

    comparison: Comparison
    model: ModelComparison
    judged: Verdict
    rows: Sequence[Check]
    groups: Sequence[Group]

    @property
    def telling(self) -> list[Check]:
        """The rows that make the result, the worst first."""
        return [row for row in self.rows if row.result == self.judged.result]
