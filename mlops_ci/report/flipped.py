"""Examples that one model gets right and the other wrong, as lines of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.predictions.flips import flips
from mlops_ci.report import spans
from mlops_ci.report.spans import Code

if TYPE_CHECKING:
    from mlops_ci.model import ModelComparison
    from mlops_ci.report.spans import Line

_IDS, _SLICES = 6, 3


def headline(model: ModelComparison) -> Line:
    """`31 newly wrong, 12 newly right`; nothing where none flipped or nobody knows."""
    found = flips(model.predictions)
    if found is None or not (found.wrong or found.right):
        return ()
    return (f"{len(found.wrong):,} newly wrong, {len(found.right):,} newly right",)


def lines(model: ModelComparison) -> list[Line]:
    """Which examples, and in which slices most of them are."""
    found = flips(model.predictions)
    if found is None:
        return []
    shown = [
        (title, *_some(ids))
        for title, ids in (("newly wrong: ", found.wrong), ("newly right: ", found.right))
        if ids
    ]
    slices: list[Line] = [
        (Code(one.name), f" {one.wrong:,} wrong, {one.right:,} right")
        for one in found.slices[:_SLICES]
    ]
    return [*shown, *([("most in ", *spans.joined(slices, "; "))] if slices else [])]


def _some(ids: tuple[str, ...]) -> Line:
    more = f" and {len(ids) - _IDS:,} more" if ids[_IDS:] else ""
    return (*spans.joined([(Code(one),) for one in ids[:_IDS]]), more)
