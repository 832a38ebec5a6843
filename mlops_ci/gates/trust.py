"""Numbers that a change made untrustworthy are not judged: they may be of another run, or of another exam."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.gate_config import OnUntrusted
    from mlops_ci.model import Note, Outcome


def weighed(outcome: Outcome, notes: Iterable[Note], how: OnUntrusted) -> Outcome:
    """The Outcome as the notes leave it. `how`: `fail` makes it inconclusive, which blocks; `warn` lets it stand, but
    for a pass.
    """
    against = next((note for note in notes if note.untrusted and _concerns(note, outcome)), None)
    if against is None:
        return outcome
    words = _WORDS.get(
        against.kind, "not trusted"
    )  # a report that is read back may say so of any kind
    reason = f"{words}: {against.message}"
    if how == "fail":
        return replace(outcome, result="inconclusive", reason=reason, estimate=None)
    return replace(outcome, result="warn", reason=reason) if outcome.result == "pass" else outcome


_WORDS = {
    "lock-mismatch": "not trusted",
    "nothing-retrained": "not trusted",
    "evaluation-differs": "not comparable",
}


def _concerns(note: Note, outcome: Outcome) -> bool:
    if note.kind == "evaluation-differs" and _stands_alone(outcome):
        return False
    return not note.concerns or outcome.source in note.concerns


def _stands_alone(outcome: Outcome) -> bool:
    """Predictions are joined example by example, and measured here; a bound on the value needs no second side."""
    by_examples = outcome.estimate is not None and outcome.estimate.of == "examples"
    return by_examples or outcome.kind in ("least", "most")
