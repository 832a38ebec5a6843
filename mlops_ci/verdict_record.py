"""A verdict, written into the Record of the training that made the model: it speaks of bytes, and not of a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlops_ci.errors import UnreadableError, UsageError
from mlops_ci.lineage import notes, provenance, store, verdicts
from mlops_ci.lineage.collect import describe
from mlops_ci.lineage.worktree import WorkTreeFacts
from mlops_ci.promote import artifacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_ci.evaluation import Content
    from mlops_ci.gate import Judged
    from mlops_ci.git import Repository
    from mlops_ci.lineage.statement import Descriptor, Statement
    from mlops_ci.model import Comparison, ModelComparison
    from mlops_ci.record import Provenance


class _Trained(NamedTuple):
    """A Statement of what made a model, and the Record it stands in: `path` is None for a note."""

    path: Path | None
    statements: list[Statement]
    statement: Statement
    facts: Provenance


def keep(repository: Repository, judged: Judged) -> list[Path]:
    """Add the verdict on each model to its Record, and say which. What stands there already is not added again.

    Raises UsageError where no Record speaks of the bytes that are here: a verdict on nothing proves nothing.
    """
    if repository.root is None:
        raise UsageError("a bare repository keeps no Records", hint="git clone it")
    known = list(_known(repository, repository.root))
    return [
        _kept(repository, repository.root, judged, model, known)
        for model in judged.comparison.models
    ]


def _kept(
    repository: Repository,
    root: Path,
    judged: Judged,
    model: ModelComparison,
    known: list[_Trained],
) -> Path:
    assert model.contents is not None
    content = model.contents[1]
    trained = _of_these_bytes(repository, judged.comparison, model.model, content, known)
    verdict = judged.verdicts[model.model]
    subject = trained.statement["subject"]
    said = verdicts.statement(verdict, judged.comparison, content, subject)
    path, statements = trained.path, trained.statements
    if path is not None:  # which a verdict on another model may have changed by now
        statements = store.read(path)
        if said in statements:
            return path
    return store.write(root, [*statements, said], path)


def _known(repository: Repository, root: Path) -> Iterator[_Trained]:
    """Those of this work tree, the newest first, then those that notes carry."""
    for path in store.kept(root):
        statements = store.read(path)
        for one, facts in _parsed(statements):
            yield _Trained(path, statements, one, facts)
    for one, facts in _parsed([one for _, one in notes.statements(repository)]):
        yield _Trained(None, [one], one, facts)


def _parsed(statements: list[Statement]) -> Iterator[tuple[Statement, Provenance]]:
    for one in statements:
        try:
            yield one, provenance.parse([one], "Record")[0]
        except UnreadableError:
            continue  # a verdict, or another's


def _of_these_bytes(
    repository: Repository,
    comparison: Comparison,
    model: str,
    content: Content,
    known: list[_Trained],
) -> _Trained:
    fitting = [
        one
        for one in known
        if one.facts.lock_digest == content.lock and (content.lock or one.facts.model == model)
    ]
    for one in fitting:
        subject = one.statement["subject"]
        if _digests(_now(repository, comparison, subject)) == _digests(subject):
            return one
    what = "is of other bytes than are here" if fitting else "was written for what is here"
    raise UsageError(
        f"{'the' if fitting else 'no'} Record of {model} {what}: the verdict would speak of nothing",
        hint="mlops-ci train, or bring its notes: git fetch origin 'refs/notes/*:refs/notes/*'",
    )


def _digests(files: list[Descriptor]) -> dict[str, dict[str, str]]:
    return {one["name"]: one.get("digest", {}) for one in files}


def _now(
    repository: Repository, comparison: Comparison, subject: list[Descriptor]
) -> list[Descriptor]:
    """The same files, hashed: in the work tree, or as the commit has them."""
    paths = tuple(one["name"] for one in subject if "folder" not in one.get("annotations", {}))
    commit = comparison.candidate.commit
    if commit is not None:
        at = artifacts.ModelAt(name="", commit=commit, paths=paths, lock_digest="")
        return list(artifacts.hashes(repository, at))
    assert repository.root is not None
    hashed = WorkTreeFacts(repository.root).hashes(paths)
    return [one for path in paths for one in describe(path, "model", hashed[path])]
