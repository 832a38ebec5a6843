"""What a change does to the gates: it has no effect on the change itself, and on every one after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.gates.loosened import loosened
from mlops_ci.model import Note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.gates.loosened import Loosened
    from mlops_ci.gates.policy import Policy
    from mlops_ci.model import Verdict

_MOST = 5
_WOULD = {
    "pass": "pass", "warn": "pass with a warning", "waived": "pass with a waiver",
    "no gates": "not be judged", "unarmed": "not be judged",
}  # fmt: skip


def remark(
    before: Policy, after: Policy, verdict: Verdict, elsewhere: Iterable[Loosened] = ()
) -> Note | None:
    """Both verdicts, and what is looser in `after`, of the change, than in `before`, where the change began.

    `verdict`: by `after`. `elsewhere`: what is looser in the whole config. None: the change leaves the gates as they
    were, or there were none.
    """
    here = loosened(before, after)
    found = [*here, *(one for one in elsewhere if one not in here)]
    if not before.judges or (before.digest == after.digest and not found):
        return None
    words = [f"{one.gate} {one.what}".strip() for one in found]
    more = f" and {len(words) - _MOST} more" if words[_MOST:] else ""
    looser = f"Looser: {'; '.join(words[:_MOST])}{more}" if words else "None is looser"
    would = _WOULD.get(verdict.result, "be blocked" if verdict.blocks else "be undecided")
    return Note(
        kind="policy-changed",
        message=f"this change also changes the gates: by these it would {would}, but they count only once merged. "
        f"{looser}",
        fix="mlops-ci gate --policy HEAD",
        path="mlops-ci.yaml",
    )
