"""Running git, dvc and mlops-ci in the demo's folder, where nothing outside it counts or changes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.demo.screen import Screen

# What a shell may have set for other work: a tracking server, a shared cache, another repository.
_FOREIGN = ("DVC_", "GIT_", "MLFLOW_")
_NEEDED = ("GIT_EXEC_PATH",)
_DVC_CONFIG = "[core]\n    analytics = false\n    check_update = false\n"
_GIT_CONFIG = "[safe]\n    directory = *\n"
_PERSON = {"NAME": "mlops-ci demo", "EMAIL": "demo@example.com"}
_MODULES = {"dvc": "dvc", "mlops-ci": "mlops_ci"}
_LAST_LINES = 12


class Shell:
    def __init__(self, folder: Path, screen: Screen, env: dict[str, str]) -> None:
        self.folder = folder
        self.screen = screen
        self.env = env

    def __call__(
        self, *words: str, show: Callable[[str], None] = lambda _: None, code: int = 0
    ) -> None:
        """Print and run `git …`, `dvc …` or `mlops-ci …`; `show` gets each line that it writes.

        Raises ToolError with the last of them when it does not end with `code`.
        """
        self.screen.command(words)
        # This interpreter's, whatever PATH finds first.
        module = _MODULES.get(words[0])
        program = [sys.executable, "-m", module] if module else [words[0]]
        last: deque[str] = deque(maxlen=_LAST_LINES)

        def take(line: str) -> None:
            last.append(line)
            show(line)

        try:
            returncode = self._run([*program, *words[1:]], take)
        except FileNotFoundError as error:
            raise ToolError(f"{words[0]} is not installed or not on PATH") from error
        if returncode != code:
            raise ToolError("\n".join([f"`{' '.join(words)}` failed:", *last]))

    def _run(self, command: list[str], take: Callable[[str], None]) -> int:
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stdout
            for line in process.stdout:
                take(line.rstrip())
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
        "VIRTUAL_ENV": sys.prefix,
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
