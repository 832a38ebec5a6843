"""Who said yes to a promotion, and whether somebody had to.

In a run of GitHub Actions only GitHub says who reviewed the environment that the job waited for. Elsewhere a person is
named, or is who typed the command; the Record tells the two apart.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.errors import RefusedError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.github import approvals as reviews

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops_ci.git import Repository
    from mlops_ci.model import Verdict
    from mlops_ci.promote.hub import Hub
    from mlops_ci.promote_config import Approval

Source = Literal["github", "command line"]


@dataclass(frozen=True, kw_only=True)
class Yes:
    """One approval. `environment`: that which was reviewed, "" at the command line, where it is for any stage."""

    user: str
    source: Source
    environment: str = ""
    comment: str = ""

    def as_json(self) -> dict[str, Any]:
        """As a Promotion Record holds it."""
        return {"state": "approved", **asdict(self)}


def collect(
    repository: Repository, hub: Hub | None, named: str, environ: Mapping[str, str]
) -> list[Yes]:
    """Who said yes. `named`: by --approved-by. Raises PublishError when GitHub does not tell."""
    if environ.get("GITHUB_ACTIONS") == "true":
        if named:
            raise UsageError(
                "in GitHub Actions nobody is taken at their word: the reviewers of the environment approve",
                hint="leave out --approved-by",
            )
        return [*_reviewed(hub)] if hub and hub.context.run else []
    # A build machine sets CI: nobody types there.
    person = named or ("" if environ.get("CI") else _person(repository))
    return [Yes(user=person, source="command line")] if person else []


def _reviewed(hub: Hub) -> Iterable[Yes]:
    for one in reviews.read(hub.client, hub.context.run):
        if one.state == "approved":
            yield Yes(
                user=one.user, source="github", environment=one.environment, comment=one.comment
            )


def _person(repository: Repository) -> str:
    found = repository.git("var", "GIT_COMMITTER_IDENT")
    ident = found.stdout.decode(errors="replace") if found.returncode == 0 else ""
    return ident.rpartition(">")[0] + ">" if ">" in ident else ""


def check(policy: Approval, verdict: Verdict, stage: str, given: Iterable[Yes]) -> list[Yes]:
    """The approvals that count for a stage. Raises RefusedError when one is needed and none is there."""
    counted = [one for one in given if one.source != "github" or one.environment == stage]
    if counted or (policy == "auto" and verdict.result == "pass"):
        return counted
    why = "promote.approval is manual" if policy == "manual" else f"the verdict is {verdict.result}"
    raise RefusedError(
        f"nobody has approved that {stage} is taken, and {why}",
        hint=f"a job with `environment: {stage}`, which has required reviewers, GITHUB_TOKEN and `actions: read`; "
        "elsewhere --approved-by NAME",
    )
