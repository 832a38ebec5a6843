"""Pictures of the HTML report: an icon a result, and the change against its limit. Only numbers go in."""

from __future__ import annotations

# A shape for each, so that colour is never the only difference.
_RING = "M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm0 1.6a6.4 6.4 0 1 0 0 12.8A6.4 6.4 0 0 0 8 1.6Z"
_WARN = (
    "M6.6 1.3a1.6 1.6 0 0 1 2.8 0l6.1 11.4a1.6 1.6 0 0 1-1.4 2.3H1.9a1.6 1.6 0 0 1-1.4-2.3L6.6 1.3Z"
    "M7.2 5.4v4h1.6v-4H7.2ZM8 13a1 1 0 1 0 0-2 1 1 0 0 0 0 2Z"
)
_PATHS = {
    "fail": "M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0ZM5.2 4 4 5.2 6.8 8 4 10.8 5.2 12 8 9.2 10.8 12 12 10.8 9.2 8 12 5.2 "
    "10.8 4 8 6.8Z",
    "inconclusive": _WARN,
    "warn": _WARN,
    "waived": f"{_RING}M8.8 3.8v3.9l2.5 1.5-.8 1.3-3.3-2V3.8h1.6Z",
    "pass": "M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm3.9 5.1L7 10 4.6 7.6 3.4 8.8 7 12.3l6-6-1.1-1.2Z",
    "none": f"{_RING}M4.5 7.2h7v1.6h-7V7.2Z",
}  # fmt: skip
_WORDS = {"inconclusive": "cannot tell", "none": "not judged"}
# The axis runs from -4 to +4 limits, better to the right.
_ENDS, _LIMIT_WIDTH = 4.0, 12


def shape(result: str) -> str:
    return result if result in _PATHS else "none"


def icon(result: str) -> str:
    name = shape(result)
    return (
        f'<svg class="i {name}" viewBox="0 0 16 16" role="img" aria-label="{_WORDS.get(name, name)}">'
        f'<path fill="currentColor" fill-rule="evenodd" d="{_PATHS[name]}"/></svg>'
    )


def plot(
    ratio: float | None, result: str, *, gain: bool, ends: tuple[float, float] | None = None
) -> str:
    """The change as a dot, its interval as a bar, its limit as a dashed line. `gain`: the limit of improvements."""
    if ratio is None:
        return ""
    side = 1 if gain else -1
    zone = '<rect class="zone" x="{}%" y="0" width="{}%" height="100%"/>'.format(
        *((_x(side), 100 - _x(side)) if gain else (0, _x(side)))
    )
    lines = f"{_line('limit', side)}{_line('zero', 0)}"
    tone = shape(result)
    if result == "pass" and ratio <= 0:
        tone = "none"
    return (
        f'<svg class="{tone}" role="img" aria-label="{ratio:.2g} times the limit">'
        f"{zone}{lines}{_bar(*ends) if ends else ''}{_dot(ratio)}</svg>"
    )


def _x(ratio: float) -> int:
    return round(50 + _LIMIT_WIDTH * ratio)


def _line(kind: str, at: float) -> str:
    return f'<line class="{kind}" x1="{_x(at)}%" x2="{_x(at)}%" y1="0" y2="100%"/>'


def _bar(low: float, high: float) -> str:
    """Cut at the ends of the axis, where an arrowhead says so."""
    left, right = (50 + _LIMIT_WIDTH * max(-_ENDS, min(_ENDS, end)) for end in (low, high))
    bar = f'<line class="bar" x1="{left:.1f}%" x2="{right:.1f}%" y1="50%" y2="50%"/>'
    arrows = (("◂", "1%", "start", low < -_ENDS), ("▸", "99%", "end", high > _ENDS))
    return bar + "".join(
        f'<text class="end" x="{at}" y="50%" dy=".35em" text-anchor="{anchor}">{sign}</text>'
        for sign, at, anchor, clipped in arrows
        if clipped
    )


def _dot(ratio: float) -> str:
    if abs(ratio) > _ENDS:
        sign, at, anchor = ("▸", "99%", "end") if ratio > 0 else ("◂", "1%", "start")
        return f'<text class="end" x="{at}" y="50%" dy=".35em" text-anchor="{anchor}">{sign}</text>'
    return f'<circle class="dot" cx="{50 + _LIMIT_WIDTH * ratio:.1f}%" cy="50%" r="5"/>'
