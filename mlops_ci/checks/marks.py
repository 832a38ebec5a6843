"""The content of a config file, and where each of its keys stands: YAML 1.2, JSON and TOML."""

from __future__ import annotations

import math
import re
from typing import Any

from mlops_ci import formats
from mlops_ci.errors import UnreadableError

Marks = dict[tuple[str, ...], tuple[int, int]]
SUFFIXES = (".yaml", ".yml", ".json", ".toml")

_HEADER = re.compile(r"\s*\[(\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = re.compile(rf"(\s*)({_PART}(?:\s*\.\s*{_PART})*)\s*=")


def load(path: str, content: bytes) -> tuple[Any, Marks]:
    """The value, with texts as keys, and line and column (from 1) by path of keys, as texts too.

    Raises UnreadableError, `path:line:col: what`.
    """
    from mlops_ci import yaml

    value = _parse(path, content)
    text = formats.decode(path, content)
    marks: dict[tuple[Any, ...], tuple[int, int]] = {}
    if path.endswith(".toml"):
        marks = toml_marks(text)
    else:
        try:
            marks = yaml.load_marked(text, path)[1]
        except UnreadableError:  # JSON that is no YAML: only the places are lost
            marks = {}
    return with_text_keys(value), {tuple(map(str, keys)): at for keys, at in marks.items()}


def _parse(path: str, content: bytes) -> Any:
    """A key that stands twice in JSON has a place too: that which YAML says."""
    try:
        return formats.parse(path, content)
    except UnreadableError as error:
        if path.endswith(".json") and str(error).startswith(f"{path}: duplicate key"):
            from mlops_ci import yaml

            yaml.load_marked(formats.decode(path, content), path)
        raise


class _NotANumber:
    """NaN as JSON Schema has to see it: no number. As one it would be within each minimum and maximum."""

    def __repr__(self) -> str:
        return "NaN"


NAN = _NotANumber()


def with_text_keys(value: Any) -> Any:
    """JSON Schema knows no other keys, and no NaN."""
    if isinstance(value, float) and math.isnan(value):
        return NAN
    if isinstance(value, dict):
        return {str(key): with_text_keys(child) for key, child in value.items()}
    return [with_text_keys(child) for child in value] if isinstance(value, list) else value


def toml_marks(text: str) -> dict[tuple[Any, ...], tuple[int, int]]:
    """By tables and the keys at the start of lines; keys of inline tables stand where their table does."""
    marks: dict[tuple[Any, ...], tuple[int, int]] = {}
    table: tuple[Any, ...] = ()
    counts: dict[tuple[Any, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _split(header[2])
            if header[1]:
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            marks.setdefault(table, (number, line.index("[") + 1))
        elif key := _KEY.match(line):
            marks.setdefault((*table, *_split(key[2])), (number, len(key[1]) + 1))
    return marks


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, dotted))


def place(marks: Marks, keys: tuple[Any, ...]) -> tuple[int, int]:
    """Of the key, else of the nearest one around it; (0, 0) where none is known."""
    path = tuple(map(str, keys))
    while path and path not in marks:
        path = path[:-1]
    return marks.get(path, (0, 0))
