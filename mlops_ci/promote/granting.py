"""A tag asks; this answers. What is granted is written down first, and everything else follows from that."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlops_ci.baseline import usual_ref
from mlops_ci.diff import Request
from mlops_ci.errors import RefusedError
from mlops_ci.frozen import dataclass
from mlops_ci.gate import gate, gate_first
from mlops_ci.profile_config import AT_PROMOTION
from mlops_ci.promote import age, approving, artifacts, evidence, registered
from mlops_ci.promote.ledger import Promotion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_ci.git import Repository
    from mlops_ci.lineage.statement import Descriptor
    from mlops_ci.model import Outcome, Verdict
    from mlops_ci.promote.approving import Yes
    from mlops_ci.promote.book import Book
    from mlops_ci.promote.evidence import Evidence
    from mlops_ci.promote.stages import Holder

_NO_GATES = "gates: [{metric: accuracy, threshold: {min: 0.9}}] in mlops-ci.yaml of the main branch"
_UNMERGED = (
    "write it to a metrics file; one that only MLflow has counts with promote: {evidence: recorded}"
)
_BLAMED = 3


@dataclass(frozen=True, kw_only=True)
class Granted:
    """`before`: it had been granted already. `champion`: the Promotion that it follows, None for the first."""

    promotion: Promotion
    champion: Promotion | None
    verdict: Verdict
    before: bool = False


def examine(
    book: Book, name: str, approvals: Sequence[Yes] = (), profile: str | None = None
) -> Granted:
    """What the Promotion of this tag is, or would be. Nothing is written. Raises RefusedError with the reason.

    `approvals`: see `approving`. What was granted before is examined again: a note that says so could be anybody's.
    `profile`: which of the gates' judges; without it that with the name of the stage, else `production`, when they
    are there.
    """
    asked = book.asked(name)
    config = registered.config(book.repository).promote
    book.check_not_lost(asked.model, asked.holder.stage)
    champion = book.champion(asked.model, asked.holder.stage, but=name)
    model = artifacts.find(book.repository, asked.holder.tag.commit, asked.model)
    proof = evidence.gather(book.repository, model)
    if config.max_age is not None:
        age.check(book.repository, model, proof.trained, config.max_age)
    merged = config.evidence != "recorded"
    request = _request(book.repository, asked.holder, model.name, tracked=not merged)
    verdict = _verdict(request, book.repository, asked.holder, champion, profile)
    if merged:
        _check_merged(book.repository, asked.holder)
    yes = approving.check(config.approval, verdict, asked.holder.stage, approvals)
    granted = book.granted(asked)
    before = champion.version if champion else ""
    facts = _facts(proof, verdict, champion, yes)
    promotion = granted or promotion_of(asked.model, asked.holder, before, proof.subject, facts)
    if granted and granted.subject != proof.subject:
        raise RefusedError(f"the Promotion Record of {name} is of other bytes than the model is")
    return Granted(promotion=promotion, champion=champion, verdict=verdict, before=bool(granted))


def _check_merged(repository: Repository, holder: Holder) -> None:
    """A Record is not signed: that the main branch had this commit is what others than its author have seen of it.

    Its own history, parent by first parent: what a merged branch had in between was shown to no reviewer.
    """
    commit, main = holder.tag.commit, usual_ref(repository) or "HEAD"
    asked = ("rev-list", "--first-parent", main, "--not", f"{commit}^@")
    found = repository.git(*asked)
    if found.returncode or commit not in found.stdout.decode().split():
        raise RefusedError(
            f"{holder.version} at {commit[:7]} was never the main branch: only its author vouches for its metrics",
            hint="merge it, and tag the commit on the main branch"
            + ("; this clone is shallow: git fetch --unshallow" if repository.shallow else ""),
        )


def promotion_of(
    model: str,
    holder: Holder,
    predecessor: str,
    subject: tuple[Descriptor, ...],
    facts: dict[str, Any],
) -> Promotion:
    """The answer to the tag of `holder`. `predecessor`: the version it follows, "" for the first."""
    run = os.environ
    server, repository = run.get("GITHUB_SERVER_URL"), run.get("GITHUB_REPOSITORY")
    url = f"{server}/{repository}/actions/runs/{run.get('GITHUB_RUN_ID')}"
    where = {"by": run.get("GITHUB_ACTOR", ""), "run": url if run.get("GITHUB_RUN_ID") else ""}
    return Promotion(
        kind="promote",
        model=model,
        version=holder.version,
        stage=holder.stage,
        tag=holder.tag.name,
        tag_oid=holder.tag.oid,
        commit=holder.tag.commit,
        predecessor=predecessor,
        subject=subject,
        facts={**facts, **where, "promotedOn": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"},
    )


def _request(repository: Repository, holder: Holder, model: str, *, tracked: bool) -> Request:
    """What MLflow has for the commit is no part of it where a merge is the evidence: nobody merged that."""
    start = repository.root or repository.git_dir
    return Request(
        start=start, head=holder.tag.commit, models=(model,), exact=True, tracked=tracked
    )


def _verdict(
    request: Request,
    repository: Repository,
    holder: Holder,
    champion: Promotion | None,
    profile: str | None,
) -> Verdict:
    """Afresh, against what holds the stage now, by the gates at the tip of the main branch."""
    main = usual_ref(repository)
    if main is None:
        what = "no main branch is in this clone, and its gates decide"
        raise RefusedError(what, hint="git fetch origin main:refs/remotes/origin/main")
    policy = repository.commit(main).oid
    usual = (holder.stage, *AT_PROMOTION)
    if champion is None:
        found = gate_first(request, policy, profile=profile, usual=usual)
    else:
        request = replace(request, base=champion.commit)
        found = gate(request, policy, profile=profile, usual=usual)
    (model,) = request.models
    verdict = found.verdicts[model]
    if verdict.result not in ("pass", "warn"):
        raise _refusal(holder, champion, verdict, tracked=request.tracked)
    return verdict


def _refusal(
    holder: Holder, champion: Promotion | None, verdict: Verdict, *, tracked: bool
) -> RefusedError:
    if verdict.result in ("no gates", "unarmed"):
        return RefusedError(f"no gate of the main branch judges {holder.version}", hint=_NO_GATES)
    wrong = [o for kind in ("fail", "inconclusive") for o in verdict.outcomes if o.result == kind]
    reasons = "; ".join(map(_blamed, wrong[:_BLAMED]))
    against, base = (f" against {champion.version}", champion.commit[:7]) if champion else ("", "")
    as_ = f" --profile {verdict.profile}" if verdict.profile else ""
    hint = f"mlops-ci gate --exact{as_} {base or holder.tag.commit[:7]} {holder.tag.commit[:7]}"
    if not tracked and any(one.value is None for one in wrong):
        hint = _UNMERGED
    return RefusedError(f"{holder.version}{against}: {verdict.result}: {reasons}", hint=hint)


def _blamed(one: Outcome) -> str:
    doubt = "cannot tell: " if one.result == "inconclusive" else ""
    return f"{one.metric}: {doubt}{one.reason}"


def _facts(
    proof: Evidence, verdict: Verdict, champion: Promotion | None, approvals: Sequence[Yes]
) -> dict[str, Any]:
    judged = {
        "result": verdict.result,
        "policy": verdict.policy_digest,
        "policyRevision": verdict.policy_rev,
        **({"profile": verdict.profile} if verdict.profile else {}),
        "against": champion.version if champion else "",
    }
    before = [{"sha256": digest, "result": result} for digest, result in proof.judged]
    return {
        "record": {"sha256": proof.record},
        "verdict": judged,
        **({"judgedBefore": before} if before else {}),
        "approvals": [one.as_json() for one in approvals],
    }
