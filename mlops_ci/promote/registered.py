"""What the main branch says of promotions: its config, and which registry the repository uses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci.baseline import usual_ref
from mlops_ci.git.tree import CommitTree
from mlops_ci.stack.base import TrackerSettings

if TYPE_CHECKING:
    from mlops_ci.git import Repository


def config(repository: Repository) -> configuration.Config:
    """That of the main branch: whoever asks for a stage cannot choose what is asked of them."""
    usual = usual_ref(repository)
    if usual is None:
        return configuration.Config()
    tree = CommitTree(repository, repository.commit(usual).oid)
    return configuration.load(tree.read) or configuration.Config()


def settings(repository: Repository) -> TrackerSettings | None:
    """MLflow's address: `mlflow.tracking_uri` of the main branch, else MLFLOW_TRACKING_URI; None without one."""
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    uri = config(repository).mlflow.tracking_uri or named
    if not uri:
        return None
    root = repository.root or repository.git_dir
    return TrackerSettings(uri=uri, root=root, trusted=uri == named or not named)
