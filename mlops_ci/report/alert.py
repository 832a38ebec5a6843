"""The lines below a headline: how much, real or noise, why, in production, do. One sentence each; nothing invented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report import advice, champion, changes, checks, doubt, noise, rows, spans, verdict
from mlops_ci.report.checks import kind
from mlops_ci.report.spans import Code, Strong

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.model import Change, ModelComparison, Verdict
    from mlops_ci.report.case import Case
    from mlops_ci.report.checks import Check
    from mlops_ci.report.spans import Line


def lines(case: Case) -> tuple[tuple[str, Line], ...]:
    third = {
        "inconclusive": "Why it blocks" if case.judged.blocks else "Why, perhaps",
        "no gates": "Why no verdict",
        "unarmed": "Why no verdict",
    }
    return (
        ("How much", _how_much(case)),
        ("Real or noise", noise.answer(case.model, case.judged, case.rows)),
        (third.get(case.judged.result, "Why, perhaps"), _why(case)),
        *_in_production(case),
        ("Do", advice.do(case)),
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
    if doubt.kind(telling[0].outcome):
        return (*doubt.how_much(telling[0].outcome, _measured(telling[0])), ".", more)
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
    if found in ("regression", "improvement"):
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
    word = "allowed" if kind(row.outcome) == "regression" else "believed"
    return f"{checks.limit_shown(row.outcome) if row.ratio else 'none'} {word}"


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
    if case.judged.result == "inconclusive" and case.judged.blocks:
        return _why_it_blocks(case.telling[0])
    return changes.briefly(case.groups)


def _why_it_blocks(telling: Check) -> Line:
    if doubt.kind(telling.outcome):
        ends = ". This change did it, so a missing answer counts against it."
        return (*doubt.why(telling.outcome), ends)
    if telling.outcome.estimate and telling.outcome.reason in spans.plain(telling.words):
        return ("that alone does not; ", Code("on_inconclusive: fail"), " has it so.")
    return (*spans.prose(telling.outcome.reason), ". What cannot be judged is no pass.")


def _unarmed(case: Case) -> str:
    if verdict.first(case.model):
        return "there is no baseline to compare with"
    if case.judged.policy_rev == "candidate":
        return "gates count only once they are merged"
    return "no gate could judge it"


def _would_fail(case: Case) -> str:
    count = sum(row.result in ("fail", "inconclusive") for row in case.rows)
    return f"; {text.plural(count, 'check')} would block" if count else ""
