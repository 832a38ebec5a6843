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

from mlops_ci.config import Config

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
        key = f"{prefix}{one.name}"
        meaning = one.metadata["doc"].replace("|", "\\|")
        yield key, _type_name(hints[one.name]), meaning
        if dataclasses.is_dataclass(inner) and not (prefix and inner.__name__ == "MetricConfig"):
            yield from _keys(inner, f"{key}{suffix}.")


def _item(kind: Any) -> tuple[Any, str]:
    return (typing.get_args(kind)[1], ".NAME") if typing.get_origin(kind) is dict else (kind, "")


def _type_name(kind: Any) -> str:
    schema = _of(kind)
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"] if choice is not None)
    name = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    return {"object": "mapping", "array": "list", "string": "text"}.get(name, name)


if __name__ == "__main__":
    schema = json.dumps(config_schema(), indent=2) + "\n"
    sys.stdout.write(config_page() if sys.argv[1:] == ["page"] else schema)
