"""Environments that install something else tomorrow: open versions, and locks that are older than their source.

A ratchet: of a changed file only what the change leaves open is a finding. The ranges of a library's pyproject.toml are
no environment, and a file beside a lock is not what is installed.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from mlops_ci.checks import quick
from mlops_ci.errors import UnreadableError
from mlops_ci.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Changed, Scope
    from mlops_ci.checks.pins import Open, Pins
    from mlops_ci.git.tree import Tree

ID = "environment-pinned"
_WHY = "A training run that installs other versions tomorrow gives another model, and nobody can tell why."
_REQUIREMENTS = re.compile(r"(?:^|/)requirements(?:[^/]*|/[^/]+)\.txt\Z")
_CONDA = ("environment.yml", "environment.yaml", "conda.yaml", "conda.yml", "python_env.yaml")
_LOCKS = ("uv.lock", "poetry.lock", "Pipfile.lock")
_BESIDE = (*_LOCKS, "pdm.lock", "conda-lock.yml", "pixi.lock", "requirements.lock")
# What is not installed to train or to serve.
_OTHER = re.compile(r"(?:^|[/_.-])(?:dev|docs?|tests?|testing|lint|ci|examples?)(?:[/_.-]|\Z)")
_SHOWN = 5


def check(scope: Scope) -> Iterator[Finding]:
    changed = {one.path: one for one in scope.changed if one.status != "deleted"}
    said = set()
    for path, one in sorted(changed.items()):
        try:
            yield from _file(scope, path, one)
        except UnreadableError as error:
            said.add(path)
            yield _undecided(path, error)
    for path in _locks(scope, set(changed)):
        try:
            yield from _lock(scope, path)
        except UnreadableError as error:
            if path not in said:
                yield _undecided(path, error)


def _undecided(path: str, error: UnreadableError) -> Finding:
    return Finding(rule=ID, path=path, what=str(error), why=_WHY, fix=error.hint, undecided=True)


def _file(scope: Scope, path: str, one: Changed) -> Iterator[Finding]:
    name = posixpath.basename(path)
    if name == "MLproject":
        yield from _project(scope.tree, path)
    elif one.status == "renamed" or not _is_environment(path) or _has_lock(scope, path):
        return
    else:
        yield from _open(path, _pins(path, quick.read(scope, path) or b""), _known(scope, path))


def _is_environment(path: str) -> bool:
    is_known = _REQUIREMENTS.search(path) or posixpath.basename(path) in _CONDA
    is_template = "{{" in path  # cookiecutter, copier
    return bool(is_known) and not is_template and not _OTHER.search(path)


def _has_lock(scope: Scope, path: str) -> bool:
    folder = posixpath.dirname(path)
    return bool(quick.existing(scope, (posixpath.join(folder, lock) for lock in _BESIDE)))


def _pins(path: str, content: bytes) -> Pins:
    from mlops_ci import formats
    from mlops_ci.checks import pins

    text = formats.decode(path, content)
    return pins.requirements(path, text) if path.endswith(".txt") else pins.conda(path, text)


def _known(scope: Scope, path: str) -> set[tuple[str, str]]:
    """What was open before the change."""
    content = quick.before(scope, path)
    if content is None:
        return set()
    try:
        return {(found.name, found.spec) for found in _pins(path, content).open}
    except UnreadableError:
        return set()


def _open(path: str, found: Pins, known: set[tuple[str, str]]) -> Iterator[Finding]:
    new = [one for one in found.open if (one.name, one.spec) not in known]
    if not new:
        return
    names = ", ".join(_shown(one) for one in new[:_SHOWN])
    more = f" and {len(new) - _SHOWN} more" if new[_SHOWN:] else ""
    noun = "package" if found.total == 1 else "packages"
    verb = "has" if len(new) == 1 else "have"
    yield Finding(
        rule=ID,
        path=path,
        line=new[0].line,
        what=f"{len(new)} of {found.total} {noun} {verb} no exact version: {names}{more}",
        why=_WHY,
        fix=_fix(path),
    )


def _shown(one: Open) -> str:
    spec = "" if one.spec == "unpinned" else f" {one.spec}"
    return f"{one.name}{spec} (line {one.line})" if one.line else f"{one.name}{spec}"


def _fix(path: str) -> str:
    import shlex

    if not path.endswith(".txt"):
        return f"conda-lock -f {shlex.quote(path)}, and commit conda-lock.yml"
    source = f"{path.removesuffix('.txt')}.in"
    return (
        f"git mv {shlex.quote(path)} {shlex.quote(source)} && "
        f"uv pip compile {shlex.quote(source)} -o {shlex.quote(path)}"
    )


def _project(tree: Tree, path: str) -> Iterator[Finding]:
    """https://mlflow.org/docs/latest/ml/projects/#project-environments"""
    from mlops_ci import yaml
    from mlops_ci.checks import pins

    value, marks = yaml.load_marked(_text(tree, path), path)
    value = value if isinstance(value, dict) else {}
    for key in ("python_env", "conda_env"):
        if isinstance(named := value.get(key), str):
            where = posixpath.normpath(posixpath.join(posixpath.dirname(path), named))
            if where not in tree.entries:
                line, column = marks.get((key,), (0, 0))
                what = f"its {key} {named} is not in the repository"
                yield _wrong(path, what, "commit it", line, column)
            elif not _is_environment(where):
                yield from _open(where, pins.conda(where, _text(tree, where)), set())
            return
    if isinstance(docker := value.get("docker_env"), dict):
        image = str(docker.get("image") or "")
        if not re.search(r"@sha256:[0-9a-f]{64}\Z", image) and _tag(image) in ("", "latest"):
            line, column = marks.get(("docker_env",), (0, 0))
            what = f"its image {image or '(none)'} has no fixed version"
            yield _wrong(path, what, "give it a tag or, better, a digest", line, column)
    elif not _in_use(tree, path):
        yield _wrong(path, "names no environment", "mlflow: python_env: python_env.yaml", 0, 0)


def _in_use(tree: Tree, path: str) -> bool:
    """MLflow takes these beside the file as well."""
    folder = posixpath.dirname(path)
    return any(posixpath.join(folder, name) in tree.entries for name in (*_CONDA, *_BESIDE))


def _tag(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[2]


def _text(tree: Tree, path: str) -> str:
    from mlops_ci import formats

    return formats.decode(path, tree.read(path) or b"")


def _wrong(path: str, what: str, fix: str, line: int, column: int) -> Finding:
    return Finding(rule=ID, path=path, what=what, why=_WHY, fix=fix, line=line, column=column)


def _locks(scope: Scope, changed: set[str]) -> Iterator[str]:
    """Locks that changed, or whose source did."""
    sources = ("pyproject.toml", "Pipfile")
    near = {posixpath.dirname(path) for path in changed if posixpath.basename(path) in sources}
    compiled = {path for path in changed if path.endswith(".in")}
    locks = [path for path in changed if _may_be_lock(scope, path)]
    for path in sorted(scope.tree.entries if near or compiled else locks):
        folder, name = posixpath.split(path)
        near_source = name in _LOCKS and folder in near
        is_text = bool(compiled and _REQUIREMENTS.search(path))
        if path in locks or near_source or (is_text and _is_made_from(scope.tree, path, compiled)):
            yield path


def _may_be_lock(scope: Scope, path: str) -> bool:
    """Most requirements files are written by hand, which their first lines tell."""
    if posixpath.basename(path) in _LOCKS:
        return True
    if not _REQUIREMENTS.search(path):
        return False
    from mlops_ci.checks import stale_locks

    try:
        return stale_locks.is_compiled((quick.read(scope, path) or b"")[:2000])
    except UnreadableError:
        return True  # to judge it says why it cannot be read


def _is_made_from(tree: Tree, path: str, sources: set[str]) -> bool:
    from mlops_ci.checks import stale_locks

    try:
        return not sources.isdisjoint(stale_locks.sources_of(tree, path))
    except UnreadableError:
        return True


def _lock(scope: Scope, path: str) -> Iterator[Finding]:
    from mlops_ci.checks import stale_locks

    found = stale_locks.stale(scope.tree, path)
    if found and not (scope.base and path in scope.base.entries and _was_stale(scope.base, path)):
        what, fix = found
        yield Finding(
            rule=f"{ID}/stale-lock",
            path=path,
            what=f"is older than its source: {what}",
            why="What is installed is not what the source asks for.",
            fix=fix,
        )


def _was_stale(tree: Tree, path: str) -> bool:
    from mlops_ci.checks import stale_locks

    try:
        return stale_locks.stale(tree, path) is not None
    except UnreadableError:
        return False
