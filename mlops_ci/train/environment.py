"""What stages run in: the environment that is there, or one that is made from the lock by the tool of the lock."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.errors import MlopsCiError, StoppedError, ToolError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage import store
from mlops_ci.train import locks
from mlops_ci.train.child import follow
from mlops_ci.train.requirements import included

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_ci.lineage.run import EnvironmentLock
    from mlops_ci.train.locks import Interpreter
    from mlops_ci.train.output import Output

FOLDER = "environments"
_DONE = ".mlops-ci-complete"
_BIN = "Scripts" if os.name == "nt" else "bin"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """`folder`: the virtual environment, None for what is on PATH. `locks`: the lock file, then those that it takes in.
    In words: `drift`, what differs from it; `doubt`, what of it cannot be understood.
    """

    name: str = ""
    folder: Path | None = None
    interpreter: Interpreter | None = None
    locks: tuple[EnvironmentLock, ...] = ()
    drift: str = ""
    doubt: str = ""

    @property
    def lock(self) -> EnvironmentLock | None:
        return self.locks[0] if self.locks else None

    def program(self, name: str) -> str | None:
        """The path of a program that the environment brings; None where it does not."""
        return shutil.which(name, path=str(self.folder / _BIN)) if self.folder else None

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """`environ` as a shell has it in which the environment is active."""
        if self.folder is None:
            return dict(environ)
        path = os.pathsep.join([str(self.folder / _BIN), environ.get("PATH", os.defpath)])
        kept = {name: value for name, value in environ.items() if name != "PYTHONHOME"}
        return {**kept, "PATH": path, "VIRTUAL_ENV": str(self.folder)}


def current(root: Path, lock: str | None, is_tracked: Callable[[str], bool]) -> Environment:
    """The active environment, else `.venv` in the root, else what is on PATH; compared with the lock."""
    folder = _active(root, is_tracked)
    program = shutil.which("python", path=_search(folder)) or shutil.which("python3")
    interpreter = _asked(program) if program else None
    if lock is None:
        return Environment(folder=folder, interpreter=interpreter)
    found = locks.describe(root, lock, interpreter)
    return Environment(
        folder=folder,
        interpreter=interpreter,
        locks=found.locks,
        drift=found.drift,
        doubt=found.doubt,
    )


def _active(root: Path, is_tracked: Callable[[str], bool]) -> Path | None:
    if active := os.environ.get("VIRTUAL_ENV"):
        return Path(active)
    own = root / ".venv"
    return own if (own / _BIN).is_dir() and not is_tracked(".venv") else None


def _search(folder: Path | None) -> str:
    path = os.environ.get("PATH", os.defpath)
    return os.pathsep.join([str(folder / _BIN), path]) if folder else path


def _asked(program: str) -> Interpreter | None:
    try:
        return locks.ask(program)
    except MlopsCiError:
        return None


def locked(root: Path, lock: str, output: Output, name: str = "") -> Environment:
    """Made in `.mlops-ci/environments`, one a lock, and used again. Raises ToolError when it cannot be made."""
    tool = locks.tool_of(lock)
    if not tool:
        raise UsageError(
            f"mlops-ci installs from uv.lock, pylock.toml and requirements with hashes, not from {lock}",
            hint="make the environment with its own tool, and run mlops-ci train --environment current in it",
        )
    folder = store.make_folder(root) / FOLDER / f"{tool}-{_digest(root, lock)[:16]}"
    _INSTALL[tool](root, lock, folder, output)
    interpreter = locks.ask(str(folder / _BIN / "python"))
    found = locks.describe(root, lock, interpreter)
    if found.drift:
        raise ToolError(f"{folder}: {found.drift}", hint=f"rm -r {folder}, then again")
    # The tool has just installed it, whatever of it this platform needs.
    installed = tuple(dataclasses.replace(one, in_sync="yes") for one in found.locks)
    return Environment(name=name, folder=folder, interpreter=interpreter, locks=installed)


def _digest(root: Path, lock: str) -> str:
    """Of the lock, and of what it takes in."""
    digest = hashlib.sha256((root / lock).read_bytes())
    for path in included(root, lock):
        with suppress(OSError):
            digest.update(b"\0" + (root / path).read_bytes())
    return digest.hexdigest()


def _uv(root: Path, lock: str, folder: Path, output: Output) -> None:
    """Checks that uv.lock is what pyproject.toml asks for, then installs exactly that.

    https://docs.astral.sh/uv/reference/cli/#uv-sync
    """
    project = (root / lock).parent
    command = [_program("uv"), "sync", "--locked", "--no-progress"]
    env = {**_plain(), "UV_PROJECT_ENVIRONMENT": str(folder)}
    _run(command, project, env, output, f"{lock} cannot be installed", "uv lock")


def _pylock(root: Path, lock: str, folder: Path, output: Output) -> None:
    """https://peps.python.org/pep-0751/"""
    uv = _program("uv")
    if not (folder / _BIN).is_dir():
        _run(
            [uv, "venv", "--no-progress", str(folder)], root, _plain(), output, "no venv", "uv venv"
        )
    command = [uv, "pip", "sync", "--no-progress", "--python", str(folder), lock]
    _run(command, root, _plain(), output, f"{lock} cannot be installed", f"uv pip sync {lock}")


def _pip(root: Path, lock: str, folder: Path, output: Output) -> None:
    """https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode"""
    if not locks.has_hashes(root, lock):
        raise UsageError(
            f"{lock} has no hashes: it does not say which bytes to install",
            hint=f"pip-compile --generate-hashes, or: uv pip compile --generate-hashes -o {lock} …",
        )
    if (folder / _DONE).is_file():
        return
    shutil.rmtree(folder, ignore_errors=True)
    pip = _venv(root, folder, output)
    command = [*pip, "install", "--require-hashes", "--quiet", "-r", lock]
    hint = f"pip install --require-hashes -r {lock}"
    _run(command, root, _plain(), output, f"{lock} cannot be installed", hint)
    (folder / _DONE).touch()


def _venv(root: Path, folder: Path, output: Output) -> list[str]:
    """A new environment, and the pip that installs into it: the one that is here, else one of its own.

    https://pip.pypa.io/en/stable/user_guide/#managing-a-different-python-interpreter
    """
    base = shutil.which("python") or shutil.which("python3") or ""
    outside = _installs_elsewhere(locks.ask(base).packages.get("pip", ""))
    options = ["--without-pip"] if outside else []
    command = [base, "-m", "venv", *options, str(folder)]
    _run(command, root, _plain(), output, "no environment can be made", "python -m venv .venv")
    python = str(folder / _BIN / "python")
    pip = [base, "-m", "pip", "--python", python] if outside else [python, "-m", "pip"]
    return [*pip, "--disable-pip-version-check", "--no-input"]


def _installs_elsewhere(pip: str) -> bool:
    """`--python` came with pip 22.3."""
    major, _, rest = pip.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) >= (22, 3) if major.isdigit() and minor.isdigit() else False


_INSTALL = {"uv": _uv, "pylock": _pylock, "pip": _pip}


def _plain() -> dict[str, str]:
    """Without what would let a tool install into the active environment, or run another interpreter."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in {"VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PIP_REQUIRE_VIRTUALENV"}
    }


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ToolError(f"{name} made the lock and is not installed", hint=f"pip install {name}")
    return found


def _run(
    command: list[str], cwd: Path, env: dict[str, str], output: Output, problem: str, hint: str
) -> None:
    ended = follow(command, cwd=cwd, env=env, line=output.line)
    if ended.stopped:
        what = f"stopped by {ended.stopped} while the environment was made"
        raise StoppedError(f"{what}; the next run makes it", signal=ended.stopped)
    if ended.returncode:
        last = next((one for one in reversed(output.last) if one.strip()), "")
        raise ToolError(f"{problem}: {last}", hint=hint)
