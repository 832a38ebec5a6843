"""The lines below a headline: how much, real or noise, why, in production, do. One sentence each; nothing invented."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report import champion, changes, checks, noise, rows, spans, verdict
from mlops_ci.report.checks import kind
from mlops_ci.report.spans import Code, Strong

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.model import Change, Comparison, ModelComparison, Note, Verdict
    from mlops_ci.report.changes import Group
    from mlops_ci.report.checks import Check
    from mlops_ci.report.spans import Line

_COMMAND = re.compile(r"(?:git|dvc|mlops-ci|pip|uv) ")
_TRY_GATES = "mlops-ci gate --policy HEAD"


@dataclass(frozen=True)
class Case:
    """All that the lines are made from."""

    comparison: Comparison
    model: ModelComparison
    judged: Verdict
    rows: Sequence[Check]
    groups: Sequence[Group]

    @property
    def telling(self) -> list[Check]:
        """The rows that make the result, the worst first."""
        return [row for row in self.rows if row.result == self.judged.result]


def lines(case: Case) -> tuple[tuple[str, Line], ...]:
    third = {
        "inconclusive": "Why it blocks" if case.judged.blocks else "Why no answer",
        "no gates": "Why no verdict",
        "unarmed": "Why no verdict",
    }
    return (
        ("How much", _how_much(case)),
        ("Real or noise", noise.answer(case.model, case.judged, case.rows)),
        (third.get(case.judged.result, "Why, perhaps"), _why(case)),
        *_in_production(case),
        ("Do", _do(case)),
    )


def _in_production(case: Case) -> Iterator[tuple[str, Line]]:
    if case.model.champion:
        yield champion.LABEL, champion.sentence(case.model.champion, case.rows)


def _how_much(case: Case) -> Line:
    telling, result = case.telling, case.judged.result
    if result not in checks.ATTENTION or not telling:
        return _moved(case.model, case.rows)
    more = (
        f" {len(telling) - 1:,} more {_fail(case.judged, len(telling) - 1)}." if telling[1:] else ""
    )
    overall: Line = ()
    if result == "fail" and verdict.better_overall(case.model, case.rows):
        gains = verdict.largest(case.model, "better", case.rows, whole=True)
        overall = (" Overall ", *_change(gains[0], short=True), ".") if gains else ()
    return (*_measured(telling[0]), ".", more, *overall)


def _fail(judged: Verdict, count: int) -> str:
    one, several = {
        "fail": ("fails", "fail"),
        "warn": ("warns", "warn"),
        "waived": ("is waived", "are waived"),
    }.get(judged.result, ("cannot be judged", "cannot be judged"))
    return one if count == 1 else several


def _measured(row: Check) -> Line:
    if moved := checks.moved_to(row.outcome):
        return (
            *row.label,
            " is gone from ",
            Code(row.outcome.source),
            " and stands in ",
            Code(moved),
        )
    if row.outcome.value is None:
        return row.parts[0] if row.parts else (*row.label, " has no value to judge")
    if _is_no_number(row):
        return _no_number(row)
    found = kind(row.outcome)
    if found == "regression":
        return (*row.label, " ", *row.change, *_sides(row), f", {_allowed(row)}")
    if found in ("least", "most"):
        return (*row.label, " ", Strong(_value(row), "loss"), f", {row.outcome.rule} is asked for")
    return (*row.label, " ", *(row.change or row.sides), *(_sides(row) if row.change else ()))


def _is_no_number(row: Check) -> bool:
    found = row.outcome.value
    return rows.is_odd(found) or isinstance(found, (bool, str, list))


def _no_number(row: Check) -> Line:
    """Text may look like one: `"0.99"`."""
    before, found = row.outcome.baseline, row.outcome.value
    was = (" was ", spans.value(before), " and") if before is not None else ()
    if rows.is_odd(found):
        return (*row.label, *was, " is ", Strong(_value(row), "loss"))
    kinds = {bool: "true or false", str: "text", list: "a list"}
    what = kinds[type(found)]
    return (*row.label, *was, " is ", Strong(what, "loss"), ", no number: ", Code(_value(row)))


def _value(row: Check) -> str:
    return text.value(row.outcome.value)


def _allowed(row: Check) -> str:
    return f"{checks.limit_shown(row.outcome)} allowed" if row.ratio else "none allowed"


def _sides(row: Check) -> Line:
    return (" (", *row.sides, ")")


def _moved(model: ModelComparison, rows: Sequence[Check]) -> Line:
    """The largest gain and the largest loss; what was measured, where there is nothing to compare with."""
    losses, gains = (verdict.largest(model, word, rows)[:1] for word in ("worse", "better"))
    found = [_change(one) for one in [*losses, *gains]]
    if found:
        return (*spans.joined(found, "; "), ".")
    first = [one for one in model.metrics if one.change == "added" and not one.hidden]
    values = [
        (Code(one.name), " ", Strong(text.value(one.candidate)))
        for one in first
        if isinstance(one.candidate, (int, float))
    ]
    if values:
        return (*spans.joined(values[:3]), "; no baseline to compare with.")
    changed = [one for one in model.metrics if one.change != "same" and not one.hidden]
    if changed and all(one.change == "unknown" for one in changed):
        return (f"unknown: {text.plural(len(changed), 'metric')} cannot be read on one side.",)
    if changed:
        return (f"{text.plural(len(changed), 'metric')} changed; better or worse is not known.",)
    return ("no metric changed." if model.metrics else _unmeasured(model),)


def _unmeasured(model: ModelComparison) -> str:
    kinds = {note.kind for note in model.notes}
    if "unreadable" in kinds:
        return "unknown: the metrics cannot be read."
    if "unread-same" in kinds:
        return "no metric changed: the file is the same on both sides, and cannot be read here."
    return "no metrics on either side."


def _change(one: Change, *, short: bool = False) -> Line:
    tone: spans.Tone = "gain" if one.change == "better" else "loss"
    shown = (*checks.labelled(*checks.split(one.name)), " ")
    delta = spans.delta(one.baseline, one.candidate, tone)
    return (
        (*shown, *delta)
        if short
        else (*shown, *delta, " (", *spans.sides(one.baseline, one.candidate), ")")
    )


def _why(case: Case) -> Line:
    if case.judged.result == "no gates":
        return ("no gate is configured, so nothing passed and nothing failed.",)
    if case.judged.result == "unarmed":
        return (f"{_unarmed(case)}, so nothing passed and nothing failed{_would_fail(case)}.",)
    if case.judged.result == "inconclusive":
        reason = spans.prose(case.telling[0].outcome.reason)
        blocks = " What cannot be judged is no pass." if case.judged.blocks else ""
        return (*reason, f".{blocks}")
    return changes.briefly(case.groups)


def _unarmed(case: Case) -> str:
    if verdict.first(case.model):
        return "there is no baseline to compare with"
    if case.judged.policy_rev == "candidate":
        return "gates count only once they are merged"
    return "no gate could judge it"


def _would_fail(case: Case) -> str:
    count = sum(row.result in ("fail", "inconclusive") for row in case.rows)
    return f"; {text.plural(count, 'check')} would block" if count else ""


def _do(case: Case) -> Line:
    result, doubt = case.judged.result, verdict.in_doubt(case.model)
    if result == "pass" and not doubt:
        return ("nothing.", *_least_room(case.rows))
    if result in ("no gates", "unarmed"):
        return _arm(case, doubt)
    if doubt and doubt.fix:
        return (*fix(doubt), ", then judge again: ", Code("mlops-ci gate"))
    return _mend(case)


def _arm(case: Case, doubt: Note | None) -> Line:
    """What makes a verdict possible the next time."""
    if doubt and doubt.kind == "unreadable" and doubt.fix:
        return (*fix(doubt), ", then look again: ", Code("mlops-ci report"))
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
        return (f"mend it by {until}, when the waiver ends: ", Code("mlops-ci gate"))
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
    changed = {group.title for group in case.groups}
    if param := changes.param_to_try(case.model):
        name, command = param
        data = "look at the data, or " if "Data" in changed else ""
        return (f"{data}find out whether ", Code(name), " did it: ", Code(command))
    return _look(case.comparison, changed)


def _settle(row: Check) -> Line:
    needed = row.outcome.estimate.needed if row.outcome.estimate else None
    more = f"evaluate on {needed:,} examples" if needed else "evaluate on more examples"
    return (f"{more} to be sure; it does not block. Judge again: ", Code("mlops-ci gate"))


def _look(comparison: Comparison, changed: set[str]) -> Line:
    base = (comparison.baseline.origin.commit or "")[:7]
    head = f" {comparison.candidate.commit[:7]}" if comparison.candidate.commit else ""
    if "Code" in changed:
        return ("read what changed in the code: ", Code(f"git diff {base}{head}"))
    if "Data" in changed:
        return ("look at what changed in the data: ", Code(f"dvc diff {base}{head}"))
    return ("look at every number: ", Code(f"mlops-ci diff {base}{head} --all"))


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
