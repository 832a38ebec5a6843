"""What speaks for a promotion: the Record of the training, found by content, and the bytes, hashed here.

A Record is only carried by notes: whoever may push may write one. So nothing that it says is believed that was not
found again here: its lock digest is that of dvc.lock at the commit, its digests are those of the bytes.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mlops_ci.errors import RefusedError, UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage import notes, provenance, verdicts
from mlops_ci.lineage.statement import encode
from mlops_ci.promote import artifacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.git import Repository
    from mlops_ci.lineage.statement import Descriptor, Statement
    from mlops_ci.promote.artifacts import ModelAt
    from mlops_ci.record import Provenance


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """`record`: SHA-256 of the Record's line. `subject`: the model's files, as they were hashed here.

    `judged`: SHA-256 and result of each line in which a gate speaks of these bytes and of this dvc.lock. They tell what
    was said before; what decides is a verdict made afresh.
    """

    record: str
    trained: Provenance
    subject: tuple[Descriptor, ...]
    judged: tuple[tuple[str, str], ...] = ()


def gather(repository: Repository, model: ModelAt) -> Evidence:
    """The Record of this model and its verified bytes. Raises RefusedError with what is missing or does not agree."""
    subject = artifacts.hashes(repository, model)
    refusals = []
    for statement, trained in records(repository, model):
        problem = _problem(trained, statement, model, subject)
        if not problem:
            return Evidence(
                record=_sha256(statement),
                trained=trained,
                subject=subject,
                judged=tuple(_judged(repository, trained, subject)),
            )
        refusals.append(problem)
    if refusals:
        raise RefusedError(
            f"the Record of {model.name} {refusals[0]}", hint="mlops-ci train --persist push"
        )
    raise RefusedError(
        f"no Record says what made {model.name} at {model.commit[:7]}",
        hint="mlops-ci train, then mlops-ci record push --note --remote origin",
    )


def _sha256(statement: Statement) -> str:
    return hashlib.sha256(encode(statement).encode()).hexdigest()


def _judged(
    repository: Repository, trained: Provenance, subject: tuple[Descriptor, ...]
) -> Iterator[tuple[str, str]]:
    """By content, like the Record."""
    digests = {one["name"]: one["digest"] for one in subject}
    for _, statement in notes.statements(repository):
        try:
            found = verdicts.parse([statement], "note")
        except UnreadableError:
            continue
        for one in found:
            if one.subject == digests and f"sha256:{one.lock}" == trained.lock_digest:
                yield _sha256(statement), one.result


def records(repository: Repository, model: ModelAt) -> list[tuple[Statement, Provenance]]:
    """Those for this dvc.lock, whatever commit they are a note of: a squash merge changes commits, not content."""
    found = []
    for _, statement in notes.statements(repository):
        try:
            trained = provenance.parse([statement], "note")[0]
        except UnreadableError:
            continue
        if _speaks_of(trained, model):
            found.append((statement, trained))
    return found


def _speaks_of(trained: Provenance, model: ModelAt) -> bool:
    """By content; by name only where DVC locked nothing. A repository that is renamed renames its only model."""
    if model.lock_digest:
        return trained.lock_digest == model.lock_digest
    return trained.model == model.name


def _problem(
    trained: Provenance, statement: Statement, model: ModelAt, subject: tuple[Descriptor, ...]
) -> str:
    recorded = {one["name"]: one.get("digest", {}) for one in described(statement)}
    for one in subject:
        if recorded.get(one["name"]) != one["digest"]:
            return (
                f"is of other bytes: {one['name']} at {model.commit[:7]} has SHA-256 {_short(one)}"
            )
    if trained.dirty:
        return f"says that {trained.dirty[0]} was changed and not committed when it was trained"
    if trained.persist == "none":
        return "says that its results were not kept (train.persist: none): it cannot be promoted"
    return ""


def described(statement: Statement) -> list[Descriptor]:
    """All that the training made: an artifact that is no model, such as a tokenizer, is no subject of its Record."""
    byproducts = statement["predicate"].get("runDetails", {}).get("byproducts", [])
    return [*(one for one in byproducts if "name" in one), *statement["subject"]]


def _short(one: Descriptor) -> str:
    digest = one["digest"]
    return f"{digest.get('sha256', digest.get('dirHash', ''))[:12]}…"
