"""Which registry a repository uses, by what the main branch says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci.baseline import usual_ref
from mlops_ci.stack.base import TrackerSettings
from mlops_ci.tree import CommitTree

if TYPE_CHECKING:
    from mlops_ci.git import Repository


def settings(repository: Repository) -> TrackerSettings | None:
    """MLflow's address: `mlflow.tracking_uri` of the main branch, else MLFLOW_TRACKING_URI; None without one."""
    usual = usual_ref(repository)
    config = (
        configuration.load(CommitTree(repository, repository.commit(usual).oid).read)
        if usual
        else None
    )
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    uri = (config.mlflow.tracking_uri if config else None) or named
    if not uri:
        return None
    root = repository.root or repository.git_dir
    return TrackerSettings(uri=uri, root=root, trusted=uri == named or not named)
