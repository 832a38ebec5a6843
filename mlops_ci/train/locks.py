"""Which file says what the environment is made of, and whether what is installed agrees with it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal

from mlops_ci.environment import LOCK_FILES, is_lock_file, normalised, parse
from mlops_ci.errors import UnreadableError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage.run import EnvironmentLock
from mlops_ci.process import run
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
print(json.dumps([platform.python_version(), sys.executable, found]))
"""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """`packages`: normalised name to version, what is installed for it."""

    path: str
    version: str
    packages: dict[str, str]


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
        version, path, names = json.loads(done.stdout)
    except ValueError as error:
        raise UnreadableError(f"{program} is no Python that works: {done.last_line}") from error
    pairs = (name.rpartition("-") for name in names)
    return Interpreter(
        path=path,
        version=version,
        packages={normalised(name): version for name, _, version in pairs},
    )


def describe(root: Path, path: str, interpreter: Interpreter | None) -> tuple[EnvironmentLock, str]:
    """The lock for the Record; and what is installed in other versions than it says, "" when nothing is."""
    content = (root / path).read_bytes()
    in_sync, drift = _compare(path, content, interpreter)
    lock = EnvironmentLock(
        path=path,
        tool=tool_of(path) or path.rpartition("/")[2],
        sha256=hashlib.sha256(content).hexdigest(),
        in_sync=in_sync,
    )
    return lock, drift


def _compare(path: str, content: bytes, interpreter: Interpreter | None) -> tuple[InSync, str]:
    try:
        pinned = parse(path, content.decode("utf-8-sig"))
    except (UnicodeDecodeError, UnreadableError):
        return "unknown", ""
    versions: dict[str, set[str]] = {}
    for one in pinned:
        versions.setdefault(normalised(one.name), set()).add(one.version)
    if interpreter is None or not versions:
        return "unknown", ""
    there = interpreter.packages
    found = {
        name: {agrees(path, one, there[name]) for one in wanted}
        for name, wanted in versions.items()
        if name in there
    }
    drift = sorted(name for name, said in found.items() if said == {"no"})
    if drift:
        return "no", _listed(
            f"{one} {there[one]}, not {'/'.join(sorted(versions[one]))}" for one in drift
        )
    # What is absent may be for another platform, or of a group that nobody asked for.
    sure = versions.keys() <= there.keys() and all("yes" in said for said in found.values())
    return ("yes" if sure else "unknown"), ""


def _listed(lines: Iterable[str]) -> str:
    every = list(lines)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return "; ".join(every[:_SHOWN]) + more


def can_install(root: Path, path: str) -> bool:
    """Whether an environment can be made from it: what pip installs has to have hashes."""
    tool = tool_of(path)
    if tool != "pip":
        return bool(tool)
    return "--hash" in (root / path).read_text("utf-8", "replace")
