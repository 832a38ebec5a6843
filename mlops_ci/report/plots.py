"""What a plot says: in words, and as numbers that can be set side by side. Shared by the renderers."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.directions import direction_of
from mlops_ci.plots import Curve, Matrix, Picture
from mlops_ci.report import spans
from mlops_ci.report.spans import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.plots import PlotChange
    from mlops_ci.report.spans import Line

GRID = 24
_TRAINING = re.compile(r"(?:.*[_ ])?(?:epoch|step|iter(?:ation)?|round|batch)s?", re.IGNORECASE)
_BARS = "▁▂▃▄▅▆▇█"
_Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Of a confusion matrix: the rows of `actual` that were predicted as `predicted`, on both sides."""

    actual: str
    predicted: str
    baseline: int
    candidate: int

    @property
    def delta(self) -> int:
        return self.candidate - self.baseline


def title(one: PlotChange, among: Sequence[PlotChange]) -> Line:
    """With its file where others have the same axes."""
    if one.kind != "curve":
        return (Code(one.path),)
    alike = sum((other.y, other.x, other.kind) == (one.y, one.x, "curve") for other in among)
    return (Code(one.y), " by ", Code(one.x), *((" in ", Code(one.path)) if alike > 1 else ()))


def listing(one: PlotChange, among: Sequence[PlotChange]) -> Line:
    return (*title(one, among), " ", *words(one))


def words(one: PlotChange) -> Line:
    """What it shows, as one clause."""
    old, new = one.baseline, one.candidate
    if isinstance(old, Matrix) and isinstance(new, Matrix):
        return _confusion(old, new)
    if isinstance(old, Curve) and isinstance(new, Curve):
        return (*_curve(one, old.points, new.points), *_skipped(old, new))
    if one.reason:
        return (f"{one.change}, not drawn: ", *spans.prose(one.reason, 200))
    return (one.change,)


def _curve(one: PlotChange, old: _Points, new: _Points) -> Line:
    direction = direction_of(one.y)
    if direction != "neutral" and _TRAINING.fullmatch(one.x):
        return _best(one.x, old, new, lowest=direction == "lower_is_better")
    return _gap(one.x, old, new)


def _best(x: str, old: _Points, new: _Points, *, lowest: bool) -> Line:
    """`lowest at epoch 19 → 14 of 24: 0.265 → 0.251`."""
    pick = min if lowest else max
    (x0, y0), (x1, y1) = (pick(points, key=lambda point: point[1]) for points in (old, new))
    last = text.number(_plain(max(old[-1][0], new[-1][0])))
    word = "lowest" if lowest else "highest"
    places = spans.sides(_plain(x0), _plain(x1)) if x0 != x1 else (text.number(_plain(x0)),)
    return (f"{word} at ", Code(x), " ", *places, f" of {last}: ", *spans.sides(y0, y1))


def _gap(x: str, old: _Points, new: _Points) -> Line:
    """`differs most at coverage 0.95: 0.941 → 0.958; head is higher on 40 % of the way`."""
    xs = grid(old, new)
    if not xs:
        return ("the two sides share no stretch of ", Code(x))
    before, after = along(old, xs), along(new, xs)
    at = max(range(len(xs)), key=lambda index: abs(after[index] - before[index]))
    place = text.number(_plain(float(f"{xs[at]:.3g}")))
    sides = spans.sides(float(f"{before[at]:.5g}"), float(f"{after[at]:.5g}"))
    above = sum(b > a for a, b in zip(before, after, strict=True))
    below = sum(b < a for a, b in zip(before, after, strict=True))
    return (
        "differs most at ",
        Code(x),
        f" {place}: ",
        *sides,
        f"; {_share(above, below, len(xs))}",
    )


def _share(above: int, below: int, total: int) -> str:
    if above and below:
        return f"head is higher at {above} of {total} points, lower at {below}"
    if not above and not below:
        return "the same at all points compared"
    side, count = ("higher", above) if above else ("lower", below)
    return f"head is {side} at {count} of {total} points, nowhere {'lower' if above else 'higher'}"


def _plain(one: float) -> float:
    return int(one) if one.is_integer() and abs(one) < 1e15 else one


def _skipped(old: Curve, new: Curve) -> Line:
    count = old.skipped + new.skipped
    return (f"; {text.plural(count, 'row')} without a number left out",) if count else ()


def _confusion(old: Matrix, new: Matrix) -> Line:
    """The label that lost most, the mistake that grew most, then how many are right."""
    changed = changed_cells(old, new)
    lost = [one for one in changed if one.actual == one.predicted and one.delta < 0]
    errors = [one for one in changed if one.actual != one.predicted]
    grown = [one for one in errors if one.delta > 0]
    telling = [*lost[:1], *(grown or errors)[:1]]
    of = f" of {new.total:,}" if new.total == old.total else ""
    overall = ("right overall ", *spans.arrow(f"{old.right:,}", f"{new.right:,}"), of)
    return spans.joined([*map(_counted, telling), overall], "; ")


def _counted(one: Cell) -> Line:
    return (*mistake(one), " ", *spans.arrow(f"{one.baseline:,}", f"{one.candidate:,}"))


def mistake(one: Cell) -> Line:
    if one.actual == one.predicted:
        return ("right on ", Code(one.actual))
    return (Code(one.actual), " taken for ", Code(one.predicted))


def labels(old: Matrix, new: Matrix) -> tuple[str, ...]:
    """Of both sides, in order."""
    if set(old.labels) >= set(new.labels):
        return old.labels
    if set(new.labels) >= set(old.labels):
        return new.labels
    return (*old.labels, *(label for label in new.labels if label not in old.labels))


def cell(old: Matrix, new: Matrix, actual: str, predicted: str) -> Cell:
    key = actual, predicted
    return Cell(actual, predicted, old.counts.get(key, 0), new.counts.get(key, 0))


def changed_cells(old: Matrix, new: Matrix) -> list[Cell]:
    """The largest change first."""
    keys = sorted(old.counts.keys() | new.counts.keys())
    cells = (cell(old, new, *key) for key in keys)
    return sorted((one for one in cells if one.delta), key=lambda one: -abs(one.delta))


def grid(old: _Points, new: _Points, count: int = GRID) -> list[float]:
    """Evenly spaced places along x that both sides have, their own where these are few; none: they share nothing."""
    xs = [x for x, _ in old]
    if xs == [x for x, _ in new] and 1 < len(xs) <= count and _is_even(xs):
        return xs
    low, high = max(old[0][0], new[0][0]), min(old[-1][0], new[-1][0])
    if not low < high:
        return []
    width = high - low
    return [low + width * at / (count - 1) for at in range(count - 1)] + [high]


def ends(one: Curve) -> tuple[float, float]:
    """Where it begins and ends on the x axis."""
    return one.points[0][0], one.points[-1][0]


def _is_even(xs: Sequence[float]) -> bool:
    step = (xs[-1] - xs[0]) / (len(xs) - 1)
    return step > 0 and all(abs(x - xs[0] - step * at) <= step * 1e-6 for at, x in enumerate(xs))


def along(points: _Points, xs: Sequence[float]) -> list[float]:
    """The values at `xs`, on the straight line between the two nearest points."""
    places = [x for x, _ in points]
    return [_between(points, places, x) for x in xs]


def _between(points: _Points, places: list[float], x: float) -> float:
    at = bisect_left(places, x)
    if at < len(places) and places[at] == x:
        return points[at][1]
    if at in (0, len(places)):
        return points[min(at, len(places) - 1)][1]
    (x0, y0), (x1, y1) = points[at - 1], points[at]
    return y0 + (y1 - y0) * ((x - x0) / (x1 - x0))


def sparklines(old: Curve, new: Curve, width: int = 12) -> tuple[str, str]:
    """Both on one scale; empty where they share no stretch of x."""
    xs = grid(old.points, new.points, width)
    if not xs:
        return "", ""
    both = along(old.points, xs), along(new.points, xs)
    low, high = min(map(min, both)), max(map(max, both))
    if not 0 < high - low < float("inf"):
        return _BARS[0] * len(xs), _BARS[0] * len(xs)
    shown = ("".join(_BARS[round((y - low) / (high - low) * 7)] for y in ys) for ys in both)
    return next(shown), next(shown)


def lines(plots: Sequence[PlotChange]) -> Iterator[tuple[str, str, str]]:
    """For a terminal: the name and both sparklines of each curve that has two sides."""
    for one in plots:
        if isinstance(one.baseline, Curve) and isinstance(one.candidate, Curve):
            before, after = sparklines(one.baseline, one.candidate)
            if before:
                yield spans.plain(title(one, plots)), before, after


def drawn(plots: Sequence[PlotChange]) -> list[PlotChange]:
    """Those with something to draw, tables before pictures."""
    found = [one for one in plots if one.baseline or one.candidate]
    return sorted(found, key=lambda one: isinstance(one.candidate or one.baseline, Picture))


def not_drawn(plots: Sequence[PlotChange]) -> list[PlotChange]:
    return [one for one in plots if not (one.baseline or one.candidate)]
