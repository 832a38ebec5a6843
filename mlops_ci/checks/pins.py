"""Which lines of an environment file leave a version open. Text in, open packages out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_ci import environment, yaml
from mlops_ci.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXACT = re.compile(r"[\w.!+-]*\d[\w.!+-]*(?: \([\w.]+\))?", re.ASCII)
_COMMIT = re.compile(r"@[0-9a-f]{7,64}\Z|@[0-9a-f]{40}\b")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tgz|tar\.\w+|conda)\Z")
_CONDA_ONLY = frozenset({"pip", "setuptools", "wheel"})  # conda itself asks for them to be listed


@dataclass(frozen=True)
class Open:
    """A package without an exact version. `spec` is what is written instead."""

    name: str
    spec: str
    line: int


@dataclass(frozen=True)
class Pins:
    """`total`: how many packages are named."""

    open: tuple[Open, ...]
    total: int


def requirements(path: str, text: str) -> Pins:
    """A requirements file. `-e .` and other paths are this repository, which Git pins."""
    found = []
    total = 0
    for number, line in environment.logical_lines(text.lstrip("\ufeff")):
        if line.startswith("-") and not re.match(r"-e\b|--editable\b", line):
            continue
        total += 1
        found += list(_open(path, line, number))
    return Pins(tuple(found), total)


def _open(path: str, line: str, number: int) -> Iterator[Open]:
    local = re.match(r"(?:-e ?|--editable[ =])?(?:\.|file:|/)", line)
    if local or "--hash" in line:
        return
    for name, version in environment.requirement(f"{path}:{number}", line):
        if not _is_exact(line if "://" in line else version):
            yield Open(name, version, number)


def _is_exact(version: str) -> bool:
    version = version.partition("#")[0].partition(" ;")[0].strip()
    if "://" in version or version.startswith("git+"):
        return bool(_COMMIT.search(version) or _ARCHIVE.search(version))
    return bool(_EXACT.fullmatch(version)) and "*" not in version


def conda(path: str, text: str) -> Pins:
    """A conda environment, `environment.yml`, or MLflow's python_env.yaml."""
    value, marks = yaml.load_marked(text, path)
    if not isinstance(value, dict):
        raise UnreadableError(f"{path}: is not a mapping of keys")
    found: list[Open] = []
    total = 0
    for keys, spec, is_pip in _entries(value):
        line = marks.get(keys, (0, 0))[0]
        total += 1
        if is_pip:
            found += list(_open(path, spec, line)) if not spec.startswith("-") else []
        else:
            name, version = environment.match_spec(path, spec)
            if name not in _CONDA_ONLY and not _is_exact(version):
                found.append(Open(name, version, line))
    return Pins(tuple(found), total)


def _entries(value: dict[Any, Any]) -> Iterator[tuple[tuple[Any, ...], str, bool]]:
    """Where it is, the text, and whether it is one of pip's."""
    python_env = "dependencies" in value and "python" in value
    for number, one in enumerate(_list(value.get("dependencies"))):
        at: tuple[Any, ...] = ("dependencies", number)
        if isinstance(one, str):
            yield at, one.strip(), python_env
        elif isinstance(one, dict):
            for inner, line in enumerate(_list(one.get("pip"))):
                yield (*at, "pip", inner), " ".join(str(line).split()), True


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
