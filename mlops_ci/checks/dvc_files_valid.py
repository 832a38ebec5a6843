"""DVC files that DVC cannot read, or that contradict each other: one of them stops every `dvc` command."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from mlops_ci.checks.mentions import is_dvc_file, is_lock
from mlops_ci.checks.projects import project_of
from mlops_ci.errors import UnreadableError
from mlops_ci.finding import Finding
from mlops_ci.text import pathspec, shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope

ID = "dvc-files-valid"
_MARKERS = re.compile(rb"^(<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)( |\r?$)", re.MULTILINE)
_PLACE = re.compile(r":([0-9]+):([0-9]+): ")
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_WHY = "DVC reads all its files for every command, and stops at the first that it cannot read."


def check(scope: Scope) -> Iterator[Finding]:
    judged = [one.path for one in scope.changed if one.blob and _is_ours(one.path)]
    if not (judged or scope.all_files or scope.merging):
        return
    project_of(scope)  # what reads DVC files is loaded while Git lists all files
    scope.tree.expect(judged)
    for path in judged:
        yield from _file(scope, path)
    from mlops_ci.checks import dvc_outputs

    yield from dvc_outputs.find(scope, set(judged))


def _is_ours(path: str) -> bool:
    inside = ".dvc/" in path and (path.startswith(".dvc/") or "/.dvc/" in path)
    return not inside and (is_dvc_file(path) or is_lock(path))


def _file(scope: Scope, path: str) -> Iterator[Finding]:
    try:
        content = scope.tree.read(path) or b""
    except UnreadableError as error:
        reason = str(error).removeprefix(f"{path}: ")
        yield Finding(rule=ID, path=path, what=reason, fix=error.hint, undecided=True)
        return
    if marker := _MARKERS.search(content):
        yield _conflict(scope, path, content[: marker.start()].count(b"\n") + 1)
        return
    from mlops_ci.stack.data.dvc.lock import plain_pointer

    if path.endswith(".dvc") and plain_pointer(content, ""):
        return
    yield from _parsed(path, content)


def _conflict(scope: Scope, path: str, line: int) -> Finding:
    word, ours = shell_word(path), pathspec(path)
    fix = f"git checkout HEAD -- {ours} && dvc checkout {word}\nor MERGE_HEAD, for the other side"
    if not scope.merging or path.endswith(("dvc.lock", "dvc.yaml")):
        then = "dvc checkout" if path.endswith(".dvc") else "dvc repro"
        fix = f"edit it so that one side stays, then: {then} && git add {ours}"
    what = "holds conflict markers of a merge"
    return Finding(rule=f"{ID}/conflict", path=path, line=line, what=what, why=_WHY, fix=fix)


def _parsed(path: str, content: bytes) -> Iterator[Finding]:
    from mlops_ci import yaml

    try:
        value, marks = yaml.load_marked(content.decode("utf-8"), path)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        yield Finding(rule=f"{ID}/yaml", path=path, line=line, what="is not UTF-8 text", why=_WHY)
        return
    except UnreadableError as error:
        yield _unreadable(path, str(error).removeprefix(path))
        return
    for at, what in _problems(path, {} if value is None else value):
        line, column = _mark(marks, at)
        name = ".".join(str(part) for part in at)
        yield Finding(
            rule=f"{ID}/schema",
            path=path,
            line=line,
            column=column,
            what=f"{name}: {what}" if name else what,
            why=_WHY,
            fix=_fix(path, at),
        )


def _unreadable(path: str, message: str) -> Finding:
    place = _PLACE.match(message)
    line, column = (int(place[1]), int(place[2])) if place else (0, 0)
    what = message[place.end() :] if place else message.removeprefix(": ")
    return Finding(rule=f"{ID}/yaml", path=path, line=line, column=column, what=what, why=_WHY)


def _mark(marks: dict[tuple[Any, ...], tuple[int, int]], at: tuple[Any, ...]) -> tuple[int, int]:
    """Where a path begins, or the nearest part of it that is there."""
    while at not in marks and at:
        at = at[:-1]
    return marks.get(at, (0, 0))


def _problems(path: str, value: Any) -> Iterator[tuple[tuple[Any, ...], str]]:
    from mlops_ci.checks import dvc_shapes, shapes

    if path.endswith(".dvc"):
        yield from shapes.problems(dvc_shapes.POINTER, value)
        yield from _sums(value, ("outs",))
    elif posixpath.basename(path) == "dvc.yaml":
        yield from shapes.problems(dvc_shapes.PIPELINE, value)
    elif isinstance(value, dict) and value and "schema" not in value:
        yield (), "is a lock of DVC 1, which DVC 3 refuses"
    elif value:
        yield from shapes.problems(dvc_shapes.LOCK, value)
        yield from _lock(value)


def _lock(value: Any) -> Iterator[tuple[tuple[Any, ...], str]]:
    if not isinstance(value, dict):
        return
    if isinstance(value.get("schema"), str) and value["schema"] != "2.0":
        yield ("schema",), f"is {value['schema']!r}, DVC knows '2.0'"
    stages = value.get("stages")
    for name, stage in stages.items() if isinstance(stages, dict) else ():
        for key in ("deps", "outs") if isinstance(stage, dict) else ():
            for at, what in _sums(stage, (key,)):
                yield ("stages", name, *at), what


def _sums(value: Any, key: tuple[str]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """DVC takes any text for an MD5, and then finds no such object anywhere."""
    entries = value.get(key[0]) if isinstance(value, dict) else None
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        md5 = entry.get("md5") if isinstance(entry, dict) else None
        if isinstance(md5, str) and md5 and not _MD5.fullmatch(md5):
            yield (*key, index, "md5"), f"{md5!r} is no MD5, which has 32 digits from 0 to f"


def _fix(path: str, at: tuple[Any, ...]) -> str:
    if path.endswith("dvc.lock"):
        stage = f" {shell_word(str(at[1]))}" if len(at) > 1 and at[0] == "stages" else ""
        return f"dvc repro{stage}, which writes it anew"
    if path.endswith(".dvc"):
        return f"dvc add {shell_word(path.removesuffix('.dvc'))}, which writes it anew"
    return "edit it; reference: https://dvc.org/doc/user-guide/project-structure/dvcyaml-files"
