"""Metrics and params files: JSON, YAML 1.2, TOML, and Python files that are read and never run."""

from __future__ import annotations

import copy
import fnmatch
import math
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import UnreadableError
from mlops_ci.limits import MAX_BYTES

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Iterator

    from mlops_ci.model import Value

FLOAT_BITS = 1000
_MAX_DEPTH = 200
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TOML_PLACE = re.compile(r" \(at line ([0-9]+), column ([0-9]+)\)$")
_DEEP_KEY = re.compile(r"(?:[\w\"'-]+[ \t]*\.[ \t]*){100}")


@lru_cache(maxsize=4096)
def parse(path: str, data: bytes) -> Any:
    """The content of a file as dicts, lists and scalars; the suffix names the format and YAML is the default,
    as in DVC (https://dvc.org/doc/command-reference/metrics#supported-file-formats). An empty file is `{}`.

    Most files are the same on both sides of a comparison, and a params file is asked for by many: the value is
    shared, and nobody may change it. Raises UnreadableError, one line that begins with `path`.
    """
    text = decode(path, data)
    reader = _READERS.get(path[path.rfind(".") :].lower(), _yaml)
    try:
        value = reader(text, path)
    except (RecursionError, MemoryError):
        raise UnreadableError(f"{path}: nested too deeply") from None
    if _too_deep(value):
        raise UnreadableError(f"{path}: nested too deeply")
    return {} if value is None else value


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [child for one in level for child in _children(one)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    """Only what can have children itself."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (child for child in inner if isinstance(child, (dict, list)))


def flatten(value: Any, stem: str = "") -> Iterator[tuple[str, Value]]:
    """Dotted names and values: `{"a": {"b": 1}}` gives `("a.b", 1)`.

    A list is one value. Null is missing. A file that is a single value, or a list, is named by `stem`.
    """
    if isinstance(value, dict):
        for key, child in value.items():
            yield from flatten(child, f"{stem}.{key}" if stem else str(key))
    elif value is not None:
        yield stem, plain(value)


def plain(value: Any) -> Value:
    """The same value in types that JSON has; dates as ISO 8601 text. An integer beyond every float is infinite."""
    if isinstance(value, int) and value.bit_length() > FLOAT_BITS:
        return math.copysign(math.inf, value > 0 or -1)
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_item(child) for child in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_item(child) for child in value), key=repr)
    as_text = getattr(value, "isoformat", None)  # dates and times of TOML
    return str(as_text()) if as_text else repr(value)


def _item(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _item(child) for key, child in value.items()}
    return None if value is None else plain(value)


def select(value: Any, keys: Iterable[str]) -> dict[str, Any]:
    """The named parts of a params file. A key is a dotted path; each part may be a pattern such as `*`.

    Parts that are absent are left out. https://dvc.org/doc/user-guide/project-structure/dvcyaml-files#parameters
    """
    chosen: dict[str, Any] = {}
    for key in keys:
        for path, found in _matches(value, key.split("."), ()):
            _put(chosen, path, copy.deepcopy(found))  # what is merged below must not change `value`
    return chosen


def find(value: Any, key: str) -> list[Any]:
    """The values that one dotted key stands for: several when a part of it is a pattern."""
    return [found for _, found in _matches(value, key.split("."), ())]


def _matches(
    value: Any,
    parts: list[str],
    path: tuple[str, ...],
) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not parts:
        yield path, value
        return
    children: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for name, child in children:
        if str(name) == parts[0] or fnmatch.fnmatchcase(str(name), parts[0]):
            yield from _matches(child, parts[1:], (*path, str(name)))


def _put(into: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        inner = into.setdefault(part, {})
        if not isinstance(inner, dict):
            return  # the whole of it was asked for already
        into = inner
    if isinstance(value, dict) and isinstance(into.get(path[-1]), dict):
        into[path[-1]] = into[path[-1]] | value
    else:
        into[path[-1]] = value


def decode(path: str, data: bytes) -> str:
    """UTF-8, with or without a byte-order mark; UTF-16 with one, which is what PowerShell's `>` writes."""
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"{path}: {len(data):,} bytes, more than the limit of {MAX_BYTES:,}")
    try:
        return data.decode("utf-16" if data[:2] in _UTF_16_MARKS else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{path}: not UTF-8 text (byte {error.start})") from error


def _yaml(text: str, path: str) -> Any:
    from mlops_ci import yaml

    return yaml.load(text, path)


def _json(text: str, path: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise UnreadableError(f"{path}: duplicate key {twice!r}")
        return found

    import json

    if not text.strip():
        return None
    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise UnreadableError(
            f"{path}:{error.lineno}:{error.colno}: broken JSON: {error.msg}"
        ) from error
    except ValueError as error:  # an integer of more than 4,300 digits
        raise UnreadableError(f"{path}: broken JSON: {error}") from error


def _toml(text: str, path: str) -> Any:
    try:
        return load_toml(text)
    except ValueError as error:  # TOMLDecodeError, or an integer of more than 4,300 digits
        what = str(error)
        place = _TOML_PLACE.search(what)
        where = f"{path}:{place[1]}:{place[2]}" if place else path
        raise UnreadableError(f"{where}: broken TOML: {_TOML_PLACE.sub('', what)}") from error


def load_toml(text: str) -> Any:
    """Raises ValueError. A key `a.a.a…` of 100 KB would make tomllib use all memory: it keeps every prefix."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    if _DEEP_KEY.search(text):
        raise ValueError("a key of more than 100 parts")
    return tomllib.loads(text)


def _python(text: str, path: str) -> dict[str, Any]:
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in somebody's string
            body = ast.parse(text).body
        return _python_names(body, of_self=False)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else path
        raise UnreadableError(f"{where}: broken Python: {getattr(error, 'msg', error)}") from error


def _python_names(body: list[ast.stmt], *, of_self: bool) -> dict[str, Any]:
    """Literal assignments, class bodies as nested dicts, and `self.x = …` in `__init__`, as DVC reads them."""
    import ast

    names: dict[str, Any] = {}
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            names[statement.name] = _python_names(statement.body, of_self=False)
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            names.update(_python_names(statement.body, of_self=True))
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            names.update(_python_assignment(statement, of_self=of_self))
    return names


def _python_assignment(statement: ast.Assign | ast.AnnAssign, *, of_self: bool) -> dict[str, Any]:
    import ast

    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if len(targets) != 1 or statement.value is None:
        return {}
    target = targets[0]
    try:
        value = ast.literal_eval(statement.value)
    except (ValueError, TypeError):
        return {}
    if isinstance(target, ast.Name) and not of_self:
        return {target.id: value}
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        return {target.attr: value} if target.value.id == "self" else {}
    return {}


_READERS: dict[str, Callable[[str, str], Any]] = {".json": _json, ".toml": _toml, ".py": _python}
