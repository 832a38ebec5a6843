"""The plots of one model as GitHub markdown: folded, with the result in the line that stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.plots import Curve, Matrix
from mlops_ci.report import gfm, mermaid, plots, spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.plots import PlotChange

_OPEN = "<details><summary><b>{}</b> "
_WORDS = {"curve": "Curve", "confusion": "Confusion"}
_PARTLY = "One side is longer: it is drawn as far as both go."
_OTHERS = "Other plots"
_MOST, _MOST_CELLS, _MOST_LISTED = 6, 8, 20


def section(found: Sequence[PlotChange]) -> Iterator[str]:
    """Charts and tables of the first few, the names of all others."""
    told = [one for one in plots.drawn(found) if one.kind in _WORDS and _has_sides(one)]
    for one in told[:_MOST]:
        named = _OPEN.format(_WORDS[one.kind])
        yield f"{named}{gfm.summary((*plots.title(one, found), ': ', *plots.words(one)))}</summary>"
        yield ""
        yield from _confusion(one) if one.kind == "confusion" else _curve(one)
        yield "</details>"
        yield ""
    others = [*told[_MOST:], *(one for one in found if one not in told)]
    if others:
        yield from _others(others, found)


def _has_sides(one: PlotChange) -> bool:
    return one.baseline is not None and one.candidate is not None


def _curve(one: PlotChange) -> Iterator[str]:
    """The chart, or its small form where mermaid cannot draw it."""
    if not (isinstance(one.baseline, Curve) and isinstance(one.candidate, Curve)):
        return
    fence = list(mermaid.chart(one))
    yield from fence
    if fence and plots.ends(one.baseline) != plots.ends(one.candidate):
        yield from ["", f"<sub>{_PARTLY}</sub>"]
    if not fence:
        before, after = plots.sparklines(one.baseline, one.candidate)
        yield (
            f"`{before}` → `{after}`" if before else "Both sides: `mlops-ci report -o report.html`"
        )
    yield ""


def _confusion(one: PlotChange) -> Iterator[str]:
    if not (isinstance(one.baseline, Matrix) and isinstance(one.candidate, Matrix)):
        return
    changed = plots.changed_cells(one.baseline, one.candidate)
    cells = [cell for cell in changed if cell.actual != cell.predicted]
    if not cells:
        yield from ["No mistake is more or less frequent.", ""]
        return
    yield "| actual | taken for | base → head | change |"
    yield "|:--|:--|:--|:--|"
    for cell in cells[:_MOST_CELLS]:
        names = f"{gfm.code(cell.actual, cell=True)} | {gfm.code(cell.predicted, cell=True)}"
        sides = gfm.line(spans.arrow(f"{cell.baseline:,}", f"{cell.candidate:,}"))
        yield f"| {names} | {sides} | **{text.change(cell.delta, 0)}** |"
    if more := len(cells) - _MOST_CELLS:
        yield from [f"| and {text.plural(more, 'smaller change')} | | | |"] if more > 0 else []
    yield ""


def _others(others: list[PlotChange], found: Sequence[PlotChange]) -> Iterator[str]:
    yield f"{_OPEN.format(_OTHERS)}changed: {len(others):,}</summary>"
    yield ""
    for one in others[:_MOST_LISTED]:
        yield f"- {gfm.line(plots.listing(one, found))}"
    more = len(others) - _MOST_LISTED
    yield from [f"- and {more:,} more"] if more > 0 else []
    yield ""
    yield "</details>"
    yield ""
