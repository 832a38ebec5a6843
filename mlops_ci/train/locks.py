"""Which file says what the environment is made of, and whether what is installed agrees with it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from mlops_ci.environment import LOCK_FILES, is_lock_file, normalised, parse
from mlops_ci.errors import UnreadableError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage.run import EnvironmentLock
from mlops_ci.lineage.statement import is_inside
from mlops_ci.process import run
from mlops_ci.text import visible
from mlops_ci.train.markers import elsewhere
from mlops_ci.train.requirements import included
from mlops_ci.train.versions import agrees

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlops_ci.lineage.run import InSync

Tool = Literal["uv", "pylock", "pip", ""]
# In the order in which they are taken for the lock; those behind the third are known and cannot be installed from here.
_USUAL = (
    "uv.lock", "pylock.toml", "requirements.txt", "poetry.lock", "pdm.lock", "Pipfile.lock", "conda-lock.yml",
    "pixi.lock", "environment.yml",
)  # fmt: skip
_TOOLS: dict[str, Tool] = {"uv.lock": "uv", "pylock.toml": "pylock"}
_SHOWN = 5
_ASK = """\
import json, os, platform, sys
names = [name for path in sys.path if os.path.isdir(path) for name in os.listdir(path)]
found = [name[:-10] for name in names if name.endswith(".dist-info")]
implementation = sys.implementation
version = "{0.major}.{0.minor}.{0.micro}".format(implementation.version)
if implementation.version.releaselevel != "final":
    version += implementation.version.releaselevel[0] + str(implementation.version.serial)
variables = {
    "implementation_name": implementation.name,
    "implementation_version": version,
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "platform_python_implementation": platform.python_implementation(),
    "python_full_version": platform.python_version(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
}
print(json.dumps([platform.python_version(), sys.executable, found, variables]))
"""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """`packages`: normalised name to version, what is installed for it. `platform`: the variables of markers there:
    https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
    """

    path: str
    version: str
    packages: dict[str, str]
    platform: dict[str, str] = field(default_factory=dict)


def tool_of(path: str) -> Tool:
    """What installs from this lock; "" when mlops-ci cannot."""
    name = path.rpartition("/")[2]
    if name.startswith("pylock.") and name.endswith(".toml"):
        return "pylock"
    return _TOOLS.get(name, "pip" if name.endswith(".txt") else "")


def find(root: Path, configured: str | None) -> str | None:
    """The path of the lock file: as configured, else one of the usual names in the root; None when there is none."""
    if configured is None:
        return next((name for name in _USUAL if (root / name).is_file()), None)
    if not is_lock_file(configured) and tool_of(configured) == "":
        raise UsageError(
            f"{configured} is no lock file that is known", hint=f"known: {', '.join(LOCK_FILES)}"
        )
    if not (root / configured).is_file():
        raise UsageError(f"there is no lock file {configured}", hint="correct it in mlops-ci.yaml")
    return configured


def ask(program: str) -> Interpreter:
    """What the interpreter tells of itself. Raises ToolError when it cannot be run, UnreadableError for nonsense."""
    done = run([program, "-I", "-c", _ASK], timeout=60)
    try:
        version, path, names, platform = json.loads(done.stdout)
    except ValueError as error:
        raise UnreadableError(f"{program} is no Python that works: {done.last_line}") from error
    # The first of two is the one that is imported: an environment may see the packages of the system behind its own.
    pairs = (name.rpartition("-") for name in reversed(names))
    return Interpreter(
        path=path,
        version=version,
        packages={normalised(name): version for name, _, version in pairs},
        platform=platform,
    )


@dataclass(frozen=True, kw_only=True)
class Described:
    """A lock, and what it takes in, for the Record. In words: `drift`, what is installed in other versions than it
    says; `doubt`, what of it cannot be understood.
    """

    locks: tuple[EnvironmentLock, ...]
    drift: str = ""
    doubt: str = ""


def describe(root: Path, path: str, interpreter: Interpreter | None) -> Described:
    """The lock at `path`, compared with what is installed."""
    wanted = [path, *included(root, path)]
    inside = [one for one in wanted if is_inside(one) and (root / one).is_file()]
    contents = {one: (root / one).read_bytes() for one in inside}
    try:
        pins = [
            pin for one, content in contents.items() for pin in _pins(one, content, interpreter)
        ]
    except (ValueError, UnreadableError, AttributeError, TypeError):  # of a broken lock
        pins = []
    in_sync, drift = _compare(pins, interpreter)
    doubtful = [f"{pin.name} ({visible(pin.doubt)})" for pin in pins if pin.doubt]
    if in_sync == "yes" and (doubtful or len(inside) < len(wanted)):
        in_sync = "unknown"
    locks = tuple(
        EnvironmentLock(
            path=one,
            tool=tool_of(one) or one.rpartition("/")[2],
            sha256=hashlib.sha256(content).hexdigest(),
            in_sync=in_sync,
        )
        for one, content in contents.items()
    )
    return Described(locks=locks, drift=drift, doubt=_listed(doubtful))


@dataclass(frozen=True, kw_only=True)
class _Pin:
    """`path`: of the lock file. `doubt`: a marker that cannot be understood."""

    path: str
    name: str
    version: str
    doubt: str


def _pins(path: str, content: bytes, interpreter: Interpreter | None) -> list[_Pin]:
    text = content.decode("utf-8-sig")
    found = parse(path, text)
    away = elsewhere(path, text, interpreter.platform if interpreter else {})
    named = [(normalised(one.name), one.version) for one in found]
    bare = [(name, version.partition(" (")[0]) for name, version in named]
    return [
        _Pin(path=path, name=name, version=version, doubt=away.doubtful.get(pin, ""))
        for (name, version), pin in zip(named, bare, strict=True)
        if pin not in away.pins
    ]


def _compare(pins: list[_Pin], interpreter: Interpreter | None) -> tuple[InSync, str]:
    versions: dict[str, set[str]] = {}
    said: dict[str, set[str]] = {}
    there = interpreter.packages if interpreter else {}
    for one in pins:
        versions.setdefault(one.name, set()).add(one.version)
        known = one.name in there and not one.doubt
        answer = agrees(one.path, one.version, there[one.name]) if known else "unknown"
        said.setdefault(one.name, set()).add(answer)
    if interpreter is None or not versions:
        return "unknown", ""
    drift = sorted(name for name, answers in said.items() if answers == {"no"})
    if drift:
        return "no", _listed(
            f"{one} {there[one]}, not {'/'.join(sorted(versions[one]))}" for one in drift
        )
    # What is absent may be of a group that nobody asked for.
    return ("yes" if all("yes" in answers for answers in said.values()) else "unknown"), ""


def _listed(lines: Iterable[str]) -> str:
    every = list(lines)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return "; ".join(every[:_SHOWN]) + more


def can_install(root: Path, path: str) -> bool:
    """Whether an environment can be made from it: what pip installs has to have hashes."""
    tool = tool_of(path)
    return bool(tool) and (tool != "pip" or has_hashes(root, path))


def has_hashes(root: Path, path: str) -> bool:
    """Whether a requirements file, or one that it takes in, says which bytes."""
    files = [root / one for one in (path, *included(root, path))]
    return any("--hash" in one.read_text("utf-8", "replace") for one in files if one.is_file())
