"""A repository in a state that a commit can be in, and the checks run on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops_ci.checks import catalog
from mlops_ci.checks.run import run_checks
from mlops_ci.checks.scope import Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.finding import Finding


@pytest.fixture
def judge(repo) -> Callable[..., list[Finding]]:
    """`judge("half-commit")`, or `judge("half-commit", all_files=True)`: the findings in `repo`."""

    def judged(check: str, **asked) -> list[Finding]:
        return run_checks(repo.path, [catalog.entry(check)], Asked(**asked)).findings

    return judged
