"""Params and config files that break their JSON Schema.

Which schema: `checks.config-schema.schemas` in mlops-ci.yaml, else what the file itself names: a key `$schema`, or the
comment by which editors know it. A file without one is not looked at, and jsonschema not loaded.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from mlops_ci.checks import jsonschemas, marks, quick
from mlops_ci.errors import ToolError, UnreadableError
from mlops_ci.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.checks.base import Scope

ID = "config-schema"
_WHY = "A value that a run does not understand is found when the run fails, or never."
# https://github.com/redhat-developer/yaml-language-server#using-inlined-schema and https://taplo.tamasfe.dev
_COMMENT = re.compile(
    rb"^#\s*yaml-language-server:\s*\$schema=(\S+)|^#:schema\s+(\S+)", re.MULTILINE
)
_PLACED = re.compile(r"(.+?):(\d+):(\d+): (.*)", re.DOTALL)
# The templates that DVC writes into .dvc/plots, and charts: 16 of 16 such files in public repositories.
_IS_PLOT = re.compile(r"https?://vega\.github\.io/")
# Of more files, a list of all is read once.
_FEW = 100
_FILES = ("100644", "100755")


def check(scope: Scope) -> Iterator[Finding]:
    mapped = _schemas(scope)
    read = partial(quick.read, scope) if len(scope.changed) <= _FEW else scope.tree.read
    schemas = jsonschemas.Schemas(read)
    paths = list(_paths(scope, mapped))
    if len(scope.changed) > _FEW:
        scope.tree.expect(paths)
    for path in paths:
        yield from _file(read, schemas, path, _mapped(path, mapped))


def _schemas(scope: Scope) -> dict[str, str]:
    config = scope.config.loaded if scope.config.mentions(ID, "schemas") else None
    return config.checks.config_schema.schemas if config else {}


def _paths(scope: Scope, mapped: dict[str, str]) -> Iterator[str]:
    """What changed; and where a schema changed, all files that are mapped to it."""
    changed = {one.path for one in scope.changed if one.mode in _FILES or not one.mode}
    changed -= {one.path for one in scope.changed if one.status in ("deleted", "renamed")}
    touched = changed & set(mapped.values())
    if touched:
        others = (path for path in scope.tree.entries if _mapped(path, mapped) in touched)
        changed |= set(others)
    for path in sorted(changed):
        if path.lower().endswith(marks.SUFFIXES) or _mapped(path, mapped):
            yield path


def _mapped(path: str, mapped: dict[str, str]) -> str:
    """An exact path stands before a pattern, and the first pattern before others."""
    if path in mapped:
        return mapped[path]
    return next((where for one, where in mapped.items() if fnmatch.fnmatchcase(path, one)), "")


def _file(
    read: Callable[[str], bytes | None], schemas: jsonschemas.Schemas, path: str, where: str
) -> Iterator[Finding]:
    try:
        content = read(path)
    except (UnreadableError, ToolError) as error:
        if where or isinstance(error, ToolError):  # no file may hide the others
            yield _undecided(path, str(error), error.hint)
        return
    if content is None or not (where or b"schema" in content):
        return
    try:
        value, places = marks.load(path, content)
    except UnreadableError as error:
        if where:
            yield _broken(path, str(error))
        return
    where = where or _named(path, content, value)
    if where:
        yield from _judged(schemas, path, where, value, places)


def _named(path: str, content: bytes, value: Any) -> str:
    """The schema that a file names: a path from the root, or an address."""
    comment = _COMMENT.search(content)
    named = value.get("$schema") if isinstance(value, dict) else None
    if comment:
        named = (comment[1] or comment[2]).decode("utf-8", "replace")
    if not isinstance(named, str) or not named:
        return ""
    if jsonschemas.is_remote(named):
        return named
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), named))


def _judged(
    schemas: jsonschemas.Schemas, path: str, where: str, value: Any, places: marks.Marks
) -> Iterator[Finding]:
    known = jsonschemas.bundled(where)
    if jsonschemas.is_remote(where) and not known and not jsonschemas.is_metaschema(where):
        if not _IS_PLOT.match(where):
            yield _not_fetched(path, where, places)
        return
    try:
        if jsonschemas.is_metaschema(where):
            problems = schemas.check_metaschema(value)
        else:
            problems = schemas.problems(known or where, value)
    except (UnreadableError, RecursionError) as error:
        what = str(error) or "nested too deeply"
        yield _undecided(path, what, f"mend {known or where}, or map another schema to it")
        return
    placed = ((marks.place(places, keys), keys, what) for keys, what in problems)
    for (line, column), keys, what in sorted(placed, key=lambda one: one[0]):
        name = ".".join(map(str, keys))
        yield Finding(
            rule=ID,
            path=path,
            line=line,
            column=column,
            what=f"{name}: {what}" if name else what,
            why=_WHY,
            fix=f"correct it; what is allowed is in {known or where}",
        )


def _not_fetched(path: str, where: str, places: marks.Marks) -> Finding:
    line, column = marks.place(places, ("$schema",))
    return Finding(
        rule=f"{ID}/remote",
        path=path,
        line=line,
        column=column,
        what=f"not checked: its schema {where} is on the network, and nothing is fetched",
        fix="copy the schema into the repository, and name it in checks.config-schema.schemas",
        level="note",
    )


def _undecided(path: str, what: str, fix: str) -> Finding:
    return Finding(rule=ID, path=path, what=what, why=_WHY, fix=fix, undecided=True)


def _broken(path: str, message: str) -> Finding:
    found = _PLACED.fullmatch(message)
    line, column, what = (int(found[2]), int(found[3]), found[4]) if found else (0, 0, message)
    what = what.removeprefix(f"{path}: ")
    return Finding(rule=f"{ID}/broken", path=path, line=line, column=column, what=what, why=_WHY)
