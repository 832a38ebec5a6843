"""GitHub's OpenAPI description (npm @octokit/openapi, MIT; see slice.py): what is valid, and what answers look like."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import ValidationError

SPEC: dict[str, Any] = json.loads(
    Path(__file__).with_name("openapi.json").read_text(encoding="utf-8")
)
_RESOURCE = Resource.from_contents(SPEC, default_specification=DRAFT4)
_REGISTRY = Registry().with_resource("urn:github", _RESOURCE)


@cache
def _validator(path: str, method: str, tail: str) -> OAS30Validator:
    pointer = path.replace("~", "~0").replace("/", "~1")
    reference = {"$ref": f"urn:github#/paths/{pointer}/{method}/{tail}"}
    return OAS30Validator(reference, registry=_REGISTRY)


def request_errors(path: str, method: str, body: Any) -> list[str]:
    validator = _validator(path, method, "requestBody/content/application~1json/schema")
    return sorted(_said(error) for error in validator.iter_errors(body))


def answer_errors(path: str, method: str, status: int, body: Any) -> list[str]:
    tail = f"responses/{status}/content/application~1json/schema"
    return list(_placed(_validator(path, method, tail).iter_errors(body)))


def _placed(errors: Iterator[ValidationError]) -> Iterator[str]:
    for error in errors:
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:120]}"


def example(path: str, method: str, status: int) -> Any:
    """The example that GitHub gives of this answer: complete, so only state needs to be put into it."""
    content = SPEC["paths"][path][method]["responses"][str(status)]["content"]["application/json"]
    found = next(iter(content.get("examples", {}).values()), {})
    while "$ref" in found:
        *_, kind, name = found["$ref"].split("/")
        found = SPEC["components"][kind][name]
    return json.loads(json.dumps(found.get("value", {})))


def _said(error: ValidationError) -> str:
    """As GitHub words it."""
    if error.validator == "required":
        return f'"{error.message.split(chr(39))[1]}" wasn\'t supplied.'
    if error.validator == "maxItems":
        count = len(error.instance)
        return f"No more than {error.validator_value} items are allowed; {count} were supplied."
    if error.validator == "enum":
        return f"{error.instance!r} is not a member of {error.validator_value}."
    if error.validator == "maxLength":
        count = len(error.instance)
        return f"Only {error.validator_value} characters are allowed; {count} were supplied."
    if error.validator in ("anyOf", "oneOf") and error.context:
        return _said(max(error.context, key=lambda one: len(one.absolute_path)))
    return f"For '{'/'.join(map(str, error.absolute_path))}', {error.message[:80]}"
