"""DVC: the one reader of dvc.yaml, dvc.lock, `.dvc` pointers and the cache. It never imports dvc."""

from mlops_ci.stack.data.dvc.cache import Cache, content_hashes, find_cache
from mlops_ci.stack.data.dvc.lock import Out, lock_digest
from mlops_ci.stack.data.dvc.pipeline import Pipeline, add_params
from mlops_ci.stack.data.dvc.project import Locked, Project
from mlops_ci.stack.data.dvc.tool import fetch, find_dvc

__all__ = [
    "Cache",
    "Locked",
    "Out",
    "Pipeline",
    "Project",
    "add_params",
    "content_hashes",
    "fetch",
    "find_cache",
    "find_dvc",
    "lock_digest",
]
