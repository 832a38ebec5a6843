"""Predictions from CSV, TSV, JSONL and Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
import posixpath
from typing import TYPE_CHECKING, Any

from mlops_ci import limits
from mlops_ci.errors import UnreadableError
from mlops_ci.formats import decode
from mlops_ci.predictions import DELIMITERS, LINES, PARQUET, Predictions, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops_ci.predictions import PredictionsConfig


def read(path: str, content: bytes, config: PredictionsConfig, more: Iterable[str]) -> Predictions:
    """Columns that the config names, and those of `more` that there are.

    Raises UnreadableError for a file that is broken, lacks a column, or names an example twice.
    """
    needed = [
        config.id,
        config.label,
        *filter(None, (config.score, config.prediction, config.unit, config.query)),
    ]
    columns = _columns(path, content, needed, more)
    _refuse_missing(path, config.id, columns[config.id])
    ids = tuple(map(named, columns[config.id]))
    _refuse_twice(path, ids)
    _refuse_missing(path, config.label, columns[config.label])
    return Predictions(path=path, ids=ids, columns=columns)


def ids_of(path: str, content: bytes, column: str) -> set[str]:
    """The ids of any file of examples, which may name one several times. Raises UnreadableError."""
    return set(map(named, _columns(path, content, [column], ())[column]))


def _columns(
    path: str, content: bytes, needed: Sequence[str], more: Iterable[str]
) -> dict[str, list[Any]]:
    if len(content) > limits.MAX_PREDICTIONS:
        most = limits.MAX_PREDICTIONS
        raise UnreadableError(f"{path}: {len(content):,} bytes, more than the limit of {most:,}")
    suffix = posixpath.splitext(path)[1].lower()
    if suffix in PARQUET:
        columns = _parquet(path, content, {*needed, *more})
    else:
        columns = _text(path, decode(path, content), suffix, {*needed, *more})
    for name in needed:
        if name not in columns:
            raise UnreadableError(f"{path}: has no column {name!r}")
    return columns


def _refuse_missing(path: str, name: str, values: Sequence[Any]) -> None:
    """An example without a label is in no class: to count it as a negative would change every metric."""
    for row, value in enumerate(values, 1):
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            hint = "leave such rows out of the file, or name what they have"
            raise UnreadableError(f"{path}: row {row}: has no {name}", hint=hint)


def _refuse_twice(path: str, ids: Sequence[str]) -> None:
    if not ids:
        raise UnreadableError(f"{path}: holds no example")
    if len(set(ids)) == len(ids):
        return
    seen: set[str] = set()
    for row, name in enumerate(ids, 1):
        if name in seen:
            hint = "give each example an id of its own, or name the right column in predictions.id"
            raise UnreadableError(
                f"{path}: row {row}: the id {name!r} stands there twice", hint=hint
            )
        seen.add(name)


def _text(path: str, text: str, suffix: str, wanted: set[str]) -> dict[str, list[Any]]:
    if suffix in LINES:
        return _json_lines(path, text, wanted)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[suffix])
    try:
        names = next(reader, [])
        rows = [row for row in reader if row]
    except csv.Error as error:
        raise UnreadableError(f"{path}: line {reader.line_num}: {error}") from error
    _refuse_ambiguous(path, names, wanted)
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            what = f"has {len(row)} columns, not {len(names)}"
            raise UnreadableError(f"{path}: row {number} {what}")
    return {
        name: [row[place] for row in rows] for place, name in enumerate(names) if name in wanted
    }


def _refuse_ambiguous(path: str, names: Sequence[str], wanted: set[str]) -> None:
    for name in sorted(wanted):
        if list(names).count(name) > 1:
            raise UnreadableError(f"{path}: the column {name!r} stands there twice")


def _json_lines(path: str, text: str, wanted: set[str]) -> dict[str, list[Any]]:
    rows = []
    # Not splitlines(): a text in JSON may hold what Unicode calls a line end.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UnreadableError(f"{path}: line {number} is not JSON") from error
        if not isinstance(row, dict):
            raise UnreadableError(f"{path}: line {number} is not an object")
        rows.append(row)
    there = wanted & set().union(*rows) if rows else set()
    return {name: [row.get(name) for row in rows] for name in sorted(there)}


def _parquet(path: str, content: bytes, wanted: set[str]) -> dict[str, list[Any]]:
    try:
        from pyarrow import ArrowException, BufferReader, parquet
    except ImportError as error:
        hint = "pip install pyarrow, or write CSV or JSONL"
        raise UnreadableError(f"{path}: reading Parquet needs pyarrow", hint=hint) from error
    try:
        file = parquet.ParquetFile(BufferReader(content))
        there = [name for name in file.schema_arrow.names if name in wanted]
        _refuse_ambiguous(path, there, wanted)
        table = file.read(columns=there)
    except (ArrowException, OSError) as error:
        raise UnreadableError(f"{path}: is not Parquet: {str(error).splitlines()[0]}") from error
    return {name: _values(path, name, table.column(name)) for name in there}


def _values(path: str, name: str, column: Any) -> list[Any]:
    """Python has no value for a day far away, a zone it does not know, or a nanosecond (without pandas)."""
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, AttributeError) as error:
        hint = f"write the column {name} as text"
        raise UnreadableError(f"{path}: {name} cannot be read: {error}", hint=hint) from error
    return found
