"""The plots of one model as HTML: curves, confusion matrices, and images inside of the page."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.plots import Curve, Matrix, Picture
from mlops_ci.report import curve, markup, plots, spans
from mlops_ci.report.spans import Strong

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.plots import PlotChange
    from mlops_ci.report.plots import Cell
    from mlops_ci.report.spans import Line

MOST = 24
MAX_EMBEDDED = 8_000_000
_LARGEST_MATRIX = 24
_MOST_CELLS = 40
_CAPTION = (
    "Head, below it the change from base. A row is an actual label, a column what it was taken for."
)


def section(found: Sequence[PlotChange]) -> Iterator[str]:
    if not found:
        return
    yield f"<h3>{text.plural(len(found), 'plot')} changed</h3>"
    drawn, room = plots.drawn(found), MAX_EMBEDDED
    listed = [*plots.not_drawn(found), *drawn[MOST:]]
    for one in drawn[:MOST]:
        room -= _size(one)
        yield from _figure(one, plots.title(one, found)) if room >= 0 else ()
        listed += [one] if room < 0 else []
    if listed:
        yield "<ul>"
        yield from (f"<li>{markup.line(plots.listing(one, found))}</li>" for one in listed)
        yield "</ul>"


def _size(one: PlotChange) -> int:
    sides = (one.baseline, one.candidate)
    return sum(len(side.content) for side in sides if isinstance(side, Picture))


def _figure(one: PlotChange, title: Line) -> Iterator[str]:
    """What it says comes first, in the same words as everywhere."""
    yield "<figure>"
    word = "Confusion in " if one.kind == "confusion" else ""
    named = f"{word}{markup.line(title)}"
    yield f"<figcaption><b>{named}</b><small>{markup.line(plots.words(one))}</small></figcaption>"
    if one.kind == "curve":
        yield curve.draw(one, spans.plain((*title, ": ", *plots.words(one))))
        yield from _thinned(one)
    elif one.kind == "confusion":
        yield from _confusion(one)
    else:
        yield from _pair(one)
    yield "</figure>"


def _thinned(one: PlotChange) -> Iterator[str]:
    counts = [
        (len(side.points), side.count)
        for side in (one.baseline, one.candidate)
        if isinstance(side, Curve)
    ]
    if any(shown < count for shown, count in counts):
        shown, count = max(counts, key=lambda both: both[1])
        yield f'<p class="mut">Drawn with {shown:,} of {count:,} points; no peak is left out.</p>'


def _pair(one: PlotChange) -> Iterator[str]:
    yield '<div class="pair">'
    for name, side in (("base", one.baseline), ("head", one.candidate)):
        if isinstance(side, Picture):
            data = base64.b64encode(side.content).decode("ascii")
            alt = html.escape(f"{text.visible(one.path)}, {name}")
            size = f'width="{side.width}" height="{side.height}"'
            image = f'<img src="data:{side.media};base64,{data}" alt="{alt}" {size}>'
            yield f"<div><small>{name}</small>{image}</div>"
    yield "</div>"


def _confusion(one: PlotChange) -> Iterator[str]:
    old, new = (
        side if isinstance(side, Matrix) else Matrix(labels=(), counts={})
        for side in (one.baseline, one.candidate)
    )
    labels = plots.labels(old, new)
    if len(labels) > _LARGEST_MATRIX:
        yield from _largest(plots.changed_cells(old, new))
        return
    most = max((abs(cell.delta) for cell in plots.changed_cells(old, new)), default=1)
    titles = [("actual", "t"), *((_label(label), "n") for label in labels)]
    yield from markup.table("Confusion matrix", _CAPTION, titles, "heat")
    yield "<tbody>"
    for actual in labels:
        cells = (plots.cell(old, new, actual, predicted) for predicted in labels)
        shown = "".join(_cell(cell, most) for cell in cells)
        yield f'<tr><th scope="row">{_label(actual)}</th>{shown}</tr>'
    yield markup.END


def _label(label: str) -> str:
    return f"<code>{html.escape(text.visible(label, 24))}</code>"


def _cell(cell: Cell, most: int) -> str:
    """The larger the change, the stronger the ground; more of what is wrong is a loss."""
    right = cell.actual == cell.predicted
    if not cell.delta:
        zero = not cell.candidate and not right
        return f'<td class="n">{"·" if zero else f"{cell.candidate:,}"}</td>'
    tone = "gain" if (cell.delta > 0) == right else "loss"
    strength = 1 if abs(cell.delta) * 3 <= most else 2 if abs(cell.delta) * 3 <= 2 * most else 3
    delta = text.change(cell.delta, 0)
    return f'<td class="n {tone}{strength}">{cell.candidate:,}<small>{delta}</small></td>'


def _largest(cells: list[Cell]) -> Iterator[str]:
    titles = (("actual, taken for", ""), ("base", "n"), ("head", "n"), ("change", "n"))
    shown = min(len(cells), _MOST_CELLS)
    caption = f"The {shown} largest of {text.plural(len(cells), 'change')}."
    yield from markup.table("Largest changes", caption, titles)
    yield "<tbody>"
    for cell in cells[:shown]:
        right = cell.actual == cell.predicted
        tone: spans.Tone = "gain" if (cell.delta > 0) == right else "loss"
        delta = markup.span(Strong(text.change(cell.delta, 0), tone))
        numbers = (f"{cell.baseline:,}", f"{cell.candidate:,}", delta)
        shown_numbers = "".join(f'<td class="n">{number}</td>' for number in numbers)
        yield f'<tr><th scope="row">{markup.line(plots.mistake(cell))}</th>{shown_numbers}</tr>'
    yield markup.END
