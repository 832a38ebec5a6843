"""What is published, and for which pull request: from files that jobs have written, believed as far as their run is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.config import Config
from mlops_ci.errors import PublishError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.github import pulls
from mlops_ci.model import Origin
from mlops_ci.publish.shown import Shown, joined
from mlops_ci.report.parse import FOREIGN, OURS, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlops_ci.github.client import Client
    from mlops_ci.github.context import Context
    from mlops_ci.github.pulls import Pull
    from mlops_ci.report.parse import Limits, Parsed


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """`shown`: None when there is nothing to publish for, which `why` says."""

    shown: Shown | None
    context: Context
    why: str = ""


def from_files(paths: Sequence[Path]) -> Shown:
    """Of jobs of this very run, with their verdicts."""
    parts = []
    for path in paths:
        parsed = _read(path, OURS)
        unjudged = [
            one.model for one in parsed.comparison.models if one.model not in parsed.verdicts
        ]
        if unjudged:
            raise UsageError(
                f"{path} has no verdict on {unjudged[0]!r}",
                hint="write it with mlops-ci gate --json",
            )
        parts.append(Shown(comparison=parsed.comparison, verdicts=parsed.verdicts))
    return joined(parts)


def of_run(
    client: Client, context: Context, paths: Sequence[Path], profile: str | None = None
) -> Gathered:
    """Of another run that may have run anybody's code: the pull request is looked up, the verdict computed here."""
    from mlops_ci.publish.declared import (
        base_config,
        judged,
    )  # the gates; a job of our own need not load them
    from mlops_ci.publish.own_gates import shown_too

    pull = pulls.of_run(client, context)
    if pull is None:
        return Gathered(shown=None, context=context, why="no open pull request has this branch")
    context = replace(context, pull=pull.number, base=pull.base)
    if pull.head != context.sha:
        why = f"#{pull.number} has moved on to {pull.head[:7]}: its own run will be published"
        return Gathered(shown=None, context=context, why=why)
    parsed = [_read(path, FOREIGN) for path in paths]
    commit = pulls.tip(client, pull.base)
    read = pulls.reader(client, commit)
    config = base_config(read, commit)
    shown = judged(
        _at(_whole(parsed), pull.head),
        config,
        commit,
        is_fork=pull.is_fork,
        profile=profile,
        has_seeds=read((config or Config()).train.seed_metrics) is not None,
    )
    shown = shown_too(shown, client, config, commit, pull.head, profile)
    return Gathered(shown=shown, context=context)


def _read(path: Path, limits: Limits) -> Parsed:
    try:
        with path.open("rb") as file:
            raw = file.read(limits.size + 1)
    except OSError as error:
        hint = "write it with: mlops-ci gate --json --all > gate.json"
        raise UsageError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    return parse(raw, str(path), limits)


def _whole(parsed: Sequence[Parsed]) -> Parsed:
    """One report of all, so that a model that none of them has is missed once."""
    shown = joined([Shown(comparison=one.comparison, verdicts={}) for one in parsed])
    complete = all(one.complete for one in parsed)
    return replace(parsed[0], comparison=shown.comparison, complete=complete)


def _at(parsed: Parsed, head: str) -> Parsed:
    """The head that GitHub knows: readers copy commands that check it out, and have read the diff of no other one."""
    candidate = Origin(rev=head, commit=head)
    return replace(parsed, comparison=replace(parsed.comparison, candidate=candidate))


def named(client: Client, context: Context) -> Pull | None:
    """The pull request that was named, or that a comment is on; None where the event tells all of it.

    Raises PublishError when GitHub does not tell, UsageError for one of a fork: not every event that names one is
    started by somebody who has read it, and unlike in `pull_request` the token may write.
    """
    known = context.event.startswith("pull_request") and not context.is_named
    if context.pull is None or known:
        return None
    pull = pulls.named(client, context.pull)
    if pull.is_fork and context.event:
        raise UsageError(
            f"#{pull.number} comes from a fork, and a run of {context.event!r} has the rights of this repository: "
            "what measured it could have used them",
            hint="take the pair of workflows for forks: docs/publish.md#forks",
        )
    return pull


def with_pull(client: Client, context: Context, pull: Pull, shown: Shown) -> Context:
    """Statuses are for the head of a pull request that was named, not for this run's commit.

    Raises PublishError when something else was measured: a run that a comment starts has the default branch checked
    out.
    """
    candidate = shown.comparison.candidate
    measured = candidate.commit or candidate.head or ""
    if measured != pull.head and not pulls.contains(client, measured, pull.head):
        raise PublishError(
            f"what was measured, {measured[:7]}, is not #{pull.number} at {pull.head[:7]}",
            hint=f"check it out: actions/checkout with ref: refs/pull/{pull.number}/merge",
        )
    found = replace(context, sha=pull.head, base=pull.base)
    return (
        found
        if pull.is_fork
        else replace(found, head_repository=context.repository, head_branch=pull.branch)
    )


def with_shared(
    client: Client, context: Context, shown: Shown, tip_here: Callable[[str], str | None]
) -> Context:
    """And the pull request into another branch that has the same commit: its gates may be others.

    That can be the same one, where its base is another one by now. `tip_here`: the newest commit of a branch that this
    job has. Without the right to list them there is none, and a job that may only read sets no status anyway.
    """
    if context.is_fork and not context.is_trusted_side:
        return context
    with suppress(PublishError, UsageError):  # of a base that is gone there are no gates
        for one in pulls.at(client, context.sha):
            if not _is_judged(one, client, context, shown, tip_here):
                return replace(context, shared=f"#{one.number} into {one.base}")
    return context


def _is_judged(
    pull: Pull,
    client: Client,
    context: Context,
    shown: Shown,
    tip_here: Callable[[str], str | None],
) -> bool:
    """Whether the gates are those of its base. A run of no pull request may have taken them from the branch itself."""
    if context.pull is not None:
        return pull.base == context.base
    tip = tip_here(pull.base) or pulls.tip(client, pull.base)
    judged = [one for one in shown.verdicts.values() if one.result != "unarmed"]
    return all(one.policy_rev == tip for one in judged)
