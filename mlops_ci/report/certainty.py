"""Real, noise, or cannot tell: what an interval says of a change against its limit, in words and as a strip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.frozen import dataclass
from mlops_ci.report.spans import Strong

if TYPE_CHECKING:
    from mlops_ci.estimate import Estimate
    from mlops_ci.model import Outcome
    from mlops_ci.report.spans import Line

# The strip has 29 cells: from -4 to +4 limits is 32, of which the ones beyond +3 are left out.
_CELLS, _ZERO, _LIMIT, _PER_LIMIT = 29, 16, 12, 4
LEGEND = (
    "┊ is the limit, │ no change, ━ where the change lies in nine of ten such comparisons, ╋ what was measured; "
    "better is to the right."
)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A change and its ends, better is positive. `margin`: the loss that is allowed. NaN where unknown."""

    change: float
    low: float
    high: float
    margin: float

    @property
    def is_known(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)


def interval(outcome: Outcome) -> Interval | None:
    """None where one run of each side was judged by tolerance."""
    found, bound, base = outcome.estimate, outcome.bound, outcome.baseline
    if found is None or bound is None or not isinstance(base, (int, float)):
        return None
    ends = (found.low, found.high) if _sign(outcome) > 0 else (-found.high, -found.low)
    change = _sign(outcome) * found.change
    return Interval(change=change, low=ends[0], high=ends[1], margin=abs(bound - base))


def _sign(outcome: Outcome) -> int:
    """1 where higher is better: the bound is then below the baseline."""
    base, bound, value = outcome.baseline, outcome.bound, outcome.value
    assert isinstance(base, (int, float))
    assert bound is not None
    if bound != base:
        return 1 if bound < base else -1
    above = isinstance(value, (int, float)) and value > bound
    return 1 if above == ((outcome.headroom or 0) >= 0) else -1


def words(outcome: Outcome, limit: str, times: str) -> Line:
    """`limit`: as the gate writes it; `times`: the change in multiples of it."""
    found = interval(outcome)
    assert found
    return (*_told(outcome, found, limit, times), _by_means(outcome))


def _told(outcome: Outcome, found: Interval, limit: str, times: str) -> Line:
    if outcome.result == "pass":
        return _passed(outcome, found, limit)
    if _is_beyond(outcome, found):
        return (Strong("real loss", "loss"), f", {times}")
    return (Strong("cannot tell"), *_unclear(outcome, found, limit))


def _by_means(outcome: Outcome) -> str:
    """What the interval is around, where that is not the change which stands beside it."""
    found = outcome.estimate
    if found is None or found.of == "examples" or not math.isfinite(found.change):
        return ""
    change = float(f"{found.change:.3g}")
    against = "against the mean of" if found.of == "runs" else "by the means of"
    shown = text.change(change, text.decimals_for(0.0, change))
    return f"; {shown} {against} {_counted(found, found.count)}"


def _is_beyond(outcome: Outcome, found: Interval) -> bool:
    return outcome.result == "fail" or (
        outcome.result == "warn" and outcome.estimate is not None and found.high < -found.margin
    )


def _passed(outcome: Outcome, found: Interval, limit: str) -> Line:
    assert outcome.estimate
    if found.low > 0:
        return (Strong("real gain", "gain"), f": at least {_short(found.low)}")
    if found.low == found.high == 0:
        every = f": the same of every {outcome.estimate.of[:-1]} that counts"
        return (Strong("no change"), every)
    most = f"{_lost(found.low)}, {limit} allowed"
    if found.high < 0:
        return (Strong("real loss"), f" within the limit: {most}")
    return (Strong("noise"), f": {most}")


def _lost(low: float) -> str:
    return f"at most {_short(-low)} lost" if low else "nothing lost"


def _unclear(outcome: Outcome, found: Interval, limit: str) -> Line:
    estimate = outcome.estimate
    assert estimate
    if not found.is_known:
        say = "says" if estimate.units == 1 else "say"
        return (f": {text.plural(estimate.units, estimate.unit)} {say} too little",)
    if found.change < -found.margin:
        blocks = ": blocks" if outcome.result == "inconclusive" else ", warning only"
        return (f" if beyond the limit {limit}; the estimate is{blocks}",)
    if estimate.of == "runs":
        return (": one run of the candidate says too little",)
    if estimate.needed is None:
        return (f": a limit of 0 allows no loss at all, and no number of {estimate.of} shows that",)
    if estimate.needed <= estimate.units:
        return (f": the loss is close to the limit {limit}",)
    return (f": needs {estimate.needed:,} {estimate.unit}s, has {estimate.units:,}",)


def _counted(estimate: Estimate, count: int) -> str:
    """`1,200 examples`, `5 seeds`, `10 runs of main`."""
    return text.plural(count, estimate.of[:-1]) + (" of main" if estimate.of == "runs" else "")


def is_noise(outcome: Outcome) -> bool:
    """Neither a gain nor a loss can be told from chance."""
    found = interval(outcome)
    return found is not None and found.low <= 0 <= found.high


def is_unclear(outcome: Outcome) -> bool:
    """A warning, as its gate has it, that is not about a loss which is certain."""
    found = interval(outcome)
    return outcome.result == "warn" and found is not None and not _is_beyond(outcome, found)


def _short(size: float) -> str:
    return text.number(float(f"{size:.2g}"))


def sentence(outcome: Outcome) -> str:
    """`between −0.03 and +0.01 in nine of ten such comparisons (DeLong, 1,200 examples)`."""
    found = outcome.estimate
    if found is None or not math.isfinite(found.low):
        return ""
    decimals = max(0, 1 - math.floor(math.log10((found.high - found.low) / 2 or 1)))
    ends = " and ".join(_signed(end, decimals) for end in (found.low, found.high))
    units = f" of {text.plural(found.units, 'unit')}" if found.is_clustered else ""
    return (
        f"between {ends} in {_often(found.confidence)} such comparisons "
        f"({found.method}, {_counted(found, found.count)}{units})"
    )


def _often(confidence: float) -> str:
    return "nine of ten" if math.isclose(confidence, 0.9) else f"{100 * confidence:g} % of"


def _signed(end: float, decimals: int) -> str:
    shown = text.change(end, decimals)
    return "0" if shown == "none" else shown


def ends(outcome: Outcome) -> tuple[float, float] | None:
    """Of the interval, in multiples of the limit, better is positive."""
    found = interval(outcome)
    if found is None or not found.is_known or not found.margin:
        return None
    return found.low / found.margin, found.high / found.margin


def strip(outcome: Outcome) -> str:
    """29 cells, blank ones are spaces; empty without an interval."""
    found = interval(outcome)
    if found is None or not found.is_known:
        return ""
    half = (found.high - found.low) / 2
    scale = _PER_LIMIT / (found.margin or half or 1.0)
    cells = [" "] * _CELLS
    low, change, high = (_cell(x, scale) for x in (found.low, found.change, found.high))
    cells[_ZERO] = "│" if found.margin else "┊"
    if found.margin:
        cells[_LIMIT] = "┊"
    for at in range(max(low, 0), min(high, _CELLS - 1) + 1):
        cells[at] = "┿" if cells[at] != " " else "━"
    if 0 <= change < _CELLS:
        cells[change] = "╋"
    if low < 0:
        cells[0] = "<"
    if high >= _CELLS:
        cells[-1] = ">"
    return "".join(cells)


def _cell(x: float, scale: float) -> int:
    """Half away from zero, so that mirrored changes have mirrored cells."""
    limits = max(-1000.0, min(1000.0, scale * x))
    return _ZERO + int(math.copysign(math.floor(abs(limits) + 0.5), limits))
