"""Which packages of a lock file are for another platform or another Python than this one, by its markers.

https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from mlops_ci.environment import logical_lines, normalised, requirement
from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Pin: TypeAlias = tuple[str, str]  # name, version
Table: TypeAlias = dict[str, Any]

# What a marker says of extras and groups depends on what was asked for, which a lock does not tell.
_ASKED_FOR = re.compile(r"\b(?:extras?|dependency_groups)\b")
_OPTION = re.compile(r"(?:^|(?<= ))--?[A-Za-z].*")
_TOML = ("uv.lock", "poetry.lock", "pdm.lock")
_LOCAL = ("editable", "virtual", "directory")


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """`pins`: of other platforms. `doubtful`: of the packages whose markers cannot be understood, those markers."""

    pins: frozenset[Pin]
    doubtful: Mapping[Pin, str]


def elsewhere(path: str, text: str, platform: Mapping[str, str]) -> Elsewhere:
    """`platform`: the variables of markers, as the interpreter that trains has them; empty: all is for here.

    Raises UnreadableError and ValueError for a lock that is broken.
    """
    judge = _Judge(platform)
    said: dict[Pin, list[bool | None]] = {}
    doubtful: dict[Pin, str] = {}
    for pin, markers in _entries(path, text, judge) if platform else ():
        verdict = judge.any_of(markers)
        said.setdefault(pin, []).append(verdict)
        if verdict is None:
            doubtful[pin] = next(one for one in markers if judge.holds(one) is None)
    pins = frozenset(pin for pin, verdicts in said.items() if not {True, None} & set(verdicts))
    return Elsewhere(pins=pins, doubtful=doubtful)


class _Judge:
    """Whether a marker holds on a platform."""

    def __init__(self, platform: Mapping[str, str]) -> None:
        self._platform = dict(platform)
        self._known: dict[str, bool | None] = {}

    def holds(self, marker: str) -> bool | None:
        """None for a marker that is none."""
        if marker not in self._known:
            self._known[marker] = self._evaluated(marker)
        return self._known[marker]

    def any_of(self, markers: Iterable[str]) -> bool | None:
        """Without a marker, everywhere."""
        found = {self.holds(one) for one in markers} or {True}
        return True if True in found else None if None in found else False

    def _evaluated(self, text: str) -> bool | None:
        from packaging.markers import InvalidMarker, Marker, UndefinedComparison
        from packaging.markers import UndefinedEnvironmentName as Undefined

        if _ASKED_FOR.search(text):
            return True
        try:
            return Marker(text).evaluate(self._platform)
        except (InvalidMarker, UndefinedComparison, Undefined, ValueError):
            return None


def _entries(path: str, text: str, judge: _Judge) -> Iterator[tuple[Pin, list[str]]]:
    if path.endswith(".txt"):
        for number, line in logical_lines(text.removeprefix("\ufeff")):
            markers = _of_line(line)
            for pin in requirement(f"{path}:{number}", line):
                yield pin, markers
    elif path.endswith("Pipfile.lock"):
        for section, packages in json.loads(text).items():
            for name, package in packages.items() if section != "_meta" else ():
                version = str(package.get("version") or "").removeprefix("==")
                yield (normalised(name), version), _of_table(package)
    elif path.endswith((*_TOML, ".toml")):
        yield from _of_toml(text, judge)


def _of_line(line: str) -> list[str]:
    """A semicolon can be a part of an address; there only one behind a space begins a marker."""
    line = _OPTION.sub("", line)
    address = re.match(r"[\w.-]+ ?(?:\[[^\]]*\])? ?@|[a-z+]+:", line)
    _, _, marker = line.partition(" ;" if address else ";")
    return [marker.strip()] if marker.strip() else []


def _of_table(package: Table) -> list[str]:
    """`marker` of PEP 751 and PDM; `markers` of Poetry, which may have one a group, and of Pipenv; uv has a list."""
    for key in ("marker", "markers", "resolution-markers"):
        match package.get(key):
            case str() as marker if marker:
                return [marker]
            case dict() as by_group:
                return [str(one) for one in by_group.values()]
            case list() as several:
                return [str(one) for one in several]
    return []


def _of_toml(text: str, judge: _Judge) -> Iterator[tuple[Pin, list[str]]]:
    from mlops_ci.formats import load_toml

    lock = load_toml(text)
    packages = [*lock.get("package", []), *lock.get("packages", [])]
    unneeded = _unneeded(packages, judge)
    for index, package in enumerate(packages):
        pin = (normalised(str(package.get("name"))), str(package.get("version") or ""))
        # Nothing holds of what nobody here needs.
        yield pin, ["python_version < '0'"] if index in unneeded else _of_table(package)


def _unneeded(packages: list[Table], judge: _Judge) -> set[int]:
    """Indexes of what no marker that holds leads to: uv writes them where a package is asked for, from the project on.

    https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
    """
    by_name: dict[str, list[int]] = {}
    for index, package in enumerate(packages):
        by_name.setdefault(str(package.get("name")), []).append(index)
    todo = [index for index, one in enumerate(packages) if _is_local(one)]
    if not todo:
        return set()
    needed: set[int] = set()
    while todo:
        if (index := todo.pop()) not in needed:
            needed.add(index)
            todo += [
                there
                for asked in _asks(packages[index])
                if judge.any_of(_of_table(asked)) is not False
                for there in by_name.get(str(asked.get("name")), ())
                if asked.get("version") in (None, packages[there].get("version"))
            ]
    return set(range(len(packages))) - needed


def _is_local(package: Table) -> bool:
    source = package.get("source")
    return isinstance(source, dict) and any(kind in source for kind in _LOCAL)


def _asks(package: Table) -> Iterator[Table]:
    yield from package.get("dependencies", [])
    for groups in ("optional-dependencies", "dev-dependencies"):
        for asked in package.get(groups, {}).values():
            yield from asked
