"""Commit statuses: what branch protection can require.

https://docs.github.com/rest/commits/statuses
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlops_ci.frozen import dataclass
from mlops_ci.text import visible

if TYPE_CHECKING:
    from mlops_ci.github.client import Client

State = Literal["success", "failure", "pending"]
PREFIX = "mlops-ci/"
_MAX_CONTEXT, _MAX_DESCRIPTION = 255, 140


@dataclass(frozen=True, kw_only=True)
class Status:
    model: str
    state: State
    description: str

    @property
    def context(self) -> str:
        """The same for the same model, for ever: whoever requires it has written it down."""
        return visible(PREFIX + self.model, _MAX_CONTEXT)


def write(client: Client, sha: str, status: Status, url: str) -> None:
    """The newest of a context counts, so that to write it twice is as good as once."""
    body = {
        "state": status.state,
        "context": status.context,
        "description": visible(status.description, _MAX_DESCRIPTION),
        **({"target_url": url} if url else {}),
    }
    client.post(f"/statuses/{sha}", body, repeatable=True)
