"""Outcomes as rows of a report: what was measured, against which limit, in words."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Literal

from mlops_ci import text
from mlops_ci.frozen import dataclass
from mlops_ci.report import certainty, doubt, rows, spans
from mlops_ci.report.spans import Code, Strong

if TYPE_CHECKING:
    from mlops_ci.model import Outcome, Verdict
    from mlops_ci.report.spans import Line, Tone

ORDER = ("fail", "inconclusive", "warn", "waived", "pass", "skipped")
# What has to be seen before a merge; such rows are never folded.
ATTENTION = frozenset({"fail", "inconclusive", "warn", "waived"})
Kind = Literal["regression", "improvement", "least", "most", "group", "none"]
_SLICE = re.compile(r"(?:(.+)\.)?slices\.(.+)\.([^.]+)", re.DOTALL)
_MOVED = re.compile(r"has vanished from .+: (.+) has it now", re.DOTALL)
_MEANT = re.compile(r"did you mean (.+)\?", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One row. `ratio`: the change in multiples of its limit, better is positive; None where there is no limit.

    `telling`: what `change` is about, for sentences. `parts`: the conditions of a group.
    """

    result: str
    name: str
    slice: str
    gate: str
    change: Line
    sides: Line
    words: Line
    ratio: float | None
    outcome: Outcome
    parts: tuple[Line, ...] = ()

    @property
    def strip(self) -> str:
        """The change against its limit as a picture of 29 characters; empty without an interval."""
        return certainty.strip(self.outcome)

    @property
    def label(self) -> Line:
        return labelled(self.name, self.slice)


def checks_of(verdict: Verdict) -> list[Check]:
    """Worst first, and what blocks; the whole set before its slices; then the largest change against its limit."""
    found = [_check(outcome, verdict) for outcome in verdict.outcomes]
    return sorted(found, key=_severity)


def _severity(check: Check) -> tuple[int, bool, bool, float, str, str]:
    size = -abs(check.ratio) if check.ratio is not None else 0.0
    if kind(check.outcome) == "none":
        size = -math.inf  # nothing was measured: worse than any number
    place, blocks = ORDER.index(check.result), check.outcome.blocks
    return place, not blocks, bool(check.slice), size, check.name, check.gate


def split(metric: str) -> tuple[str, str]:
    """`recall` and `8` of `slices.8.recall`; no slice for any other name."""
    found = _SLICE.fullmatch(metric)
    if not found:
        return metric, ""
    above, part, name = found.groups()
    return f"{above}.{name}" if above else name, part


def labelled(name: str, part: str) -> Line:
    """`recall` in slice `8`; a slice that says what it is (`region=EU`) stands alone."""
    return (Code(name), *((" in ", *slice_words(part)) if part else ()))


def slice_words(part: str) -> Line:
    return (Code(part),) if "=" in part else ("slice ", Code(part))


def _check(outcome: Outcome, verdict: Verdict) -> Check:
    name, part = split(outcome.metric or outcome.gate)
    tone: Tone = "loss" if outcome.result == "fail" and verdict.result != "unarmed" else ""
    words = words_of(outcome)
    return Check(
        result=outcome.result,
        name=name,
        slice=part,
        gate=outcome.gate,
        change=spans.delta(outcome.baseline, outcome.value, tone),
        sides=spans.sides(outcome.baseline, outcome.value),
        words=_would(outcome, words) if verdict.result == "unarmed" else words,
        ratio=ratio(outcome),
        outcome=outcome,
        parts=tuple(_part(one) for one in outcome.parts),
    )


def _part(outcome: Outcome) -> Line:
    return (*labelled(*split(outcome.metric)), ": ", *words_of(outcome))


def _would(outcome: Outcome, words: Line) -> Line:
    """Nothing was judged, so nothing is emphasised."""
    quiet = tuple(span.text if isinstance(span, Strong) else span for span in words)
    return quiet if outcome.result == "skipped" else (f"would {outcome.result}: ", *quiet)


def kind(outcome: Outcome) -> Kind:
    """`none`: no rule was reached, as nothing could be compared with a bound."""
    if outcome.parts:
        return "group"
    return "none" if outcome.bound is None else outcome.kind or "none"


def ratio(outcome: Outcome) -> float | None:
    room = limit(outcome)
    if not room or outcome.headroom is None:
        return None
    towards = outcome.headroom - room
    return (towards if kind(outcome) == "regression" else -towards) / room


def limit(outcome: Outcome) -> float | None:
    """How far the value may move from the baseline; None where a bound is on the value itself."""
    measured = outcome.baseline
    if kind(outcome) not in ("regression", "improvement") or not isinstance(measured, (int, float)):
        return None
    assert outcome.bound is not None
    return abs(outcome.bound - measured)


def limit_shown(outcome: Outcome) -> str:
    """`0.02`, `0.0091 (1 %)`."""
    room = limit(outcome) or 0.0
    if not isinstance(outcome.limit, str) or not outcome.limit:
        return text.number(float(f"{room:.6g}"))
    percent = outcome.limit.rstrip("% ")
    return f"{text.number(float(f'{room:.2g}'))} ({percent}{text.NO_BREAK}%)"


def words_of(outcome: Outcome) -> Line:
    if doubt.kind(outcome):
        return (*_unwaived(outcome), *doubt.words(outcome))
    return _judged(outcome)


def _judged(outcome: Outcome) -> Line:
    if outcome.result == "pass" or (outcome.estimate and outcome.result in ATTENTION - {"waived"}):
        return _weighed(outcome) if outcome.estimate else _holds(outcome)
    if outcome.result == "skipped":
        return ("not judged: ", *spans.prose(outcome.reason))
    if outcome.result == "inconclusive":
        return (*_unwaived(outcome), Strong("cannot tell"), ": ", *spans.prose(outcome.reason))
    if outcome.result == "waived":
        return _waived(outcome)
    if outcome.result == "warn":
        return (*_unwaived(outcome), *_toneless(_broken(outcome)), ", warning only")
    return (*_unwaived(outcome), *_broken(outcome))


def _weighed(outcome: Outcome) -> Line:
    """What an interval says of it."""
    line = certainty.words(outcome, limit_shown(outcome), _times(outcome))
    if outcome.result == "warn":
        warned = "warning only" in "".join(span for span in line if isinstance(span, str))
        line = (*_toneless(line), *(() if warned else (", warning only",)))
    return (*_unwaived(outcome), *line)


def _waived(outcome: Outcome) -> Line:
    """Who accepted it is declared text: shown to the letter, so that it mentions nobody."""
    waiver = outcome.waiver
    if waiver is None:
        return (Strong("waived"), ": ", *spans.prose(outcome.reason))
    cap = (", cap ", spans.number(waiver.cap)) if waiver.cap else ()
    until = f" until {waiver.until} ({text.plural(waiver.days, 'day')})"
    why = spans.prose(waiver.reason)
    return (Strong("waived"), until, *cap, ", by ", Code(waiver.by), ": “", *why, "”")


def _unwaived(outcome: Outcome) -> Line:
    """A waiver that no longer covers, or not this much, is said first."""
    waiver = outcome.waiver
    if waiver is None:
        return ()
    if waiver.state == "expired":
        return (Strong("waiver expired", "loss"), f" {waiver.until}; ")
    cap = (" ", spans.number(waiver.cap)) if waiver.cap else ()
    return (Strong("beyond the cap", "loss"), *cap, " of its waiver; ")


def _toneless(line: Line) -> Line:
    return tuple(Strong(span.text) if isinstance(span, Strong) else span for span in line)


def _holds(outcome: Outcome) -> Line:
    found = kind(outcome)
    if found == "group":
        return (Strong("holds"), ": ", *spans.prose(outcome.rule))
    if found == "none":
        return (Strong("holds"), ": ", *spans.prose(outcome.reason))
    if found in ("least", "most"):
        room = text.number(float(f"{abs(outcome.headroom or 0):.3g}"))
        spare = room if outcome.headroom else "nothing"
        return (Strong("one run"), f", {_bound(outcome)} holds, {spare} to spare")
    if outcome.value == outcome.baseline:
        return (Strong("no change"),)
    return _within(outcome, found)


def _within(outcome: Outcome, found: Kind) -> Line:
    moved = ratio(outcome)
    gained = moved > 0 if moved is not None else (outcome.headroom or 0) > 0
    if gained and found == "regression":
        return (Strong("gain", "gain"), ", one run")
    if found == "improvement":
        return (Strong("believable"), f": up to {limit_shown(outcome)} better is")
    return (
        Strong("uncalibrated"),
        f": within the limit {limit_shown(outcome)}",
        *_why_alone(outcome),
    )


def _why_alone(outcome: Outcome) -> Line:
    """Why a limit is all that there is, where its gate says so."""
    why = outcome.reason.partition("; uncalibrated: ")[2]
    return ("; ", *spans.prose(why)) if why else ()


def _bound(outcome: Outcome) -> str:
    word = "at least" if kind(outcome) == "least" else "at most"
    return f"{word} {text.number(outcome.bound or 0.0)}"


def _broken(outcome: Outcome) -> Line:
    found = kind(outcome)
    if found == "group":
        return (Strong("fails", "loss"), ": ", *spans.prose(outcome.rule), " has to hold")
    if found == "regression":
        return (Strong("loss", "loss"), f", {_times(outcome)}")
    if found == "improvement":
        return (Strong("suspicious gain", "loss"), f", {_times(outcome)}")
    if found in ("least", "most"):
        where = "below its bound" if found == "least" else "over its bound"
        by = text.number(float(f"{abs(outcome.headroom or 0):.3g}"))
        return (Strong(where, "loss"), f" {text.number(outcome.bound or 0.0)} by {by}")
    return _absent(outcome)


def _times(outcome: Outcome) -> str:
    """`3 × the limit 0.02`; one decimal only where whole numbers would mislead."""
    moved = abs(ratio(outcome) or 0.0)
    if not moved:
        return "none allowed"
    shown = f"{moved:,.0f}" if moved >= 1.5 else f"{moved:.1f}"
    if shown == "1.0":
        return f"just beyond the limit {limit_shown(outcome)}"
    return f"{shown}{text.NO_BREAK}×{text.NO_BREAK}the limit {limit_shown(outcome)}"


def moved_to(outcome: Outcome) -> str:
    """The file that has the metric now, where another had it; else nothing."""
    found = _MOVED.fullmatch(outcome.reason)
    return found[1] if found else ""


def _absent(outcome: Outcome) -> Line:
    if rows.is_odd(outcome.value):
        return (Strong(text.value(outcome.value), "loss"), ", which nothing can be compared with")
    if outcome.value is not None:
        return (Strong("fails", "loss"), ": ", *spans.prose(outcome.reason))
    if moved := moved_to(outcome):
        return (
            Strong("missing", "loss"),
            ": it is in ",
            Code(moved),
            " now, nothing says that both are the same",
        )
    if "vanished" in outcome.reason:
        return (Strong("missing", "loss"), ": only the baseline has it")
    meant = _MEANT.search(outcome.reason)
    if "no such metric" in outcome.reason:
        close = (", did you mean ", Code(meant[1]), "?") if meant else ": no such metric"
        return (Strong("missing", "loss"), *close)
    return (Strong("missing", "loss"), ": ", *spans.prose(outcome.reason))
