"""Commits on their way to a remote whose data no remote has: DVC and Git LFS.

Only what the push brings is looked at: files that its commits write. The remotes are asked, the data is not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.checks import dvc_pushed, lfs_pushed
from mlops_ci.checks.pushed import Pushed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope
    from mlops_ci.finding import Finding

ID = "data-pushed"


def check(scope: Scope) -> Iterator[Finding]:
    pushed = Pushed(scope)
    yield from dvc_pushed.find(scope, pushed)
    yield from lfs_pushed.find(scope, pushed)
