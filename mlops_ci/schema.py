"""The JSON Schema of `mlops-ci.yaml`, for editors.

Regenerate: `python -m mlops_ci.schema > mlops_ci/config.schema.json`
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.config import Config, MetricConfig
from mlops_ci.gate_config import GateConfig
from mlops_ci.typed import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        return _union([one for one in arguments if one is not type(None)], len(arguments))
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _nullable_object(_of(arguments[1]))}
    if origin is list:
        return {"type": "array", "items": _of(arguments[0])}
    return {"type": _SCALARS[kind]}


def _union(kinds: list[Any], count: int) -> dict[str, Any]:
    if len(kinds) == 1:
        return _optional(_of(kinds[0]))
    names = [_SCALARS[kind] for kind in kinds]
    return {"type": [*names, "null"] if count > len(kinds) else names}


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
        key_of(one): {
            "description": one.metadata["doc"],
            **_of(hints[one.name]),
            **one.metadata["schema"],
        }
        for one in dataclasses.fields(kind)
    }
    nothing = dataclasses.MISSING
    required = [
        key_of(one)
        for one in dataclasses.fields(kind)
        if one.default is nothing and one.default_factory is nothing
    ]
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def config_page() -> str:
    """The page of the docs that lists every key."""
    lines = [_PAGE, "| key | type | meaning |", "|:--|:--|:--|"]
    lines += [f"| `{key}` | {kind} | {meaning} |" for key, kind, meaning in _keys(Config, "")]
    return "\n".join(lines) + "\n"


_PAGE = """\
# mlops-ci.yaml

One file in the root of the repository. Everything works without it: models, metrics and params then come from the
`dvc.yaml` files. Editors complete and explain it with `mlops_ci/config.schema.json`:

```yaml
# yaml-language-server: $schema=https://raw.githubusercontent.com/mlops-ci/mlops-ci/main/mlops_ci/config.schema.json
version: 1
baseline: {ref: main}
metrics:
  accuracy: {tolerance: 0.001}
  churn_cost: {direction: lower_is_better}
models:
  churn:
    path: models/churn
  fraud:
    include: models/fraud/mlops-ci.yaml
```

All errors are reported at once, as `file:line:col: what, did you mean, how to fix`, with exit code 2. The config of the
candidate is used: that of the work tree, or of HEAD when it is named.

`python -m mlops_ci.schema page > docs/configuration.md` writes this page.
"""


def _keys(kind: Any, prefix: str) -> Iterator[tuple[str, str, str]]:
    hints = typing.get_type_hints(kind)
    for one in dataclasses.fields(kind):
        inner, suffix = _item(hints[one.name])
        key = f"{prefix}{key_of(one)}"
        meaning = one.metadata["doc"].replace("|", "\\|")
        yield key, _type_name(hints[one.name]), meaning
        listed_elsewhere = prefix and inner in (MetricConfig, GateConfig)
        if dataclasses.is_dataclass(inner) and not listed_elsewhere:
            yield from _keys(inner, f"{key}{suffix}.")


def _item(kind: Any) -> tuple[Any, str]:
    """The dataclass to list below a key, and what stands for its name or place."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict:
        return arguments[1], ".NAME"
    if origin is list:
        return arguments[0], "[]"
    return (arguments[0] if origin in (typing.Union, types.UnionType) else kind), ""


def _type_name(kind: Any) -> str:
    schema = _of(kind)
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"] if choice is not None)
    types_ = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = {"object": "mapping", "array": "list", "string": "text"}
    return " or ".join(words.get(str(name), str(name)) for name in types_ if name != "null")


if __name__ == "__main__":
    schema = json.dumps(config_schema(), indent=2) + "\n"
    sys.stdout.write(config_page() if sys.argv[1:] == ["page"] else schema)
