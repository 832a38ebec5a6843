"""DVC: the one reader of dvc.yaml, dvc.lock, `.dvc` pointers and the cache. It never imports dvc."""

from mlops_ci.stack.data.dvc.cache import Cache, content_hashes, find_cache
from mlops_ci.stack.data.dvc.inputs import DATA_SUFFIXES, Reason
from mlops_ci.stack.data.dvc.known import KnownPipelines
from mlops_ci.stack.data.dvc.lock import Out, lock_digest
from mlops_ci.stack.data.dvc.params import recorded_params
from mlops_ci.stack.data.dvc.pipeline import Pipeline, add_params
from mlops_ci.stack.data.dvc.project import Locked, Project
from mlops_ci.stack.data.dvc.status import StageJudge, Status, statuses
from mlops_ci.stack.data.dvc.tool import fetch, find_dvc

__all__ = [
    "DATA_SUFFIXES",
    "Cache",
    "KnownPipelines",
    "Locked",
    "Out",
    "Pipeline",
    "Project",
    "Reason",
    "StageJudge",
    "Status",
    "add_params",
    "content_hashes",
    "fetch",
    "find_cache",
    "find_dvc",
    "lock_digest",
    "recorded_params",
    "statuses",
]
