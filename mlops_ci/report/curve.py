"""Two curves as inline SVG for the page: its style sheet has the colours, for a light and a dark ground."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.plots import Curve
from mlops_ci.report import spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops_ci.plots import PlotChange

_WIDTH, _HEIGHT = 720, 268
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 585, 16, 216
_APART = 20
_LARGEST = 1e300


def draw(one: PlotChange, description: str) -> str:
    """Base dashed, head solid and above it, each named at its end. Empty: there is nothing that can be drawn."""
    sides = {
        name: side.points
        for name, side in (("base", one.baseline), ("head", one.candidate))
        if isinstance(side, Curve)
    }
    places = [point for points in sides.values() for point in points]
    if not places or max(abs(value) for point in places for value in point) > _LARGEST:
        return ""
    x, y = (
        _Scale([p[0] for p in places], _LEFT, _RIGHT),
        _Scale([p[1] for p in places], _BOTTOM, _TOP, 0.05),
    )
    return "".join((
        f'<svg class="curve" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="two curves">',
        f"<desc>{html.escape(description)}</desc>",
        *_axes(x, y, one.x),
        *(_line(name, points, x, y) for name, points in sides.items()),
        *_names(sides, y),
        "</svg>",
    ))  # fmt: skip


class _Scale:
    """Numbers to units of the drawing, with round ticks. `room`: the share of the whole that stays free at the ends."""

    def __init__(self, values: Sequence[float], start: float, end: float, room: float = 0) -> None:
        low, high = min(values), max(values)
        margin = (high - low) * room or ((abs(low) * 0.1 or 1.0) if low == high else 0.0)
        self.low, self.high = low - margin, high + margin
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * share

    def ticks(self) -> list[tuple[float, str]]:
        """About five, at multiples of 1, 2 or 5 times a power of ten."""
        raw = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(raw)) if raw else 0.0
        step = next((power * size for size in (1, 2, 5, 10) if power * size >= raw), 0.0)
        if not step or self.low + step == self.low:
            return []
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        return [(at * step, _shown(at * step, decimals)) for at in range(first, last + 1)]


def _shown(value: float, decimals: int) -> str:
    size = abs(value)
    if size >= 1e6 or decimals > 4:
        return text.number(float(f"{value:.3g}"))
    return text.number(round(value, decimals), decimals)


def _axes(x: _Scale, y: _Scale, label: str) -> Iterator[str]:
    for value, shown in y.ticks():
        at = f"{y(value):.1f}"
        yield f'<line class="rule" x1="{_LEFT}" x2="{_RIGHT}" y1="{at}" y2="{at}"/>'
        yield f'<text class="tick" x="{_LEFT - 8}" y="{at}" dy=".35em" text-anchor="end">{shown}</text>'
    for value, shown in x.ticks():
        yield f'<text class="tick" x="{x(value):.1f}" y="{_BOTTOM + 22}" text-anchor="middle">{shown}</text>'
    named = html.escape(text.visible(label, 60))
    middle = (_LEFT + _RIGHT) // 2
    yield f'<text class="tick" x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{named}</text>'


def _line(name: str, points: Sequence[tuple[float, float]], x: _Scale, y: _Scale) -> str:
    shown = [f"{x(a):.1f},{y(b):.1f}" for a, b in points]
    if len(shown) == 1:
        place = shown[0].partition(",")
        return f'<circle class="{name}" cx="{place[0]}" cy="{place[2]}" r="4"/>'
    return f'<polyline class="{name}" points="{" ".join(shown)}"/>'


def _names(sides: Mapping[str, Sequence[tuple[float, float]]], y: _Scale) -> Iterator[str]:
    """At the right end, pushed apart where they would cover each other."""
    ends = {name: points[-1][1] for name, points in sides.items()}
    at = {name: y(value) for name, value in ends.items()}
    if len(at) == 2 and abs(at["base"] - at["head"]) < _APART:
        middle, head_up = (at["base"] + at["head"]) / 2, at["head"] <= at["base"]
        middle = min(max(middle, _TOP + _APART / 2), _BOTTOM - _APART / 2)
        shift = -_APART / 2 if head_up else _APART / 2
        at = {"head": middle + shift, "base": middle - shift}
    values = _values(ends)
    for name, place in at.items():
        shown = f"{name} {values[name]}"
        yield f'<text class="end-{name}" x="{_RIGHT + 8}" y="{place:.1f}" dy=".35em">{shown}</text>'


def _values(ends: dict[str, float]) -> dict[str, str]:
    rounded = {name: float(f"{value:.4g}") for name, value in ends.items()}
    decimals = text.decimals_for(*rounded.values()) if len(rounded) == 2 else None
    return {name: spans.plain((text.number(value, decimals),)) for name, value in rounded.items()}
