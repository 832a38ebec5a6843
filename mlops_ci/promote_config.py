"""Promotion as `mlops-ci.yaml` writes it: part of the config, see config.py."""

from __future__ import annotations

from typing import Literal

from mlops_ci.frozen import dataclass
from mlops_ci.typed import doc

Approval = Literal["manual", "auto"]
Evidence = Literal["merged", "reevaluated", "recorded"]


@dataclass(frozen=True, kw_only=True)
class PromoteConfig:
    """How a version takes a stage."""

    approval: Approval = doc(
        "Who lets a version take a stage. manual: a person, as a reviewer of the GitHub environment of that name, or "
        "who types the command; auto: nobody has to, where all gates pass. A warning always needs a person. Read on "
        "the main branch.",
        default="manual",
    )
    evidence: Evidence = doc(
        "What has to stand behind the metrics that a version is judged by: a Record is not signed. merged: its commit "
        "is one that the main branch had, so that its rules have been asked of every number; reevaluated: that, and "
        "they are measured once more, from nothing, before anything moves; recorded: dvc.lock and the Record alone, "
        "which whoever may push a branch, notes and tags can write. Read on the main branch.",
        default="merged",
    )
    max_age: int | None = doc(
        "How many days old what speaks for a version may be: the end of its training, by its Record, or its commit; "
        "the older of the two counts. Without it any age will do. A rollback never asks. Read on the main branch.",
        schema={"minimum": 1},
        default=None,
    )

    production: str = doc(
        "The stage that is production: what reports show beside a change, and what a drill restores without a tag. "
        "Default: prod, or production where nothing holds prod. Read on the main branch.",
        default="",
    )

    def __post_init__(self) -> None:
        if self.max_age is not None and self.max_age < 1:
            raise ValueError("max_age", "needs a whole number of 1 or more")
