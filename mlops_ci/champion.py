"""What is in production, beside the candidate: data only."""

from __future__ import annotations

from typing import Any

from mlops_ci.frozen import dataclass


@dataclass(frozen=True, kw_only=True)
class ChampionMetric:
    """One metric of the champion. `change`, `relative`: those of the candidate against it, as in Change."""

    name: str
    source: str
    value: Any
    change: str
    candidate: Any = None
    relative: float | None = None


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The version that holds a stage, by a Promotion Record that its tag agrees with.

    `problem`: why it may not be what is in production, "" where nothing speaks against it.
    """

    version: str
    stage: str
    commit: str
    metrics: tuple[ChampionMetric, ...] = ()
    problem: str = ""
