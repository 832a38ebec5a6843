"""Statements as JSON: written in one canonical way, read with suspicion.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md and https://slsa.dev/spec/v1.0/provenance
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, TypeAlias

from mlops_ci.errors import UnreadableError

Statement: TypeAlias = dict[str, Any]
Descriptor: TypeAlias = dict[str, Any]

STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://mlops-ci.dev/buildtypes/train/v1"
# GitHub takes attestations of up to 16 MB: https://github.com/actions/attest
MAX_BYTES = 16 * 1024 * 1024
MAX_LINES = 1000
_MAX_DEPTH = 40
_HEX = re.compile(r"[0-9a-f]{32,128}")
_DRIVE = re.compile(r"[A-Za-z]:")


def encode(statement: Statement) -> str:
    """One line: sorted keys, no spaces, ASCII, numbers that are not finite as strings. Equal facts give equal bytes."""
    return json.dumps(finite(statement), sort_keys=True, separators=(",", ":"), allow_nan=False)


def decode(content: bytes, where: str) -> list[Statement]:
    """The Statements of a Record. Raises UnreadableError, one line that begins with `where`, for what is no Record."""
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"{where}: {len(content):,} bytes, more than a Record can have")
    lines = content.split(b"\n")
    if lines[-1]:
        raise UnreadableError(f"{where}: the last line has no end: the file is truncated")
    if not 1 <= len(lines) - 1 <= MAX_LINES:
        raise UnreadableError(f"{where}: {len(lines) - 1:,} lines, a Record has 1 to {MAX_LINES:,}")
    return [_statement(line, f"{where}:{number}") for number, line in enumerate(lines[:-1], 1)]


def plain(value: Any) -> Any:
    """A value as it reads back from a Record, to be compared with one that was."""
    return json.loads(json.dumps(finite(value)))


def provenance(statements: list[Statement]) -> list[Statement]:
    """Those that say what made a model."""
    return [one for one in statements if one["predicateType"] == PROVENANCE]


def is_inside(path: str) -> bool:
    """Whether a recorded path can only be a file of the repository, by its spelling."""
    parts = path.split("/")
    wrong = path.startswith("/") or "\\" in path or "\0" in path or _DRIVE.match(path)
    return not wrong and not any(part in ("", ".", "..", ".git") for part in parts)


def _statement(line: bytes, where: str) -> Statement:
    statement = _load(line, where)
    problem = _problem(statement)
    if problem:
        raise UnreadableError(f"{where}: {problem}")
    return statement  # type: ignore[no-any-return]


def _load(line: bytes, where: str) -> Any:
    try:
        text = line.decode("ascii")
        depth = _depth(text)
        if depth > _MAX_DEPTH:
            raise UnreadableError(f"{where}: nested {depth} deep, more than a Record can be")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{where}: is not a line of a Record: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it has a character that is not ASCII"
    return str(error).splitlines()[0]


def _depth(text: str) -> int:
    """How deep brackets nest at most, outside of strings: known before a parser recurses."""
    if (most := text.count("[") + text.count("{")) <= _MAX_DEPTH:
        return most  # which is fast, and enough for nearly all
    deepest = depth = 0
    for mark in re.sub(r'"(?:[^"\\]|\\.)*"|[^][{}]', "", text):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers of a key that stands twice may each see another value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _problem(statement: Any) -> str:
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT:
        return f"is not an in-toto Statement ({STATEMENT})"
    if not isinstance(statement.get("predicateType"), str):
        return "has no predicateType"
    if not isinstance(statement.get("predicate"), dict):
        return "has no predicate"
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or not subjects:
        return "has no subject: it says nothing about any file"
    problem = next(filter(None, map(_descriptor_problem, subjects)), "")
    if not problem and statement["predicateType"] == PROVENANCE:
        return _provenance_problem(statement["predicate"]) or _subject_problem(subjects)
    return problem


def _subject_problem(subjects: list[Descriptor]) -> str:
    """What is no file to a reader is passed over by it, and would prove nothing."""
    wrong = [one["name"] for one in subjects if kind_of(one) not in ("model", "output")]
    return f"its subject {wrong[0]!a} is neither a model nor an output" if wrong else ""


def kind_of(one: Descriptor) -> Any:
    """What it stands for, None for what does not say."""
    return one.get("annotations", {}).get("kind")


# Where a provenance predicate must have a mapping, and where a list of descriptors.
_TABLES = (("buildDefinition", "externalParameters"), ("runDetails", "builder"))
_OPTIONAL_TABLES = (("buildDefinition", "internalParameters"), ("runDetails", "metadata"))
_LISTS = (("buildDefinition", "resolvedDependencies"), ("runDetails", "byproducts"))


def _provenance_problem(predicate: dict[str, Any]) -> str:
    for outer, inner in (*_TABLES, *_OPTIONAL_TABLES, *_LISTS):
        part = predicate.get(outer)
        if not isinstance(part, dict):
            return f"its {outer} is not a mapping"
        optional = (outer, inner) not in _TABLES
        wanted: type = list if (outer, inner) in _LISTS else dict
        if not isinstance(part.get(inner), wanted) and not (optional and inner not in part):
            return f"its {outer}.{inner} is not a {'list' if wanted is list else 'mapping'}"
    if predicate["buildDefinition"].get("buildType") != BUILD_TYPE:
        return f"its buildType is not {BUILD_TYPE}: another tool wrote it"
    listed = (one for outer, inner in _LISTS for one in predicate[outer].get(inner, []))
    return next(filter(None, map(_descriptor_problem, listed)), "")


def _descriptor_problem(one: Any) -> str:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str) or not one["name"]:
        return "it names a file or a fact without a name"
    digest, annotations = one.get("digest", {}), one.get("annotations", {})
    tables = isinstance(digest, dict) and isinstance(annotations, dict)
    if not tables or not isinstance(annotations.get("kind", ""), str):
        return f"the digest or the annotations of {one['name']!a} are not mappings of texts"
    for value in digest.values():
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            return f"a digest of {one['name']!a} is not hexadecimal"
    if annotations.get("kind") in FILES and not is_inside(one["name"]):
        return f"{one['name']!a} is not a path inside the repository"
    size = annotations.get("size", 0)
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 60:
        return f"the size of {one['name']!a} is not possible"
    return ""


# `kind` of a descriptor that stands for bytes at a path of the repository.
FILES = frozenset({"model", "output", "data", "code", "metrics", "environment"})


def finite(value: Any) -> Any:
    """The same as JSON can hold it: numbers that are not finite as strings."""
    if isinstance(value, dict):
        return {str(key): finite(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(child) for child in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
