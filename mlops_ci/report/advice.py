"""What to do about a verdict: the last of the lines below a headline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report import changes, checks, doubt, spans, verdict
from mlops_ci.report.checks import kind
from mlops_ci.report.spans import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_ci.model import Note
    from mlops_ci.report.case import Case
    from mlops_ci.report.checks import Check
    from mlops_ci.report.spans import Line

_COMMAND = re.compile(r"(?:git|dvc|mlops-ci|pip|uv) ")
_GATE = "mlops-ci gate"
# What may stand in a command that a reader pastes into a shell.
_SAFE_NAME = re.compile(r"[A-Za-z0-9_]+(?:[./-][A-Za-z0-9_]+)*")
_TRY_GATES = "mlops-ci gate --policy HEAD"


def do(case: Case) -> Line:
    """In one sentence that ends in a command, or is "nothing"."""
    result, note = case.judged.result, verdict.in_doubt(case.model)
    if result == "pass" and not note:
        return ("nothing.", *_least_room(case.rows))
    if result in ("no gates", "unarmed"):
        return _arm(case, note)
    if case.telling and (told := doubt.fix(case.telling[0].outcome)):
        return (*told, ", then judge again: ", Code(_GATE))
    if note and note.fix:
        return (*fix(note), ", then judge again: ", Code(_GATE))
    return _mend(case)


def _arm(case: Case, note: Note | None) -> Line:
    """What makes a verdict possible the next time."""
    if note and note.kind == "unreadable" and note.fix:
        return (*fix(note), ", then look again: ", Code("mlops-ci report"))
    if case.judged.result == "no gates":
        return ("write gates into ", Code("mlops-ci.yaml"), ", then try them: ", Code(_TRY_GATES))
    if case.judged.policy_rev != "candidate":
        return ("nothing: once this is merged, its numbers are the baseline.",)
    return ("have an owner review and merge the gates; try them: ", Code(_TRY_GATES))


def _mend(case: Case) -> Line:
    telling = case.telling[0] if case.telling else None
    if telling and telling.result == "inconclusive" and not telling.outcome.blocks:
        return _settle(telling)
    if telling and telling.result == "waived" and telling.outcome.waiver:
        until = telling.outcome.waiver.until
        return (f"mend it by {until}, when the waiver ends: ", Code(_GATE))
    if telling and kind(telling.outcome) == "none":
        if checks.moved_to(telling.outcome):
            return (
                "keep the name of the file, or have an owner waive the move in ",
                Code("mlops-ci.yaml"),
            )
        missing = telling.outcome.value is None
        wanted = (
            "measure it, or " if missing else "mend it, or " if telling.result == "fail" else ""
        )
        return (f"{wanted}have an owner change the gate; try one: ", Code(_TRY_GATES))
    return _look_for_why(case, telling)


def _look_for_why(case: Case, telling: Check | None) -> Line:
    changed = {group.title for group in case.groups}
    if telling and kind(telling.outcome) == "improvement":
        seen = "find out whether training has seen what evaluates it, or evaluation has changed; "
        return (seen, *_look(case, changed))
    if param := changes.param_to_try(case.model):
        name, command = param
        data = "look at the data, or " if "Data" in changed else ""
        return (f"{data}find out whether ", Code(name), " did it: ", Code(command))
    return _look(case, changed)


def _settle(row: Check) -> Line:
    estimate = row.outcome.estimate
    needed = estimate.needed if estimate else None
    if estimate and estimate.of != "examples":
        train = f"mlops-ci train --seeds {needed or 5}"
        return ("train with more seeds to be sure; it does not block: ", Code(train))
    if estimate and not needed:
        return (
            "allow a little, or live with it: it does not block. Try a gate: ",
            Code(_TRY_GATES),
        )
    count = f"{needed:,} {estimate.unit}s" if estimate and needed else "more examples"
    more = f"evaluate on {count}"
    return (f"{more} to be sure; it does not block. Judge again: ", Code(_GATE))


def _look(case: Case, changed: set[str]) -> Line:
    comparison = case.comparison
    base = (comparison.baseline.origin.commit or "")[:7]
    head = f" {comparison.candidate.commit[:7]}" if comparison.candidate.commit else ""
    if "Code" in changed:
        return ("read what changed in the code: ", Code(f"git diff {base}{head}"))
    if "Data" in changed:
        return ("look at what changed in the data: ", Code(f"dvc diff {base}{head}"))
    alone = len(comparison.models) > 1 and _SAFE_NAME.fullmatch(case.model.model)
    only = f" --model {case.model.model}" if alone else ""
    return ("look at every number: ", Code(f"mlops-ci diff {base}{head} --all{only}"))


def _least_room(rows: Sequence[Check]) -> Line:
    row = least_room(rows)
    if row is None:
        return ()
    outcome = row.outcome
    room = text.number(float(f"{abs(outcome.headroom or 0):.3g}"))
    return (" Least room: ", *row.label, f", {room} to its limit.")


def least_room(rows: Sequence[Check]) -> Check | None:
    """The passing check that is nearest to its limit, in units of that limit."""
    found = [row for row in rows if row.result == "pass" and row.outcome.headroom is not None]
    return min(found, key=_room, default=None)


def _room(row: Check) -> float:
    scale = checks.limit(row.outcome) or abs(row.outcome.bound or 0.0) or 1.0
    return (row.outcome.headroom or 0.0) / scale


def fix(note: Note) -> Line:
    """A command to the letter, what is said beside it in words."""
    if not _COMMAND.match(note.fix):
        return spans.prose(note.fix)
    command, comma, rest = note.fix.partition(", ")
    return (Code(command), *((", ", *spans.prose(rest)) if comma else ()))
