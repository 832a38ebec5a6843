"""What of a whole config another one judges less strictly: in every profile, and where the numbers come from. Pure."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.config import ModelConfig
from mlops_ci.gates.loosened import Loosened, loosened
from mlops_ci.gates.policy import policy_of
from mlops_ci.profile_config import AT_MERGE, AT_PROMOTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.config import Config
    from mlops_ci.gates.policy import Policy


def in_config(before: Config, after: Config, model: str) -> list[Loosened]:
    """Each once: in a profile only what is not so without one. Nothing where `before` judges nothing."""
    if not policy_of(before, model, rev="").judges:
        return []
    found = loosened(_policy(before, model, ""), _policy(after, model, ""))
    shared = list(found)
    for profile in sorted({*before.profiles, *after.profiles}):
        there = loosened(_policy(before, model, profile), _policy(after, model, profile))
        own = (one for one in there if one not in shared)
        found += [replace(one, what=f"{one.what} in profile {profile}") for one in own]
    return [*found, *_measured(before, after, model)]


def _policy(config: Config, model: str, profile: str) -> Policy:
    """As it is found: a stage without a profile of its name is judged by that of production."""
    usual = () if profile in ("", *AT_MERGE) else AT_PROMOTION
    chosen = next((one for one in (profile, *usual) if one in config.profiles), "")
    return policy_of(config, model, rev="", profile=chosen)


def _measured(before: Config, after: Config, model: str) -> Iterator[Loosened]:
    """Another file, run or branch may hold better numbers: which of two is stricter nobody can tell."""
    old, new = (config.models.get(model, ModelConfig()) for config in (before, after))
    files = {posixpath.normpath(posixpath.join(new.path, one)) for one in new.metrics_files}
    for one in old.metrics_files:
        if posixpath.normpath(posixpath.join(old.path, one)) not in files:
            yield Loosened(gate="", what=f"models.{model}.metrics_files without {one}")
    for what, was, now in (
        (f"models.{model}.path", old.path, new.path),
        (f"models.{model}.mlflow", old.mlflow, new.mlflow),
        ("mlflow", before.mlflow, after.mlflow),
        ("train.seed_metrics", before.train.seed_metrics, after.train.seed_metrics),
        ("baseline.ref", before.baseline.ref, after.baseline.ref),
    ):
        if was != now:
            yield Loosened(gate="", what=f"{what} changed")
    if (before.forks, after.forks) == ("declared", "trust"):
        yield Loosened(gate="", what="forks declared → trust")
