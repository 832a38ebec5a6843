"""A broken mlops-ci.yaml, gates on metrics that nothing writes, waivers that have expired or name nothing.

A gate on a misspelt metric fails later, in the pull request; a loosened bound is a remark, since it may be meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.checks import quick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from mlops_ci.checks.base import Scope
    from mlops_ci.finding import Finding

ID = "policy-valid"
FILE = "mlops-ci.yaml"


def check(scope: Scope, *, today: date | None = None) -> Iterator[Finding]:
    """`today`: instead of this day in UTC."""
    if not quick.existing(scope, [FILE]):
        return
    from mlops_ci.checks import policy_findings

    yield from policy_findings.find(scope, today)
