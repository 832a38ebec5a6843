"""Two curves as a mermaid chart, which GitHub draws without any hosting. https://mermaid.js.org/syntax/xyChart.html

It cannot follow GitHub's theme, so its colours are seen on a light and on a dark ground alike.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from mlops_ci.plots import Curve
from mlops_ci.report import plots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.plots import PlotChange

BASE, HEAD, _INK = "#818b98", "#bf5700", "#767e89"
# What cannot end a string, begin a directive, or be anything but a label. All else is left out.
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_./() -]{0,39}")
_SMALLEST, _LARGEST = 1e-9, 1e12
_INIT = json.dumps({
    "xyChart": {
        "width": 760, "height": 300, "titleFontSize": 14,
        "xAxis": {"labelFontSize": 12, "titleFontSize": 12}, "yAxis": {"labelFontSize": 11},
    },
    "themeVariables": {
        "xyChart": {
            "backgroundColor": "transparent", "plotColorPalette": f"{BASE}, {HEAD}", "titleColor": _INK,
            **{
                f"{axis}Axis{part}Color": _INK
                for axis in "xy"
                for part in ("Label", "Title", "Line", "Tick")
            },
        }
    },
})  # fmt: skip


def chart(one: PlotChange) -> Iterator[str]:
    """The fenced block; nothing where the two sides cannot be drawn on one grid of plain numbers."""
    if not (isinstance(one.baseline, Curve) and isinstance(one.candidate, Curve)):
        return
    xs = plots.grid(one.baseline.points, one.candidate.points)
    if not xs:
        return
    before, after = (plots.along(side.points, xs) for side in (one.baseline, one.candidate))
    low, high = min(*before, *after), max(*before, *after)
    if not (_can_be_written(low, high) and _can_be_written(xs[0], xs[-1])):
        return
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    bottom, top = low - margin, high + margin
    if low >= 0 and high <= 1:  # a share or a probability, which has no room outside
        bottom, top = max(bottom, 0.0), min(top, 1.0)
    decimals = _decimals(high - low or margin)
    yield "```mermaid"
    yield f"%%{{init: {_INIT}}}%%"
    yield "xychart-beta"
    yield f'  title "{_titled(one.y)}base (grey), head (orange)"'
    yield f"  x-axis {_quoted(one.x)}{_number(xs[0], xs[-1] - xs[0])} --> {_number(xs[-1], xs[-1] - xs[0])}"
    yield f"  y-axis {bottom:.{decimals}f} --> {top:.{decimals}f}"
    for values in (before, after):
        yield f"  line [{', '.join(f'{value:.{decimals}f}' for value in values)}]"
    yield "```"


def _can_be_written(low: float, high: float) -> bool:
    """Mermaid reads no exponents."""
    size, width = max(abs(low), abs(high)), high - low
    return size < _LARGEST and (size == 0 or size > _SMALLEST) and (width == 0 or width > _SMALLEST)


def _decimals(width: float) -> int:
    """Three digits of the whole height."""
    return min(12, max(0, 2 - math.floor(math.log10(width))))


def _number(one: float, width: float) -> str:
    shown = f"{one:.{_decimals(width) + 1}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _quoted(label: str) -> str:
    return f'"{label}" ' if _LABEL.fullmatch(label) else ""


def _titled(label: str) -> str:
    return f"{label}: " if _LABEL.fullmatch(label) else ""
