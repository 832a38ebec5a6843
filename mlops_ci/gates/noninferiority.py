"""Is a model worse by more than is allowed? One-sided non-inferiority: pass, fail, or not enough to tell. Pure.

Passing all gates is an intersection-union test, so that passing needs no correction; failing any of them is corrected
by Holm. See Berger and Hsu, Statistical Science 11 (1996), and Piaggio et al., JAMA 308 (2012).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlops_ci.frozen import dataclass
from mlops_ci.gates.rules import ABS_NOISE
from mlops_ci.stats.signs import Signs

if TYPE_CHECKING:
    from mlops_ci.model import Result
    from mlops_ci.stats.distribution import Distribution

ALPHA = 0.05
_FEW = 30


def confidence(alpha: float) -> float:
    """Of the interval of which each end is a one-sided bound at alpha."""
    return 1 - 2 * alpha


@dataclass(frozen=True, kw_only=True)
class Decision:
    """`needed`: units that would tell four times in five if nothing had changed; None where no number would."""

    result: Result
    reason: str
    blocks: bool
    needed: int | None = None


def p_of_loss(gain: Distribution, margin: float) -> float:
    """How likely chance alone makes a loss beyond `margin` look like this one."""
    return gain.p_below(-margin)


def decide(
    gain: Distribution,
    margin: float,
    *,
    units: int,
    adjusted: float,
    trusted: bool = True,
    alpha: float = ALPHA,
    of: str = "examples",
) -> Decision:
    """`gain`: positive is better. `adjusted`: the p-value of a loss beyond the margin, corrected for all gates.

    `of`: what the units are. Not `trusted`: this change touched what is evaluated, or the policy has it so; then
    what cannot be told blocks.
    """
    low, _ = gain.interval(confidence(alpha))
    if math.isnan(low) or _is_chance(gain, units, of):
        few = f"{units:,} {of} say" if units != 1 else f"one {of[:-1]} says"
        reason = f"{few} too little: no interval can be given"
        return Decision(result="inconclusive", reason=reason, blocks=True)
    if low >= -margin - ABS_NOISE:
        return Decision(result="pass", reason=_most_lost(low, margin), blocks=False)
    if adjusted <= alpha and gain.point < -margin:
        reason = "the loss is beyond the limit, and by more than chance would do"
        return Decision(result="fail", reason=reason, blocks=True)
    return _unclear(gain, margin, units=units, trusted=trusted, alpha=alpha, of=of)


def _is_chance(gain: Distribution, units: int, of: str) -> bool:
    """Whether a loss has no spread only because the few units there are lost the same: two do in one of ten samples."""
    sampled = of in ("examples", "independent units")
    return sampled and units < _FEW and gain.se == 0 and gain.point < 0


def unreachable(gain: Distribution, claims: int, units: int, alpha: float) -> str:
    """Why no loss, however large, could be significant, and what would do; "" where one could.

    `claims`: how many losses could fail a gate: by Holm, the first of them needs alpha through their number.
    """
    least = gain.least_p if isinstance(gain, Signs) else 0.0
    if least * max(claims, 1) <= alpha:
        return ""
    wanted = math.ceil(math.log2(max(claims, 1) / alpha))
    bound = f"{alpha / max(claims, 1):.2g}"
    return f"{units} seeds give no p-value below {least:.2g}, {bound} is needed: {wanted} seeds, or test: t"


def _most_lost(low: float, margin: float) -> str:
    lost = f"at most {-low:.2g} lost" if low < 0 else "nothing lost"
    return f"{lost}, {margin:g} allowed"


def _unclear(
    gain: Distribution, margin: float, *, units: int, trusted: bool, alpha: float, of: str
) -> Decision:
    from mlops_ci.stats.hypothesis import needed

    if gain.point < -margin:
        reason = "whether the loss is beyond the limit; the estimate is: more data will not help"
        return Decision(result="inconclusive", reason=reason, blocks=True)
    # More runs of main say little more of one run of the candidate.
    wanted = None if of == "runs" else needed(units, gain.se, margin, alpha)
    if of == "runs":
        reason = "one run cannot tell it from what main's runs differ by: mlops-ci train --seeds 5"
    elif wanted is None:
        reason = (
            f"a limit of 0 allows no loss at all, and no number of {of} shows that: allow a little"
        )
    else:
        few = f"needs {wanted:,} {of}, has {units:,}"
        close = f"the loss is close to the limit: more than the {units:,} {of} would tell"
        reason = few if wanted > units else close
    return Decision(result="inconclusive", reason=reason, blocks=not trusted, needed=wanted)
