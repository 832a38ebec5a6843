"""What the lock files of a repository pin: text in, packages out. Nothing is run or resolved.

uv.lock           https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
poetry.lock       https://python-poetry.org/docs/basic-usage/#installing-dependencies
pylock.toml       https://peps.python.org/pep-0751/
pdm.lock          https://pdm-project.org/en/latest/usage/lockfile/
Pipfile.lock      https://pipenv.pypa.io/en/latest/pipfile.html
requirements.txt  https://pip.pypa.io/en/stable/reference/requirements-file-format/
environment.yml   https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
conda-lock.yml    https://conda.github.io/conda-lock/output/#unified-lockfile
pixi.lock         https://docs.rs/rattler_lock
renv.lock         https://rstudio.github.io/renv/reference/lockfiles.html
.python-version   https://docs.astral.sh/uv/concepts/python-versions/#python-version-files
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from mlops_ci.errors import UnreadableError
from mlops_ci.model import Package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Pin: TypeAlias = tuple[str, str]  # name, version
Table: TypeAlias = dict[str, Any]
UNPINNED = "unpinned"


def is_lock_file(path: str) -> bool:
    return path.endswith(_ENDINGS) and _reader(path) is not None


def parse(path: str, text: str) -> tuple[Package, ...]:
    """Every package that a lock file names, sorted, each once. An empty file pins nothing.

    A version is what the file says: `1.2`, a range, `unpinned`; with its origin, but no password,
    unless that is an index: `1.2 (git+https://…@1a2b3c4)`. A name can have one for each platform.
    Python names are normalised: https://peps.python.org/pep-0503/#normalized-names

    Raises UnreadableError, `path:line: what`, for a broken file and for one that is no lock file.
    """
    if (reader := _reader(path)) is None:
        _broken(path, f"not a lock file; known are {', '.join(LOCK_FILES)}")
    text = text.removeprefix("\ufeff")
    if conflict := re.search(r"^<{7} ", text, re.MULTILINE):
        line = text.count("\n", 0, conflict.start()) + 1
        _broken(f"{path}:{line}", "a merge conflict that is not resolved")
    try:
        pins = sorted(set(reader(path, text))) if text.strip() else []
    except RecursionError:
        _broken(path, "nested too deeply")
    except ValueError as error:
        _broken_syntax(path, error)
    return tuple(Package(name=name, version=version, source=path) for name, version in pins)


def _reader(path: str) -> Callable[[str, str], Iterator[Pin]] | None:
    if path.endswith(".txt"):
        found = re.search(r"(?:^|/)requirements(?:[^/]*|/[^/]+)\.txt\Z", path)
        return _requirements if found else None
    return _READERS.get(path.rpartition("/")[2])


def _toml_lock(path: str, text: str) -> Iterator[Pin]:
    from mlops_ci.formats import load_toml

    for package in _packages(path, load_toml(text), "package", "packages"):
        # uv and Poetry have a table for the source; PDM writes its keys beside the version.
        source = package.get("source", package)
        yield normalised(_name(path, package)), _pin(package.get("version"), source)


def _pipfile_lock(path: str, text: str) -> Iterator[Pin]:
    """Every section but `_meta` holds packages: `default`, `develop`, and the user's own."""
    lock = _table(path, json.loads(text), "the file")
    for section in lock.keys() - {"_meta"}:
        for name, package in _table(path, lock[section], section).items():
            version = _table(path, package, name).get("version")
            yield normalised(name), _pin(str(version or "").removeprefix("=="), package)


def _renv_lock(path: str, text: str) -> Iterator[Pin]:
    lock = _table(path, json.loads(text), "the file")
    packages = _table(path, lock.get("Packages", {}), "Packages") | {"R": lock.get("R", {})}
    for name, package in packages.items():
        keys = ("RemoteUrl", "RemoteUsername", "RemoteRepo", "RemoteSha")
        url, user, repository, commit = map(_table(path, package, name).get, keys)
        # Packages from GitHub keep one version for many commits.
        where = commit and (url or (repository and f"{user}/{repository}"))
        yield name, _pin(package.get("Version"), {"url": where and f"{where}@{commit}"})


def _conda_lock(path: str, text: str) -> Iterator[Pin]:
    """conda-lock, and pixi, which began with that format and now says `packages`."""
    lock = _yaml(path, text)
    for entry in _packages(path, lock, "package", "packages"):
        package = _conda_package(entry)
        name = _name(path, package)
        if "pypi" in entry or entry.get("kind", entry.get("manager")) in ("pypi", "pip"):
            name = normalised(name)
        yield name, _pin(package.get("version"), package.get("source"))


def _conda_package(entry: Table) -> Table:
    """Completed by its location, which is all there is since version 6 of pixi.lock:
    `https://…/numpy-1.2-py39_0.conda`, `lib[1a2b3c4d] @ libs/lib`, `git+https://…`, `./lib`.
    """
    keys = ("conda", "pypi", "conda_source", "source", "path", "url")
    location: str = next((entry[key] for key in keys if isinstance(entry.get(key), str)), "")
    named, _, where = location.rpartition(" @ ")
    told: Table = {"name": named.partition("[")[0]}
    if where.endswith((".conda", ".tar.bz2")):
        file = where.rpartition("/")[2]
        told["name"], _, told["version"] = file.rpartition("-")[0].rpartition("-")
    # Everything from a channel or an index has an address too, so that one tells no origin.
    if not where.startswith(("https:", "http:", "file:")):
        told["source"] = {"path": where}
    source = entry.get("package_build_source") or entry.get("source") or told.get("source")
    return {**told, **entry, "source": source}


def _environment_yml(path: str, text: str) -> Iterator[Pin]:
    dependencies = _yaml(path, text).get("dependencies") or []
    for item in dependencies if isinstance(dependencies, list) else [dependencies]:
        match item:
            case str():
                yield match_spec(path, item)
            case {"pip": list() | None as lines}:
                for line in lines or ():
                    yield from requirement(path, " ".join(str(line).split()))
            case _:
                _broken(path, f"neither a package nor a `pip:` list: {str(item)[:60]!r}")


# https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html#package-match-specifications
_MATCH_SPEC = re.compile(r"(?:\S*::)?(\w[\w.-]*)((?:[\s=<>!~\[*].*)?)", re.ASCII)
_EXACT_SPEC = re.compile(r"(?:==? ?)?([\w*][\w.!+*-]*)(?:[= ]([\w.*]+))?", re.ASCII)


def match_spec(path: str, spec: str) -> Pin:
    """`numpy=1.2`, `conda-forge::numpy ==1.2`, `numpy >=1,<2`, `numpy=1.2=py39_0`.

    The build stays: it can be all that tells a CUDA build from a CPU build.
    """
    if not (found := _MATCH_SPEC.fullmatch(spec.strip())):
        _broken(path, f"not a conda package: {spec[:60]!r}")
    name, rest = found[1].lower(), " ".join(found[2].split())
    if exact := _EXACT_SPEC.fullmatch(rest):
        return name, f"{exact[1]} ({exact[2]})" if exact[2] else exact[1]
    return name, re.sub(r" ?([,|<>=!~]+) ?", r"\1", rest) or UNPINNED


def _python_version(_path: str, text: str) -> Iterator[Pin]:
    """The first of several is the one that `python` runs."""
    _, line = next(logical_lines(text), (1, UNPINNED))
    yield "python", line.partition(" ")[0]


def _requirements(path: str, text: str) -> Iterator[Pin]:
    for number, line in logical_lines(text):
        yield from requirement(f"{path}:{number}", line)


_LOGICAL_LINE = re.compile(r"(?:(?![ \t]*#).*\\\n)*.*\n")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Joined at a backslash, then without comments, in this order, as pip does; none is empty."""
    number = 1
    for match in _LOGICAL_LINE.finditer("\n".join([*text.splitlines(), ""])):
        line = _COMMENT.sub("", match[0].replace("\\\n", " "))
        if line.strip():
            yield number, " ".join(line.split())
        number += match[0].count("\n")


_NAMED = re.compile(r"([A-Za-z0-9][\w.-]*) ?(?:\[[^\]]*\])? ?(?:@ ?(\S+).*|(.*))", re.ASCII)
_SPECIFIER = re.compile(r"(?: ?(?:===?|[~!<>]=|[<>]) ?[\w.*+!-]+ ?(?:,|$))*")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz")


def requirement(where: str, line: str) -> Iterator[Pin]:
    """One logical line. Options say how to find packages; what `-r` names is a lock file itself."""
    line, editable = re.subn(r"^(?:-e ?|--editable[ =])", "", line)
    line = re.sub(r"(?:^|(?<= ))--?[A-Za-z].*", "", line)
    word, named = line.partition(" ")[0], _NAMED.fullmatch(line)
    is_file = word.startswith((".", "file:")) or word.endswith(_ARCHIVES)
    if named and named[2]:
        yield normalised(named[1]), _short(named[2])
    elif editable or is_file or re.search(r"[/\\]", word):
        yield from _located(word)
    elif named and (specifier := _specifier(named[3])) is not None:
        yield normalised(named[1]), specifier
    elif line:
        _broken(where, f"not a requirement: {_short(line)[:60]!r}")


def _specifier(text: str) -> str | None:
    """`>=1,<2` of `(>= 1, <2); marker`, `1.2` of `==1.2`; None when it is no version specifier."""
    text = text.partition(";")[0].strip(" ").removeprefix("(").removesuffix(")")
    if not _SPECIFIER.fullmatch(text):
        return None
    text = text.replace(" ", "").rstrip(",")
    exact = re.fullmatch(r"===?([^,*]+)", text)
    return exact[1] if exact else text or UNPINNED


def _located(location: str) -> Iterator[Pin]:
    """A URL or path, named by `#egg=` or its end. `.` is the repository, which nothing pins."""
    short = re.sub(r"\[[^][]*\]$", "", _short(location))  # extras
    leaf = re.split(r"[/\\]", short.partition("@")[0].rstrip("/\\"))[-1].removesuffix(".git")
    if leaf.endswith(_ARCHIVES):
        leaf = re.split(r"-\d|\.(?:whl|zip|tar|tgz)", leaf, maxsplit=1)[0]
    egg = re.search(r"[#&]egg=([\w.-]+)", location)
    if name := normalised(egg[1] if egg else leaf).strip("-"):
        yield name, short


def _pin(version: object, source: object = None) -> str:
    origin = _origin(source) if isinstance(source, dict) else ""
    version = "" if version is None else str(version)
    return f"{version} ({origin})" if version and origin else version or origin or UNPINNED


def _origin(source: Table) -> str:
    """`git+https://…@1a2b3c4`, a URL, `editable lib`, or nothing for what comes from an index."""
    if "type" in source:  # Poetry
        source = {str(source["type"]): source.get("url"), "rev": source.get("resolved_reference")}
    if isinstance(url := source.get("git"), str):
        url, _, commit = url.partition("#")
        commit = source.get("rev") or source.get("revision") or source.get("ref") or commit
        return _short(f"git+{url.partition('?')[0]}@{commit}").rstrip("@")
    for kind in ("url", "path", "file", "directory", "editable", "virtual"):
        if isinstance(where := source.get(kind), str) and where:
            return _short(where) if kind == "url" or "://" in where else f"{kind} {where}"
    return ""


def _short(url: str) -> str:
    """Without user, password and query, which can be secret; with seven digits of a commit."""
    url = re.sub(r"(?<=://)[^/?#\s]*@", "", url)
    return re.sub(r"(@[0-9a-f]{7})[0-9a-f]{33}$", r"\1", re.split(r"[?#]", url, maxsplit=1)[0])


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _yaml(path: str, text: str) -> Table:
    from mlops_ci import yaml as yaml_1_2

    return _table(path, yaml_1_2.load(text, path) or {}, "the file")


def _table(path: str, value: object, what: str) -> Table:
    return value if isinstance(value, dict) else _broken(path, f"{what} is not a table")


def _packages(path: str, lock: Table, *keys: str) -> Iterator[Table]:
    for key in keys:
        packages = lock.get(key, [])
        for package in packages if isinstance(packages, list) else [packages]:
            yield _table(path, package, f"what `{key}` lists")


def _name(path: str, package: Table) -> str:
    name = package.get("name")
    return name if isinstance(name, str) and name else _broken(path, "a package without a name")


def _broken(where: str, what: str) -> NoReturn:
    raise UnreadableError(f"{where}: {what}")


def _broken_syntax(path: str, error: ValueError) -> NoReturn:
    """In the words of json or tomllib, both of which end with where they stand."""
    found = re.fullmatch(r"(.*?):? \(?(?:at )?line (\d+),? column .*", str(error), re.DOTALL)
    where, what = (f"{path}:{found[2]}", found[1]) if found else (path, error)
    _broken(where, f"broken lock file: {what}")


_READERS: dict[str, Callable[[str, str], Iterator[Pin]]] = {
    **dict.fromkeys(("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock"), _toml_lock),
    "Pipfile.lock": _pipfile_lock,
    "requirements*.txt": _requirements,
    "environment.yml": _environment_yml,
    "environment.yaml": _environment_yml,
    "conda-lock.yml": _conda_lock,
    "pixi.lock": _conda_lock,
    "renv.lock": _renv_lock,
    ".python-version": _python_version,
}
LOCK_FILES = (*_READERS, "requirements/*.txt")
_ENDINGS = (*_READERS, ".txt")  # asked of every file of a repository
