"""Files of plots: tables as CSV, TSV, JSON or YAML, and images as PNG or JPEG."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import math
import struct
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci import formats
from mlops_ci.errors import UnreadableError
from mlops_ci.plots import Curve, Drawing, Matrix, Picture, PlotChange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.plots import Source

MAX_TABLE, MAX_YAML, MAX_PICTURE = 8_000_000, 1_000_000, 1_000_000
MAX_ROWS, MAX_POINTS, MAX_LABELS = 200_000, 300, 100
_MAX_PIXELS = 40_000_000
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_TABLES = (*_DELIMITERS, ".json", ".yaml", ".yml")
PICTURES = (".png", ".jpg", ".jpeg")
SUFFIXES = (*_TABLES, *PICTURES)
# Frames of a JPEG that hold its size: all SOFn but DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def changes(source: Source, old: bytes | None, new: bytes | None) -> Iterator[PlotChange]:
    """What of one file differs; the file itself, with the reason, where that cannot be told."""
    whole = PlotChange(
        path=source.path,
        kind="other",
        change=changed(old, new),
        digests=(_digest(old), _digest(new)),
    )
    try:
        sides = _drawings(source, old, "baseline"), _drawings(source, new, "candidate")
    except UnreadableError as error:
        yield replace(whole, reason=str(error).removeprefix(f"{source.path}: "))
        return
    for key in dict.fromkeys((*sides[0], *sides[1])):
        yield from _change(whole, source, key, sides[0].get(key), sides[1].get(key))


def changed(old: object, new: object) -> Literal["changed", "added", "removed"]:
    return "added" if old is None else "removed" if new is None else "changed"


def _change(
    whole: PlotChange, source: Source, name: str, old: Drawing | None, new: Drawing | None
) -> Iterator[PlotChange]:
    if old == new:
        return
    kind = _KINDS[type(old or new)]
    named = kind == "curve"
    yield replace(
        whole,
        kind=kind,
        change=changed(old, new),
        x=(source.x_label or source.x or "row") if named else "",
        y=(source.y_label if source.y_label and len(source.ys) < 2 else name) if named else "",
        baseline=_thin(old) if isinstance(old, Curve) else old,
        candidate=_thin(new) if isinstance(new, Curve) else new,
    )


_KINDS: dict[type, Literal["curve", "confusion", "picture"]] = {
    Curve: "curve",
    Matrix: "confusion",
    Picture: "picture",
}


def _digest(content: bytes | None) -> str:
    return "" if content is None else f"sha256:{hashlib.sha256(content).hexdigest()}"


def _drawings(source: Source, content: bytes | None, side: str) -> dict[str, Drawing]:
    """By column, or by nothing. Raises UnreadableError."""
    if content is None:
        return {}
    suffix = source.path[source.path.rfind(".") :].lower()
    try:
        if suffix in PICTURES:
            return {"": _picture(content)}
        return _from_table(source, _table(source, content, suffix))
    except (UnreadableError, csv.Error) as error:
        raise UnreadableError(f"{side}: {str(error).removeprefix(f'{source.path}: ')}") from error


@dataclass(frozen=True)
class _Table:
    names: list[str]
    rows: list[Any]
    cell: Callable[[Any, str], Any]

    def column(self, name: str) -> list[Any]:
        if name not in self.names:
            raise UnreadableError(f"there is no column {name!r}")
        return [self.cell(row, name) for row in self.rows]


def _table(source: Source, content: bytes, suffix: str) -> _Table:
    if suffix not in _TABLES or source.template.startswith("bar_"):
        raise UnreadableError("is of a kind that is not drawn here")
    limit = MAX_YAML if suffix in (".yaml", ".yml") else MAX_TABLE
    if len(content) > limit:
        raise UnreadableError(f"{len(content):,} bytes, more than the limit of {limit:,}")
    if suffix in _DELIMITERS:
        text = formats.decode(source.path, content)
        found = _delimited(text, _DELIMITERS[suffix], header=source.header)
    else:
        found = _listed(formats.parse(source.path, content))
    if len(found.rows) > MAX_ROWS:
        raise UnreadableError(f"more than the limit of {MAX_ROWS:,} rows")
    if not found.rows:
        raise UnreadableError("holds no rows")
    return found


def _delimited(text: str, delimiter: str, *, header: bool) -> _Table:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = [row for _, row in zip(range(MAX_ROWS + 2), reader, strict=False) if row]
    first = rows[0] if rows else []
    names = first if header else [str(at) for at in range(len(first))]
    place = {name: at for at, name in enumerate(names)}

    def cell(row: list[str], name: str) -> str | None:
        at = place[name]
        return row[at] if at < len(row) else None

    return _Table(names, rows[1:] if header else rows, cell)


def _listed(value: Any) -> _Table:
    """The first list of mappings, however deep, as in DVC."""
    level = [value]
    while level:
        for one in level:
            if isinstance(one, list) and one and isinstance(one[0], dict):
                rows = [row for row in one if isinstance(row, dict)]
                return _Table([str(key) for key in rows[0]], rows, lambda row, name: row.get(name))
        level = [child for one in level if isinstance(one, dict) for child in one.values()]
    raise UnreadableError("holds no list of rows")


def _from_table(source: Source, table: _Table) -> dict[str, Drawing]:
    ys = source.ys or tuple(table.names[-1:])
    if source.template.startswith("confusion"):
        if not source.x or len(ys) != 1:
            raise UnreadableError("a confusion matrix needs one x and one y")
        return {"": _matrix(table.column(source.x), table.column(ys[0]))}
    x = table.column(source.x) if source.x else None
    return {name: _curve(x, table.column(name)) for name in ys}


def _matrix(actual: list[Any], predicted: list[Any]) -> Matrix:
    pairs = Counter(zip(map(str, actual), map(str, predicted), strict=True))
    labels = {label for pair in pairs for label in pair}
    if len(labels) > MAX_LABELS:
        raise UnreadableError(f"{len(labels):,} labels, more than the limit of {MAX_LABELS}")
    return Matrix(labels=ordered(labels), counts=dict(pairs))


def ordered(labels: set[str]) -> tuple[str, ...]:
    """Numbers by value, and before words."""
    found = [(number, label) for label in labels if (number := _number(label)) is not None]
    numbers = [label for _, label in sorted(found)]
    return (*numbers, *sorted(labels.difference(numbers)))


def _curve(x: list[Any] | None, y: list[Any]) -> Curve:
    ys = [_number(one) for one in y]
    xs = [_number(one) for one in x] if x else []
    if not xs or None in xs:  # words, dates, or none: in the order of the file
        xs = [float(at) for at in range(len(ys))]
    points = [(a, b) for a, b in zip(xs, ys, strict=True) if a is not None and b is not None]
    if not points:
        raise UnreadableError("holds no numbers to draw")
    points.sort(key=lambda point: point[0])
    return Curve(points=tuple(points), count=len(points), skipped=len(ys) - len(points))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _thin(curve: Curve) -> Curve:
    """The lowest and the highest point of each stretch, and both ends: no peak is lost."""
    points = curve.points
    if len(points) <= MAX_POINTS:
        return curve
    stretches = (MAX_POINTS - 2) // 2
    edges = [round(at * len(points) / stretches) for at in range(stretches + 1)]
    kept = {0, len(points) - 1}
    for start, end in itertools.pairwise(edges):
        kept.add(min(range(start, end), key=lambda at: points[at][1]))
        kept.add(max(range(start, end), key=lambda at: points[at][1]))
    return replace(curve, points=tuple(points[at] for at in sorted(kept)))


def _picture(content: bytes) -> Picture:
    """By its own first bytes, whatever its name says."""
    if len(content) > MAX_PICTURE:
        raise UnreadableError(f"{len(content):,} bytes, more than the limit of {MAX_PICTURE:,}")
    media: Literal["image/png", "image/jpeg"]
    if (
        content.startswith(b"\x89PNG\r\n\x1a\n")
        and content[12:16] == b"IHDR"
        and len(content) >= 24
    ):
        media, (width, height) = "image/png", struct.unpack(">II", content[16:24])
    elif content.startswith(b"\xff\xd8\xff"):
        media, (width, height) = "image/jpeg", _jpeg_size(content)
    else:
        raise UnreadableError("is no PNG and no JPEG")
    if not 0 < width * height <= _MAX_PIXELS:
        raise UnreadableError(
            f"{width:,} × {height:,} pixels, more than the limit of {_MAX_PIXELS:,}"
        )
    return Picture(media=media, content=content, width=width, height=height)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """From the first frame header. https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.1.1 and B.2.2"""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + max(length, 2)
    raise UnreadableError("is no PNG and no JPEG")
