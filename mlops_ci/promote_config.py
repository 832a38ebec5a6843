"""Promotion as `mlops-ci.yaml` writes it: part of the config, see config.py."""

from __future__ import annotations

from typing import Literal

from mlops_ci.frozen import dataclass
from mlops_ci.typed import doc

Approval = Literal["manual", "auto"]


@dataclass(frozen=True, kw_only=True)
class PromoteConfig:
    """How a version takes a stage."""

    approval: Approval = doc(
        "Who lets a version take a stage. manual: a person, as a reviewer of the GitHub environment of that name, or "
        "who types the command; auto: nobody has to, where all gates pass. A warning always needs a person. Read on "
        "the main branch.",
        default="manual",
    )
    merged: bool = doc(
        "true: only commits that the main branch contains take a stage, so that its rules have been asked of every "
        "number that is judged; false: those of any branch do. Read on the main branch.",
        default=False,
    )
