"""Builds dataclasses from YAML: every value checked against its annotation, all errors kept, each with its place."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import field
from typing import Any, Literal

from mlops_ci.suggestions import closest, proposal

Marks = dict[tuple[Any, ...], tuple[int, int]]


def doc(text: str, schema: dict[str, Any] | None = None, key: str = "", **options: Any) -> Any:
    """A field with its description; `schema`: what the JSON Schema says beyond the type.

    `key`: how the file writes it, where that is no Python name.
    """
    return field(metadata={"doc": text, "schema": schema or {}, "key": key}, **options)


def key_of(one: dataclasses.Field[Any]) -> str:
    """The key of a field in the file."""
    return one.metadata.get("key") or one.name


class Builder:
    """Builds a value of a given type; what is wrong goes to `errors` and the rest is checked on."""

    def __init__(self, path: str, marks: Marks) -> None:
        self._path = path
        self._marks = marks
        self.errors: list[str] = []

    def build(self, kind: Any, value: Any, at: tuple[Any, ...]) -> Any:
        origin = typing.get_origin(kind)
        if dataclasses.is_dataclass(kind):
            return self._object(typing.cast("type[Any]", kind), value, at)
        if origin in (typing.Union, types.UnionType):
            return None if value is None else self._one_of(typing.get_args(kind), value, at)
        if origin is Literal:
            return self._choice(typing.get_args(kind), value, at)
        if origin is dict:
            return self._mapping(typing.get_args(kind)[1], value, at)
        if origin is list:
            return self._list(typing.get_args(kind)[0], value, at)
        return self._scalar(kind, value, at)

    def _one_of(self, kinds: tuple[Any, ...], value: Any, at: tuple[Any, ...]) -> Any:
        kinds = tuple(kind for kind in kinds if kind is not type(None))
        fitting = (kind for kind in kinds if isinstance(kind, type) and _fits(kind, value))
        return self.build(next(fitting, kinds[0]), value, at)

    def _object(self, kind: type[Any], value: Any, at: tuple[Any, ...]) -> Any:
        if not isinstance(value, dict):
            return self._wrong(at, f"needs a mapping, not {_show(value)}")
        hints = typing.get_type_hints(kind)
        names = {key_of(one): one.name for one in dataclasses.fields(kind)}
        said = len(self.errors)
        built = {}
        for key, child in value.items():
            if key in names:
                name = names[key]
                built[name] = self.build(hints[name], child, (*at, key))
            else:
                self._wrong((*at, key), f"unknown key, {proposal(str(key), names)}")
        self._check_required(kind, value, at)
        try:
            return kind(**built)
        except TypeError:
            return None  # a required key is missing, which has been said
        except ValueError as error:  # of __post_init__, which may only miss what has been refused
            if len(self.errors) > said:
                return None
            *key, what = error.args
            return self._wrong((*at, *key), what)

    def _check_required(self, kind: type[Any], value: dict[Any, Any], at: tuple[Any, ...]) -> None:
        nothing = dataclasses.MISSING
        for one in dataclasses.fields(kind):
            optional = one.default is not nothing or one.default_factory is not nothing
            if not optional and key_of(one) not in value:
                self._wrong(at, f"needs the key {key_of(one)}")

    def _mapping(self, kind: Any, value: Any, at: tuple[Any, ...]) -> Any:
        if not isinstance(value, dict):
            return self._wrong(at, f"needs a mapping of names, not {_show(value)}")
        return {
            str(key): self.build(kind, {} if child is None else child, (*at, key))
            for key, child in value.items()
        }

    def _list(self, kind: Any, value: Any, at: tuple[Any, ...]) -> Any:
        if not isinstance(value, list):
            return self._wrong(at, f"needs a list, not {_show(value)}: write [{_show(value)}]")
        return [self.build(kind, child, (*at, index)) for index, child in enumerate(value)]

    def _choice(self, choices: tuple[Any, ...], value: Any, at: tuple[Any, ...]) -> Any:
        for one in choices:
            if value == one and isinstance(value, bool) == isinstance(one, bool):
                return one
        close = closest(str(value), [str(one) for one in choices])
        one_of = ", ".join(str(choice) for choice in choices)
        meant = f"did you mean {close}? " if close else ""
        return self._wrong(at, f"{_show(value)} is not possible, {meant}one of: {one_of}")

    def _scalar(self, kind: type[Any], value: Any, at: tuple[Any, ...]) -> Any:
        if _fits(kind, value):
            return self._float(value, at) if kind is float else value
        wanted = {str: "text", float: "a number", int: "a whole number", bool: "true or false"}[
            kind
        ]
        fix = ": put it in quotes" if kind is str and isinstance(value, (bool, int, float)) else ""
        return self._wrong(at, f"needs {wanted}, not {_show(value)}{fix}")

    def _float(self, value: float, at: tuple[Any, ...]) -> float | None:
        try:
            return float(value)
        except OverflowError:
            self._wrong(at, "is too large a number")
            return None

    def _wrong(self, at: tuple[Any, ...], what: str) -> None:
        line, column = self._marks.get(at, (1, 1))
        name = _printable(".".join(str(part) for part in at))
        self.errors.append(
            f"{self._path}:{line}:{column}: {f'{name}: ' if name else ''}{_printable(what)}"
        )


def _printable(text: str) -> str:
    """One line, whatever a key holds."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


def _fits(kind: type[Any], value: Any) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)
