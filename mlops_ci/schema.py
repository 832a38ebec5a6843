"""The JSON Schema of `mlops-ci.yaml`, for editors.

Regenerate: `python -m mlops_ci.schema > mlops_ci/config.schema.json`
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from typing import Any, Literal

from mlops_ci.config import Config

_SCALARS = {str: "string", float: "number", int: "integer", bool: "boolean"}


def config_schema() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mlops-ci.yaml",
        "description": "What mlops-ci compares and how. See the README of mlops-ci/mlops-ci.",
        **_of(Config),
    }


def _of(kind: Any) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _object(typing.cast("type[Any]", kind))
    if origin in (typing.Union, types.UnionType):
        return _optional(_of(next(one for one in arguments if one is not type(None))))
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _nullable_object(_of(arguments[1]))}
    if origin is list:
        return {"type": "array", "items": _of(arguments[0])}
    return {"type": _SCALARS[kind]}


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def _nullable_object(schema: dict[str, Any]) -> dict[str, Any]:
    """`auc:` with nothing behind it is an entry with all defaults."""
    return {**schema, "type": ["object", "null"]}


def _object(kind: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    properties = {
        one.name: {"description": one.metadata["doc"], **_of(hints[one.name])}
        for one in dataclasses.fields(kind)
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(config_schema(), indent=2) + "\n")
