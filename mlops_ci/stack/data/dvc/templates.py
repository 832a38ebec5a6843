"""`${…}` in dvc.yaml: variables, and the stages that `foreach` and `matrix` stand for.

The language: https://dvc.org/doc/user-guide/project-structure/dvcyaml-files#templating
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from mlops_ci.formats import flatten

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXPRESSION = re.compile(r"(?<!\\)\$\{(.*?)\}")
_NOT_SET = object()
# No variable has an empty name, so nothing is found there.
_NOWHERE = ("",)
_Aliases = dict[tuple[str, ...], tuple[str, ...]]


class TemplateError(Exception):
    """What is wrong, in a few words; the caller knows the file and the stage."""


class Scope:
    """The variables that one dvc.yaml, or one stage, can see.

    `values`: all variables, merged. `sources`: the files they were loaded from, to tell which params a stage uses.
    `aliases`: `item` and `key` of a generated stage, and which variable each stands for.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self.aliases: _Aliases = {}
        self.used: dict[str, dict[str, Any]] = {}

    def child(self, extra: dict[str, Any], aliases: _Aliases) -> Scope:
        child = Scope()
        child.values = {**self.values, **extra}
        child.sources = dict(self.sources)
        child.aliases = {**self.aliases, **aliases}
        return child

    def load(self, path: str, values: Any) -> None:
        """Add the variables of a file. Loading one file twice is fine; two values for one name are not."""
        if not isinstance(values, dict):
            raise TemplateError(f"{path} is not a mapping")
        known = self.sources.get(path, {})
        values = {key: value for key, value in values.items() if key not in known}
        self.add(values, path)
        self.sources[path] = {**known, **values}

    def add(self, values: dict[str, Any], where: str) -> None:
        self.values = _merge(self.values, values, where)

    def select(self, expression: str, *, note_use: bool = True) -> tuple[Any, tuple[str, ...]]:
        """The value of `a.b[0]` and its path. Raises TemplateError when there is none."""
        parts = tuple(
            part.strip() for part in expression.replace("[", ".").replace("]", "").split(".")
        )
        value: Any = self.values
        for part in parts:
            value = _child(value, part)
            if value is _NOT_SET:
                raise TemplateError(f"${{{expression}}} is not defined")
        path = self._path(parts)
        if note_use and not isinstance(value, dict):
            self._note_use(path, value)
        return value, path

    def _path(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        for length in (2, 1):
            if parts[:length] in self.aliases:
                return self.aliases[parts[:length]] + parts[length:]
        return parts

    def _note_use(self, path: tuple[str, ...], value: Any) -> None:
        for source, values in self.sources.items():
            if _lookup(values, path) is not _NOT_SET:
                self.used.setdefault(source, {})[".".join(path)] = value

    def resolve(self, value: Any, key: str = "") -> Any:
        """`value` with every `${…}` replaced, in keys too. A lone `${x}` keeps the type of x."""
        if isinstance(value, str):
            return self._resolve_text(value, key)
        if isinstance(value, list):
            return [self.resolve(child, key) for child in value]
        if isinstance(value, dict):
            return {self.resolve(k, key): self.resolve(child, key) for k, child in value.items()}
        return value

    def _resolve_text(self, text: str, key: str) -> Any:
        if "$" not in text:
            return text
        whole = _EXPRESSION.fullmatch(text)
        if whole and len(_EXPRESSION.findall(text)) == 1:
            value, _ = self.select(whole[1])
            _check_plain(value, key)
            return value
        filled = _EXPRESSION.sub(lambda match: self._fill(match[1], key), text)
        return filled.replace("\\${", "${")

    def _fill(self, expression: str, key: str) -> str:
        value, _ = self.select(expression)
        _check_plain(value, key)
        return _to_text(value)


def _merge(into: dict[str, Any], new: dict[str, Any], where: str) -> dict[str, Any]:
    merged = dict(into)
    for key, value in new.items():
        old = merged.get(key, _NOT_SET)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merge(old, value, where)
        elif old is _NOT_SET:
            merged[key] = value
        else:
            raise TemplateError(f"{where} defines {key!r} again")
    return merged


def _child(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part, _NOT_SET)
    if isinstance(value, list):
        try:
            return value[int(part)]
        except (ValueError, IndexError):
            return _NOT_SET
    return _NOT_SET


def _lookup(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = _child(value, part)
    return value


def _check_plain(value: Any, key: str) -> None:
    if isinstance(value, (dict, list)) and key and not (isinstance(value, dict) and key == "cmd"):
        raise TemplateError(
            f"a {'list' if isinstance(value, list) else 'mapping'} cannot stand in {key!r}"
        )


def _to_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return " ".join(_arguments(value))
    return str(value)


def _arguments(values: dict[str, Any]) -> Iterator[str]:
    """A mapping in `cmd` becomes command-line options."""
    import shlex

    for name, value in flatten(values):
        if isinstance(value, bool):
            if value:
                yield f"--{name}"
        elif isinstance(value, list):
            yield " ".join([f"--{name}", *(shlex.quote(str(item)) for item in value)])
        else:
            yield f"--{name} {shlex.quote(str(value))}"


_Generated = tuple[str, dict[str, Any], "_Aliases"]


def expand(
    name: str, definition: dict[str, Any], scope: Scope
) -> Iterator[tuple[str, dict[str, Any], Scope]]:
    """The stages that one entry of `stages` stands for: name, body and the scope to resolve the body in."""
    if "foreach" in definition:
        body = definition.get("do")
        generated = _foreach(*_iterable(definition["foreach"], scope))
    elif "matrix" in definition:
        body = {key: value for key, value in definition.items() if key != "matrix"}
        generated = _matrix(definition["matrix"], scope)
    else:
        yield name, definition, scope.child({}, {})
        return
    if not isinstance(body, dict):
        raise TemplateError("do needs a mapping")
    for key, extra, aliases in generated:
        yield f"{name}@{key}", body, scope.child(extra, aliases)


def _iterable(source: Any, scope: Scope) -> tuple[Any, tuple[str, ...]]:
    """What to iterate over, and the path of the variable it is."""
    if isinstance(source, str) and (whole := _EXPRESSION.fullmatch(source)):
        return scope.select(whole[1], note_use=False)
    return scope.resolve(source), _NOWHERE


def _foreach(items: Any, path: tuple[str, ...]) -> Iterator[_Generated]:
    if isinstance(items, dict):
        for key, value in items.items():
            text = _to_text(key)
            yield text, {"item": value, "key": text}, {("item",): (*path, text), ("key",): _NOWHERE}
    elif isinstance(items, list):
        composite = any(isinstance(item, (dict, list)) for item in items)
        for index, value in enumerate(items):
            text = str(index) if composite else _to_text(value)
            yield text, {"item": value}, {("item",): (*path, str(index))}
    else:
        raise TemplateError(f"foreach needs a list or a mapping, not {items!r}")


def _matrix(definition: Any, scope: Scope) -> Iterator[_Generated]:
    if not isinstance(definition, dict):
        raise TemplateError("matrix needs a mapping of lists")
    axes = {axis: _iterable(source, scope) for axis, source in definition.items()}
    if not all(isinstance(items, list) for items, _ in axes.values()):
        raise TemplateError("matrix needs a mapping of lists")
    for chosen in itertools.product(*(enumerate(items) for items, _ in axes.values())):
        named = list(zip(axes.items(), chosen, strict=True))
        item = {axis: value for (axis, _), (_, value) in named}
        key = "-".join(
            f"{axis}{index}" if isinstance(value, (dict, list)) else _to_text(value)
            for (axis, _), (index, value) in named
        )
        aliases: _Aliases = {("item",): _NOWHERE, ("key",): _NOWHERE}
        for (axis, (_, path)), (index, _) in named:
            aliases["item", axis] = (*path, str(index))
        yield key, {"item": item, "key": key}, aliases
