"""A first JSON Schema from a config file and its older versions. Pure, and the same for the same versions.

It says only what is unlikely to stop a sound change: types; the keys that were always there; choices that came back;
0 … 1 for what is a share by its name. A person tightens the rest.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_COUNT = re.compile(
    r"(?:^|_)(?:n|num|epochs?|batch_?size|steps?|layers?|units|seed|random_state|max_depth|iterations|workers)(?:$|_)"
    r"|_(?:size|count|steps|epochs)$"
)
_SHARE = re.compile(r"(?:^|_)(?:dropout|ratio|fraction|share|probability|prob|momentum)(?:$|_)")
_RATE = re.compile(r"^(?:lr|learning_rate|initial_lr|base_lr)$")
_MOST_CHOICES = 5
# So many versions tell which keys are names and not settings.
_ENOUGH = 3
_MANY_KEYS = 200


def infer(versions: Sequence[Any], title: str) -> dict[str, Any]:
    """`versions`: the newest first. Raises ValueError where the newest is no mapping."""
    if not versions or not isinstance(versions[0], dict):
        raise ValueError("is not a mapping of keys")
    mappings = [_with_text_keys(one) for one in versions if isinstance(one, dict)]
    count = f"{len(mappings)} version{'' if len(mappings) == 1 else 's'}"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": f"From {count} by `mlops-ci schema infer`; a start, to be tightened.",
        **_object(mappings),
    }


def _with_text_keys(value: Any) -> Any:
    """JSON Schema knows no other keys, and the check reads them so."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(child) for key, child in value.items()}
    return [_with_text_keys(child) for child in value] if isinstance(value, list) else value


def _object(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    keys = list(dict.fromkeys(key for one in samples for key in one))
    always = [key for key in keys if all(key in one for one in samples)]
    if _are_names(samples, keys, always):
        values = [value for one in samples for value in one.values()]
        return {"type": "object", "additionalProperties": _schema("", values)}
    properties = {
        key: _schema(key, [one[key] for one in samples if key in one])
        for key in keys
        if key != "$schema"
    }
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if required := [key for key in always if key != "$schema"]:
        found["required"] = required
    if "$schema" in keys:
        properties["$schema"] = {"type": "string"}
    return {**found, "additionalProperties": False}


def _are_names(samples: Sequence[dict[str, Any]], keys: list[str], always: list[str]) -> bool:
    """Keys that come and go name things; those of a setting stay."""
    changing = len(samples) >= _ENOUGH and not always
    return not keys or len(keys) > _MANY_KEYS or changing


def _schema(key: str, values: Sequence[Any]) -> dict[str, Any]:
    if any(isinstance(value, float) and math.isnan(value) for value in values):
        return {}  # no type of JSON Schema
    kinds = {_kind(value) for value in values}
    if "number" in kinds or not _is_count(key, values):
        kinds = {"number" if kind == "integer" else kind for kind in kinds}
    names = sorted(kinds - {"null"}) + (["null"] if "null" in kinds else [])
    if not kinds - {"null"}:
        return {}  # nothing but null says nothing
    found: dict[str, Any] = {"type": names[0] if len(names) == 1 else names}
    if "object" in kinds:
        inner = _object([value for value in values if isinstance(value, dict)])
        found |= {name: part for name, part in inner.items() if name != "type"}
    if "array" in kinds:
        items = [item for value in values if isinstance(value, list) for item in value]
        found |= {"items": _schema(key, items)} if items else {}
    return found | _bounds(key, kinds, values) | _choices(kinds, values)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string")):
        if isinstance(value, kind):
            return name
    return "array" if isinstance(value, list) else "object"


def _is_count(key: str, values: Iterable[Any]) -> bool:
    """`dropout: 0` and `C: 1` are numbers that happen to be whole."""
    whole = [one for one in values if isinstance(one, int) and not isinstance(one, bool)]
    return bool(_COUNT.search(key.lower())) or any(abs(one) > 1 for one in whole)


def _bounds(key: str, kinds: set[str], values: Iterable[Any]) -> dict[str, Any]:
    if not kinds <= {"number", "null"}:
        return {}
    numbers = [value for value in values if value is not None]
    name = key.lower()
    if _SHARE.search(name) and all(0 <= value <= 1 for value in numbers):
        return {"minimum": 0, "maximum": 1}
    return {"exclusiveMinimum": 0} if _RATE.search(name) and all(v > 0 for v in numbers) else {}


def _choices(kinds: set[str], values: Sequence[Any]) -> dict[str, Any]:
    """Only of texts that came back after another: what was changed once will be changed to something new."""
    if kinds != {"string"}:
        return {}
    runs = [one for number, one in enumerate(values) if not number or one != values[number - 1]]
    different = sorted(set(runs))
    if 1 < len(different) <= _MOST_CHOICES and len(runs) > len(different):
        return {"enum": different}
    return {}
