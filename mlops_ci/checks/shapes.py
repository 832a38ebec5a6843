"""What a YAML document has to look like, and where it does not: all problems at once, each with the path to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_ci.suggestions import proposal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[Any, ...]
# A shape: a type (`object` is anything), None for nothing, a tuple of alternatives, Rows, Table, Fields or Fitting.
Shape = Any
_WORDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "a mapping",
}


class Rows(NamedTuple):
    """A list of one shape."""

    item: Shape


class Table(NamedTuple):
    """A mapping with any text as keys; `least` and `most`: how many."""

    value: Shape
    least: int = 0
    most: int | None = None


class Fields(NamedTuple):
    """A mapping with these keys and no others."""

    keys: dict[str, Shape]
    required: tuple[str, ...] = ()
    # Keys that earlier versions of DVC knew, and what became of them.
    gone: Mapping[str, str] = {}
    # Whether other keys may be there too.
    open: bool = False


class Either(NamedTuple):
    """The second shape for a mapping with one of these keys, else the first."""

    first: Fields
    second: Fields
    keys: frozenset[str]


def problems(shape: Shape, value: Any, at: Path = ()) -> Iterator[tuple[Path, str]]:
    """Path to the problem, and what it is."""
    if type(shape) is tuple:  # alternatives: Rows and the others are tuples of their own kind
        yield from _alternatives(shape, value, at)
    elif isinstance(shape, Either):
        second = isinstance(value, dict) and not shape.keys.isdisjoint(value)
        yield from problems(shape.second if second else shape.first, value, at)
    elif not _fits(shape, value):
        yield at, f"needs {_word(shape)}, not {_word(type(value), value)}"
    elif isinstance(shape, Rows):
        for index, item in enumerate(value):
            yield from problems(shape.item, item, (*at, index))
    elif isinstance(shape, Table):
        yield from _table(shape, value, at)
    elif isinstance(shape, Fields):
        yield from _fields(shape, value, at)


def _table(shape: Table, value: dict[Any, Any], at: Path) -> Iterator[tuple[Path, str]]:
    if len(value) < shape.least or (shape.most is not None and len(value) > shape.most):
        yield at, f"needs {'a' if len(value) < shape.least else 'only one'} key"
    for key, child in value.items():
        if not isinstance(key, str):
            yield (*at, key), f"needs text as its key, not {key!r}: put it in quotes"
        yield from problems(shape.value, child, (*at, key))


def _alternatives(shapes: tuple[Shape, ...], value: Any, at: Path) -> Iterator[tuple[Path, str]]:
    fitting = [one for one in shapes if _fits(one, value)]
    if fitting:
        yield from problems(fitting[0], value, at)
    else:
        words = " or ".join(_word(one) for one in shapes if one is not None)
        yield at, f"needs {words}, not {_word(type(value), value)}"


def _fields(shape: Fields, value: dict[Any, Any], at: Path) -> Iterator[tuple[Path, str]]:
    for key, child in value.items():
        if key in shape.keys:
            yield from problems(shape.keys[key], child, (*at, key))
        elif key in shape.gone:
            yield (*at, key), shape.gone[key]
        elif not shape.open:
            yield (*at, key), _unknown(key, list(shape.keys))
    for key in shape.required:
        if key not in value:
            yield at, f"needs the key {key}"


def _unknown(key: Any, known: list[str]) -> str:
    return f"unknown key {key!r}, {proposal(str(key), known)}"


def _fits(shape: Shape, value: Any) -> bool:
    kind = _kind(shape)
    if kind is None or value is None:
        return value is None and kind in (None, object)
    if isinstance(value, bool):
        return kind in (bool, object)
    return isinstance(value, kind)


def _kind(shape: Shape) -> type | None:
    if isinstance(shape, Rows):
        return list
    return dict if isinstance(shape, (Table, Fields, Either)) else shape


def _word(shape: Shape, value: Any = ...) -> str:
    if value is None:
        return "nothing"
    if value is not ... and not isinstance(value, (list, dict)):
        return repr(value)
    return _WORDS.get(_kind(shape), "a number")  # type: ignore[arg-type]
