"""Plots as `dvc.yaml` declares them, and what they show on two sides: plain data.

https://dvc.org/doc/user-guide/project-structure/dvcyaml-files#plots
"""

from __future__ import annotations

import posixpath
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_COLUMNS = 12


@dataclass(frozen=True, kw_only=True)
class Plot:
    """`path`: its data or image, or just a name when `props` names the files. `folder`: where their paths begin."""

    path: str
    folder: str = ""
    props: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What of one file is drawn. Without `x` it is the number of the row, without `ys` the last column."""

    path: str
    x: str = ""
    ys: tuple[str, ...] = ()
    x_label: str = ""
    y_label: str = ""
    template: str = ""
    header: bool = True

    @property
    def says_what(self) -> bool:
        return bool(self.x or self.ys or self.template)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """`points`: finite, sorted by x; of the `count` in the file those that keep its shape. `skipped`: no numbers."""

    points: tuple[tuple[float, float], ...]
    count: int
    skipped: int = 0


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """How many rows of each actual label were predicted as what."""

    labels: tuple[str, ...]
    counts: dict[tuple[str, str], int]

    @property
    def right(self) -> int:
        return sum(
            count for (actual, predicted), count in self.counts.items() if actual == predicted
        )

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A PNG or JPEG; `width` and `height` in pixels."""

    media: Literal["image/png", "image/jpeg"]
    content: bytes = field(repr=False)
    width: int
    height: int


Drawing: TypeAlias = Curve | Matrix | Picture
PlotKind = Literal["curve", "confusion", "picture", "other"]


@dataclass(frozen=True, kw_only=True)
class PlotChange:
    """One drawing that differs. A side without it is None; both are where it cannot be drawn, for a `reason`.

    `x` and `y` name the axes; `digests` are the SHA-256 of the file on both sides, empty where it was not read.
    """

    path: str
    kind: PlotKind
    change: Literal["changed", "added", "removed"]
    x: str = ""
    y: str = ""
    baseline: Drawing | None = None
    candidate: Drawing | None = None
    reason: str = ""
    digests: tuple[str, str] = ("", "")


def sources(plots: Iterable[Plot]) -> dict[str, list[Source]]:
    """What is drawn, by path. A bare path adds nothing where another declaration says what to draw of it."""
    found: dict[str, list[Source]] = {}
    for plot in plots:
        for source in _sources(plot):
            own = found.setdefault(source.path, [])
            if source not in own:
                own.append(source)
    return {path: [one for one in own if one.says_what] or own for path, own in found.items()}


def _sources(plot: Plot) -> Iterator[Source]:
    props, y = plot.props, plot.props.get("y")
    named = {key: _text(props.get(key)) for key in ("x_label", "y_label", "template")}
    header = props.get("header") is not False
    if not isinstance(y, dict):
        yield Source(path=plot.path, x=_text(props.get("x")), ys=_names(y), header=header, **named)
        return
    for file, columns in y.items():
        path = posixpath.normpath(posixpath.join(plot.folder, str(file)))
        x = props.get("x")
        x = x.get(file) if isinstance(x, dict) else x
        yield Source(path=path, x=_text(x), ys=_names(columns), header=header, **named)


def _text(value: Any) -> str:
    return str(value) if isinstance(value, (str, int, float)) else ""


def _names(value: Any) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    return tuple(filter(None, map(_text, found)))[:_MOST_COLUMNS]
