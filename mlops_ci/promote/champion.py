"""What is in production, beside what is judged: for a report. From this clone alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.champion import Champion, ChampionMetric
from mlops_ci.diff import diff
from mlops_ci.errors import MlopsCiError
from mlops_ci.git import Repository
from mlops_ci.lineage import notes
from mlops_ci.process import run
from mlops_ci.promote import registered

if TYPE_CHECKING:
    from mlops_ci.diff import Request
    from mlops_ci.gate import Judged
    from mlops_ci.model import Comparison, ModelComparison
    from mlops_ci.promote.ledger import Promotion

# As people call it; the first that is held counts.
_USUAL = ("prod", "production")


def stages(repository: Repository) -> tuple[str, ...]:
    """Those that are production: the one that the main branch names, or the usual ones."""
    try:
        named = registered.config(repository).promote.production
    except MlopsCiError:  # a change may be what mends it
        named = ""
    return (named,) if named else _USUAL


def beside(judged: Judged, request: Request) -> Judged:
    """The same, each model with its champion where a Promotion Record in this clone says that there is one.

    A repository that has promoted nothing pays for one question to git.
    """
    asked = ["git", "rev-parse", "--quiet", "--verify", notes.REF]
    if run(asked, cwd=request.start).returncode:
        return judged
    found = _champions(Repository.discover(request.start))
    comparison = judged.comparison
    models = (
        _with(model, *found[model.model], comparison, request) if model.model in found else model
        for model in comparison.models
    )
    return replace(judged, comparison=replace(comparison, models=tuple(models)))


def _champions(repository: Repository) -> dict[str, tuple[Promotion, str]]:
    """By the name that a Comparison has for the model, which need not be that of its tags. And what was
    granted later, and is lost.
    """
    from mlops_ci.promote import artifacts  # this and the next only where something was promoted
    from mlops_ci.promote.book import Book

    book = Book(repository=repository)
    found: dict[str, tuple[Promotion, str]] = {}
    production = stages(repository)
    for tagged in book.states:
        held = (book.champion(tagged, stage) for stage in production)
        champion = next((one for one in held if one), None)
        if champion and repository.resolve(champion.commit):
            # A Record in the notes may be anybody's: one that names no model there is passed over.
            with suppress(MlopsCiError):
                name = artifacts.name_at(repository, champion.commit, tagged)
                found[name] = champion, book.lost_says(tagged, champion.stage)
    return found


def _with(
    model: ModelComparison,
    promotion: Promotion,
    problem: str,
    comparison: Comparison,
    request: Request,
) -> ModelComparison:
    """As `diff --exact` of the two; without its numbers where they cannot be compared."""
    asked = replace(
        request,
        base=promotion.commit,
        head=comparison.candidate.commit,
        exact=True,
        models=(model.model,),
        fetch=False,
        plots=False,
    )
    try:
        (compared,) = diff(asked).models
    except MlopsCiError:
        return model
    metrics = tuple(
        ChampionMetric(
            name=one.name,
            source=one.source,
            value=one.baseline,
            candidate=one.candidate,
            change=one.change,
            relative=one.relative,
        )
        for one in compared.metrics
        if one.baseline is not None and not one.hidden
    )
    champion = Champion(
        version=promotion.version,
        stage=promotion.stage,
        commit=promotion.commit,
        metrics=metrics,
        problem=problem,
    )
    return replace(model, champion=champion)
