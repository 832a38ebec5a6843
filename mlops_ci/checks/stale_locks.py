"""Locks that are older than what they lock, as far as the two files tell by themselves. Nothing is resolved.

poetry.lock       content-hash, sha256 of parts of pyproject.toml:
                  https://github.com/python-poetry/poetry/blob/main/src/poetry/packages/locker.py
Pipfile.lock      _meta.hash, sha256 of the Pipfile: https://github.com/sarugaku/plette/blob/main/src/plette/pipfiles.py
uv.lock           requires-dist of the project itself: https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
requirements.txt  of pip-compile or `uv pip compile`: every name of its .in has to be in it
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

from mlops_ci import environment, formats
from mlops_ci.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.git.tree import Tree

_COMPILED = re.compile(r"^#.*\b(?:pip-compile|uv pip compile|pip compile)\b(.*)$", re.MULTILINE)
_SOURCE = re.compile(r"(?:^|\s)([^\s=]+\.in)\b")
_LEGACY = ("dependencies", "source", "extras", "dev-dependencies")
_PROJECT = ("requires-python", "dependencies", "optional-dependencies")
_PIPFILE = ("source", "packages", "requires", "scripts", "pipfile", "pipenv", "dev-packages")


def stale(tree: Tree, path: str) -> tuple[str, str] | None:
    """Why the lock at `path` is older than its source, and the command that renews it; None where it is not, or where
    the files do not tell. Raises UnreadableError.
    """
    judge = _JUDGES.get(posixpath.basename(path))
    if judge is None and path.endswith(".txt"):
        judge = _compiled
    return judge(tree, path) if judge else None


def is_compiled(start: bytes) -> bool:
    return bool(_COMPILED.search(start.decode("utf-8", "replace")))


def sources_of(tree: Tree, path: str) -> tuple[str, ...]:
    """The files that a lock is made from."""
    folder, name = posixpath.split(path)
    if name in ("uv.lock", "poetry.lock"):
        return (posixpath.join(folder, "pyproject.toml"),)
    if name == "Pipfile.lock":
        return (posixpath.join(folder, "Pipfile"),)
    found = _in_file(tree, path)
    return (found,) if found else ()


def _toml(tree: Tree, path: str) -> dict[str, Any] | None:
    content = tree.read(path)
    if content is None:
        return None
    try:
        value = formats.load_toml(formats.decode(path, content))
    except ValueError as error:
        raise UnreadableError(f"{path}: broken TOML: {error}") from error
    return value if isinstance(value, dict) else None


def _beside(path: str, name: str) -> str:
    return posixpath.join(posixpath.dirname(path), name)


def _poetry(tree: Tree, path: str) -> tuple[str, str] | None:
    lock, project = _toml(tree, path), _toml(tree, _beside(path, "pyproject.toml"))
    recorded = ((lock or {}).get("metadata") or {}).get("content-hash")
    if project is None or not isinstance(recorded, str):
        return None
    if recorded in {_poetry_hash(project, groups=groups) for groups in (True, False)}:
        return None
    return "its content-hash is not that of pyproject.toml", "poetry lock"


def _poetry_hash(pyproject: dict[str, Any], *, groups: bool) -> str:
    tool, own = _dict(_dict(pyproject, "tool"), "poetry"), _dict(pyproject, "project")
    project = {key: own[key] for key in _PROJECT if own.get(key) is not None}
    poetry = {
        key: tool.get(key)
        for key in (*_LEGACY, "group")
        if tool.get(key) is not None or (key in _LEGACY and not project)
    }
    content: dict[str, Any] = (
        {"project": project, "tool": {"poetry": poetry}} if project else poetry
    )
    if groups and (extra := _dict(pyproject, "dependency-groups")):
        content["dependency-groups"] = extra
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _dict(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _pipfile(tree: Tree, path: str) -> tuple[str, str] | None:
    pipfile, content = _toml(tree, _beside(path, "Pipfile")), tree.read(path)
    if pipfile is None or content is None:
        return None
    lock = formats.parse("Pipfile.json", content)
    recorded = _dict(_dict(lock if isinstance(lock, dict) else {}, "_meta"), "hash").get("sha256")
    data = {
        "_meta": {"sources": pipfile.get("source", []), "requires": pipfile.get("requires", {})},
        "default": pipfile.get("packages", {}),
        "develop": pipfile.get("dev-packages", {}),
        **{key: value for key, value in pipfile.items() if key not in _PIPFILE},
    }
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    if not isinstance(recorded, str) or recorded == hashlib.sha256(text.encode()).hexdigest():
        return None
    return "its hash is not that of Pipfile", "pipenv lock"


def _uv(tree: Tree, path: str) -> tuple[str, str] | None:
    lock, pyproject = _toml(tree, path), _toml(tree, _beside(path, "pyproject.toml"))
    project = _dict(pyproject or {}, "project")
    if not isinstance(project.get("name"), str) or "dependencies" in project.get("dynamic", []):
        return None
    recorded = _uv_entry(lock or {}, environment.normalised(project["name"]))
    if recorded is None:
        return None
    extra = set(_dict(project, "optional-dependencies"))
    wanted = {_name(one) for one in project.get("dependencies", []) if isinstance(one, str)}
    locked = {
        environment.normalised(str(one.get("name")))
        for one in recorded
        if "extra ==" not in str(one.get("marker", ""))
    }
    missing, left = sorted(wanted - locked), sorted(locked - wanted)
    if missing:
        return f"does not have {', '.join(missing[:5])} of pyproject.toml", "uv lock"
    if left and not extra:
        return (
            f"still has {', '.join(left[:5])}, which pyproject.toml no longer asks for",
            "uv lock",
        )
    return None


def _uv_entry(lock: dict[str, Any], name: str) -> list[dict[str, Any]] | None:
    packages = lock.get("package")
    for one in packages if isinstance(packages, list) else []:
        source = _dict(one, "source") if isinstance(one, dict) else {}
        is_root = "." in (source.get("virtual"), source.get("editable"), source.get("directory"))
        if is_root and environment.normalised(str(one.get("name"))) == name:
            found = _dict(one, "metadata").get("requires-dist", [])
            return [entry for entry in found if isinstance(entry, dict)]
    return None


def _name(requirement: str) -> str:
    found = re.match(r"\s*([A-Za-z0-9][\w.-]*)", requirement)
    return environment.normalised(found[1]) if found else ""


def _in_file(tree: Tree, path: str) -> str:
    """The one .in file that the header of a compiled file names, where it is in the repository."""
    if not path.endswith(".txt"):
        return ""
    header = formats.decode(path, tree.read(path) or b"")[:2000]
    compiled = _COMPILED.search(header)
    named = set(_SOURCE.findall(header)) if compiled else set()
    if not named and compiled:
        named = {f"{posixpath.basename(path).removesuffix('.txt')}.in"}
    if len(named) != 1:
        return ""
    (one,) = named
    places = (posixpath.normpath(one), _beside(path, posixpath.basename(one)))
    return next((place for place in places if place in tree.entries), "")


def _compiled(tree: Tree, path: str) -> tuple[str, str] | None:
    source = _in_file(tree, path)
    if not source:
        return None
    text = formats.decode(source, tree.read(source) or b"")
    locked = {one.name for one in environment.parse("requirements.txt", _text(tree, path))}
    wanted = set()
    for number, line in environment.logical_lines(text):
        if not line.startswith("-"):
            wanted |= {name for name, _ in environment.requirement(f"{source}:{number}", line)}
    missing = sorted(wanted - locked)
    if not missing:
        return None
    return f"does not have {', '.join(missing[:5])} of {source}", f"pip-compile {source}"


def _text(tree: Tree, path: str) -> str:
    return formats.decode(path, tree.read(path) or b"")


_JUDGES: dict[str, Callable[[Tree, str], tuple[str, str] | None]] = {
    "poetry.lock": _poetry,
    "Pipfile.lock": _pipfile,
    "uv.lock": _uv,
}
