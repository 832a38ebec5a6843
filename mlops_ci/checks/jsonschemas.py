"""JSON Schema over files of the repository. Nothing is ever fetched: not a schema, not what one refers to."""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from mlops_ci import formats
from mlops_ci.checks import marks
from mlops_ci.errors import UnreadableError
from mlops_ci.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Problem = tuple[tuple[Any, ...], str]  # path of keys, what

_BUNDLED = {"mlops-ci": Path(__file__).parents[1] / "config.schema.json"}
_WELL_KNOWN = {
    "https://raw.githubusercontent.com/mlops-ci/mlops-ci/main/mlops_ci/config.schema.json": "mlops-ci"
}
_META = re.compile(
    r"https?://json-schema\.org/(?:draft-0[3467]|draft/2019-09|draft/2020-12)/schema#?"
)
_SCHEME = "file:///"  # of the repository: relative references are joined for known schemes only
_MAX_SCHEMA = 2_000_000
_SHOWN = 300


def is_remote(name: str) -> bool:
    return bool(urlsplit(name).scheme) or name.startswith("//")


def bundled(name: str) -> str:
    """The name of the bundled schema that a name or an address means; "" when there is none."""
    return name if name in _BUNDLED else _WELL_KNOWN.get(name, "")


def is_metaschema(name: str) -> bool:
    return bool(_META.fullmatch(name))


class Schemas:
    """Validators by where their schema is: a path, or the name of a bundled one. Each is made once."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._known: dict[str, Any] = {}

    def problems(self, where: str, value: Any) -> list[Problem]:
        """All that is wrong with a value. Raises UnreadableError where the schema cannot decide."""
        from referencing.exceptions import Unresolvable

        validator = self._validator(where)
        try:
            errors = list(validator.iter_errors(value))
        except RecursionError:
            raise UnreadableError(f"{where}: refers to itself without end") from None
        except Unresolvable as error:
            raise UnreadableError(f"{where}: {_unresolved(str(error.ref))}") from None
        except re.error as error:
            raise UnreadableError(
                f"{where}: a regular expression that Python does not know: {error}"
            ) from None
        found = {problem: None for error in errors for problem in _problems(error)}
        return sorted(found, key=lambda one: (tuple(map(str, one[0])), one[1]))

    def check_metaschema(self, value: Any) -> list[Problem]:
        """What is wrong with a file that is a schema itself."""
        from jsonschema import Draft202012Validator, validators

        kind = validators.validator_for(value, default=Draft202012Validator)
        errors = kind(kind.META_SCHEMA).iter_errors(value)
        return [problem for error in errors for problem in _problems(error)]

    def _validator(self, where: str) -> Any:
        if where not in self._known:
            self._known[where] = self._made(where)
        return self._known[where]

    def _made(self, where: str) -> Any:
        from jsonschema import Draft202012Validator, SchemaError, validators
        from referencing import Registry, Resource
        from referencing.jsonschema import DRAFT202012

        schema = self._schema(where)
        kind = validators.validator_for(schema, default=Draft202012Validator)
        try:
            kind.check_schema(schema)
        except (SchemaError, RecursionError) as error:
            what = getattr(error, "message", "nested too deeply")
            raise UnreadableError(f"{where}: is no valid schema: {_short(what)}") from None
        own = schema.get("$id", "") if isinstance(schema, dict) else ""
        uri = own if is_remote(str(own)) else _SCHEME + quote(where)
        folder = posixpath.dirname(where)

        def retrieve(wanted: str) -> Any:
            content = self._schema(_path(wanted, str(own), folder))
            return Resource.from_contents(content, default_specification=DRAFT202012)

        make: Any = Registry
        registry = make(retrieve=retrieve)
        resource = Resource.from_contents(schema, default_specification=DRAFT202012)
        registry = registry.with_resource(uri, resource)
        return kind({"$ref": uri}, registry=registry)

    def _schema(self, where: str) -> Any:
        if where in _BUNDLED:
            return json.loads(_BUNDLED[where].read_text(encoding="utf-8"))
        content = self._read(where)
        if content is None:
            raise UnreadableError(f"{where}: this schema is not in the repository")
        if len(content) > _MAX_SCHEMA:
            raise UnreadableError(f"{where}: {len(content):,} bytes are too many for a schema")
        schema = formats.parse(where, content)
        if not isinstance(schema, (dict, bool)):
            raise UnreadableError(f"{where}: is no valid schema: not a mapping")
        return schema


def _path(uri: str, own: str, folder: str) -> str:
    """Where a reference leads in the repository: beside the schema, also where its $id says it were on the network."""
    uri = uri.partition("#")[0]
    around = own.rpartition("/")[0] + "/"
    if uri.startswith(_SCHEME):
        return unquote(uri.removeprefix(_SCHEME))
    if is_remote(own) and uri.startswith(around):
        return posixpath.normpath(posixpath.join(folder, unquote(uri.removeprefix(around))))
    raise UnreadableError(f"{uri}: is on the network, and nothing is fetched")


def _unresolved(ref: str) -> str:
    network = ", which is on the network: nothing is fetched" if is_remote(ref) else ""
    return f"its $ref {_short(ref)} leads nowhere in this repository{network}"


def _problems(error: Any) -> Iterator[Problem]:
    """In our words where they are better than the validator's."""
    at = tuple(error.absolute_path)
    kind, asked = error.validator, error.validator_value
    if kind == "additionalProperties" and asked is False and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {}))
        patterns = list(error.schema.get("patternProperties", {}))
        for key in error.instance:
            if key not in known and not any(re.search(one, key) for one in patterns):
                yield (*at, key), f"unknown key{_meant(key, known)}"
    elif kind == "required" and isinstance(asked, list):
        missing = [key for key in asked if key not in error.instance]
        yield from ((at, f"needs the key {key}") for key in missing)
    elif kind == "enum":
        choices = ", ".join(json.dumps(one) for one in asked[:20])
        close = _meant(error.instance, [one for one in asked if isinstance(one, str)])
        yield at, _short(f"{_shown(error.instance)} is not possible, only {choices}{close}")
    elif kind == "type":
        wanted = " or ".join(asked) if isinstance(asked, list) else asked
        yield at, f"needs {wanted}, not {_shown(error.instance)}"
    elif kind in ("anyOf", "oneOf") and error.context:
        yield from _nearest(at, error)
    else:
        yield at, _short(error.message)


def _nearest(at: tuple[Any, ...], error: Any) -> Iterator[Problem]:
    """Of several possibilities, what is wrong with that which fits best: deepest, then with the fewest errors."""
    branches: dict[Any, list[Any]] = {}
    for one in error.context:
        branches.setdefault(one.schema_path[0], []).append(one)
    best = max(branches.values(), key=lambda b: (max(len(one.path) for one in b), -len(b)))
    if len(branches) > 1 and all(not one.path for one in best) and len(best) == 1:
        yield at, _short(f"{_shown(error.instance)} fits none of {len(branches)} possibilities")
        return
    for one in best:
        yield from _problems(one)


def _meant(word: Any, words: list[str]) -> str:
    close = closest(str(word), words)
    return f", did you mean {close}?" if close else ""


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if value is marks.NAN:
        return repr(value)
    return "a list" if isinstance(value, list) else _short(json.dumps(value, default=str), 60)


def _short(text: str, limit: int = _SHOWN) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
