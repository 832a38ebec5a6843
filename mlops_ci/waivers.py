"""Waivers: known problems that are accepted until a date. One rule for gates and for checks.

A waiver never makes a pass: what it covers is shown as waived, with its expiry. The day is given from outside.
"""

from __future__ import annotations

import fnmatch
import re
from datetime import date
from typing import TYPE_CHECKING, Literal

from mlops_ci.frozen import dataclass
from mlops_ci.typed import doc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops_ci.finding import Finding

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CAP = re.compile(r"[0-9]+(\.[0-9]+)?\s*%")
_SLICE = re.compile(r"(?:.+\.)?slices\.(.+)\.[^.]+", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class WaiverConfig:
    """A failure or a finding that is accepted until a day."""

    gate: str | None = doc("The id of the gate that is waived.", default=None)
    model: str | None = doc("Only for this model. Default: every model.", default=None)
    slice: str | None = doc(
        "Only for this slice, region=EU. Default: all that the gate looks at.", default=None
    )
    rule: str | None = doc(
        "Instead of gate: a check, or one rule of it, as its findings show it.", default=None
    )
    path: str | None = doc(
        "With rule: only for files that match; * also matches /. Default: all files.", default=None
    )
    max_regression: float | str | None = doc(
        "The cap: a loss beyond it is not waived. Absolute or a percentage; of the baseline, or from a threshold.",
        default=None,
    )
    reason: str = doc("Why this is acceptable.")
    approved_by: str = doc("Who accepted it. Declared text: it is shown, never checked.")
    expires: str = doc("The last day on which it counts: YYYY-MM-DD, in UTC.")

    def __post_init__(self) -> None:
        if bool(self.gate) == bool(self.rule):
            raise ValueError("needs one of: gate, rule")
        _check_scope(self)
        for name in ("reason", "approved_by"):
            if not (getattr(self, name) or "").strip():
                raise ValueError(name, "needs a text")
        if not _DATE.fullmatch(self.expires or "") or not _is_date(self.expires):
            raise ValueError("expires", f"needs a day such as 2026-12-31, not {self.expires!r}")

    @property
    def until(self) -> date:
        return date.fromisoformat(self.expires)

    def days(self, today: date) -> int:
        """Whole days left: 0 on the last day on which it counts, negative once it has expired."""
        return (self.until - today).days

    def cap(self, of: float) -> float | None:
        """How far from `of` a value may be."""
        cap = self.max_regression
        if isinstance(cap, str):
            return float(cap.strip().rstrip("%")) / 100 * abs(of)
        return cap


def _check_scope(one: WaiverConfig) -> None:
    for name in ("path",) if one.gate else ("model", "slice", "max_regression"):
        if getattr(one, name) is not None:
            raise ValueError(name, f"belongs to a waiver of a {'rule' if one.gate else 'gate'}")
    cap = one.max_regression
    if isinstance(cap, str) and not _CAP.fullmatch(cap.strip()):
        raise ValueError("max_regression", f"needs a number or a percentage, not {cap!r}")
    if isinstance(cap, float) and not 0 <= cap < float("inf"):
        raise ValueError("max_regression", f"needs a number of 0 or more, not {cap:g}")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """A waiver as it was applied. `exceeded`: it has not expired, but the loss is beyond its cap."""

    state: Literal["valid", "expired", "exceeded"]
    until: str
    days: int
    by: str
    reason: str
    cap: str = ""


def applied(one: WaiverConfig, today: date, *, within: bool = True, cap: str = "") -> Waiver:
    days = one.days(today)
    state: Literal["valid", "expired", "exceeded"] = "valid" if within else "exceeded"
    return Waiver(
        state="expired" if days < 0 else state,
        until=one.expires,
        days=days,
        by=one.approved_by,
        reason=one.reason,
        cap=cap,
    )


def slice_of(metric: str) -> str:
    """`region=EU` of `slices.region=EU.recall`; "" for the whole set."""
    found = _SLICE.fullmatch(metric)
    return found[1] if found else ""


def for_gate(
    waivers: Iterable[WaiverConfig], gate: str, metric: str, today: date
) -> list[WaiverConfig]:
    """Those that name the gate and the metric's slice: the longest valid first, expired ones last."""
    part = slice_of(metric)
    found = [one for one in waivers if one.gate == gate and one.slice in (None, part)]
    return sorted(found, key=lambda one: (-one.days(today), one.reason))


def on_findings(
    findings: Iterable[Finding], waivers: Sequence[WaiverConfig], today: date
) -> list[Finding]:
    """Each finding, waived ones as notes that name the expiry: none is dropped, and an expired waiver is said."""
    return [_on_finding(finding, waivers, today) for finding in findings]


def _on_finding(finding: Finding, waivers: Sequence[WaiverConfig], today: date) -> Finding:
    rules = (finding.rule, finding.rule.partition("/")[0])
    fitting = [one for one in waivers if one.rule in rules and _matches(one, finding.path)]
    if not fitting:
        return finding
    one = max(fitting, key=lambda waiver: waiver.until)
    days = one.days(today)
    if days < 0:
        return finding._replace(what=f"{finding.what} (its waiver expired {one.expires})")
    waived = f"waived until {one.expires} ({days} days) by {one.approved_by}: {one.reason}"
    return finding._replace(what=f"{finding.what} ({waived})", level="note", undecided=False)


def _matches(one: WaiverConfig, path: str) -> bool:
    return one.path is None or path == one.path or fnmatch.fnmatchcase(path, one.path)
