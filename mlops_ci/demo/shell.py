"""Running git and dvc in the demo's folder, where nothing outside it counts or changes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mlops_ci.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.demo.screen import Screen

# What a shell may have set for other work: a tracking server, a shared cache, another repository.
_FOREIGN = ("DVC_", "GIT_", "MLFLOW_")
_NEEDED = ("GIT_EXEC_PATH",)
_DVC_CONFIG = "[core]\n    analytics = false\n    check_update = false\n"
_GIT_CONFIG = "[safe]\n    directory = *\n"
_PERSON = {"NAME": "mlops-ci demo", "EMAIL": "demo@example.com"}
_LAST_LINES = 12


class Shell:
    def __init__(self, folder: Path, screen: Screen, env: dict[str, str]) -> None:
        self.folder = folder
        self.screen = screen
        self.env = env

    def __call__(self, *words: str) -> None:
        """Print and run `git …` or `dvc …`. Raises ToolError with the last lines that it wrote."""
        self.screen.command(words)
        # This interpreter's dvc, whatever PATH finds first.
        program = [sys.executable, "-m", "dvc"] if words[0] == "dvc" else [words[0]]
        with tempfile.TemporaryFile() as errors:
            try:
                returncode = self._run([*program, *words[1:]], errors)
            except FileNotFoundError as error:
                raise ToolError(f"{words[0]} is not installed or not on PATH") from error
            if returncode:
                errors.seek(0)
                last = errors.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
                raise ToolError("\n".join([f"`{' '.join(words)}` failed:", *last]))

    def _run(self, command: list[str], errors: IO[bytes]) -> int:
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stdout
            for line in process.stdout:
                self.screen.progress(line.rstrip())
        return process.returncode


@contextmanager
def opened(folder: Path, screen: Screen) -> Iterator[Shell]:
    with tempfile.TemporaryDirectory(prefix="mlops-ci-", ignore_cleanup_errors=True) as home:
        yield Shell(folder, screen, _environment(Path(home)))


def _environment(home: Path) -> dict[str, str]:
    (home / "config").write_text(_DVC_CONFIG, encoding="utf-8")
    (home / "gitconfig").write_text(_GIT_CONFIG, encoding="utf-8")
    return {
        **_inherited(),
        **{
            f"GIT_{role}_{key}": _PERSON[key] for role in ("AUTHOR", "COMMITTER") for key in _PERSON
        },
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(home),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "none"),
        "DVC_SITE_CACHE_DIR": str(home / "cache"),
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # The last digits of a sum depend on the number of threads.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # Else what dvc says comes after what its stages say.
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


def _inherited() -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if key in _NEEDED or not key.startswith(_FOREIGN)
    }
    here = str(Path(sys.executable).parent)
    return {**kept, "PATH": os.pathsep.join([here, kept.get("PATH", os.defpath)])}
