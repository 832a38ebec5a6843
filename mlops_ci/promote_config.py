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
