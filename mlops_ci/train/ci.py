"""Where a run runs, as GitHub Actions tells it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_ci.lineage.run import CiContext

if TYPE_CHECKING:
    from collections.abc import Mapping


def context(environ: Mapping[str, str] = os.environ) -> CiContext | None:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/variables"""
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    server, repository, run, attempt = (
        environ.get(f"GITHUB_{name}", "")
        for name in ("SERVER_URL", "REPOSITORY", "RUN_ID", "RUN_ATTEMPT")
    )
    url = f"{server}/{repository}/actions/runs/{run}/attempts/{attempt or 1}" if run else ""
    return CiContext(
        provider="github", run_url=url, workflow_ref=environ.get("GITHUB_WORKFLOW_REF", "")
    )
