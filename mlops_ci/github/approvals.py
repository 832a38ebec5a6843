"""Who has let this run go on: reviews of the environments that its jobs wait for.

https://docs.github.com/rest/actions/workflow-runs#get-the-review-history-for-a-workflow-run
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.github.client import Client

# What GitHub itself calls an account that was deleted since: https://github.com/ghost
_GONE = "ghost"


@dataclass(frozen=True, kw_only=True)
class Review:
    """`state`: `approved`, `rejected` or `pending`."""

    user: str
    state: str
    environment: str
    comment: str


def read(client: Client, run: int) -> Iterator[Review]:
    """The reviews of a run, one an environment. Raises PublishError."""
    for one in client.get(f"/actions/runs/{run}/approvals"):
        for environment in one["environments"]:
            yield Review(
                user=str((one.get("user") or {}).get("login") or _GONE),
                state=str(one["state"]),
                environment=str(environment.get("name", "")),
                comment=str(one.get("comment") or ""),
            )
