"""The repository on GitHub that promotions are shown on, where there is one and a token for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.errors import UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.github import context
from mlops_ci.github.client import Client, token_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_ci.github.context import Context

_NO_COMMIT = "0" * 40


@dataclass(frozen=True, kw_only=True)
class Hub:
    client: Client
    context: Context


def connect(environ: Mapping[str, str], *, wanted: bool | None = None) -> Hub | None:
    """`wanted`: None: where GITHUB_REPOSITORY and GITHUB_TOKEN are set; True: raises UsageError where they are not."""
    token, repository = token_of(environ), environ.get("GITHUB_REPOSITORY", "")
    if wanted is False or (wanted is None and not (token and repository)):
        return None
    if not token:
        raise UsageError("GITHUB_TOKEN is not set", hint="env: GITHUB_TOKEN: ${{ github.token }}")
    # Nothing here is about what the run was started for: of a `workflow_run`, approvals would be those of the other.
    alone = {"GITHUB_SHA": _NO_COMMIT, "GITHUB_EVENT_NAME": "", "GITHUB_EVENT_PATH": ""}
    found = context.read({**environ, **alone})
    return Hub(client=Client(found.api, found.repository, token), context=found)
