"""What MLflow calls a model, a stage and the Git tag behind a version, on a server as in a file."""

from __future__ import annotations

import re

from mlops_ci.errors import UsageError

GIT_TAG = "mlops_ci.git_tag"
MODEL = "mlops_ci.model"
# MLflow's own rules: mlflow/utils/validation.py, _REGISTERED_MODEL_ALIAS_REGEX and what it reserves.
_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}")
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)


def name_of(model: str) -> str:
    """MLflow's name for a model: it has no `/` and no `:` in names."""
    return re.sub(r"[:/]", ".", model)


def alias_of(stage: str) -> str:
    """MLflow's alias for a stage. Raises UsageError for one that MLflow keeps for itself."""
    # No stage ends in `-`, so none without `/` has such an alias; `_` is doubled, so that `_-` is always a `/`.
    alias = f"{stage.replace('_', '__').replace('/', '_-')}-" if "/" in stage else stage
    if not _ALIAS.fullmatch(alias) or _RESERVED.fullmatch(alias):
        raise UsageError(
            f"the stage {stage!r} cannot be an alias in MLflow, which keeps `latest` and `v1` for itself",
            hint="call the stage otherwise",
        )
    return alias
