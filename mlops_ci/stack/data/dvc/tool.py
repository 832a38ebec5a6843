"""The project's own `dvc`, for what files alone cannot tell: content that is only in a remote."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.errors import MlopsCiError, UnreadableError
from mlops_ci.formats import MAX_BYTES
from mlops_ci.process import environment_outside_git, run

if TYPE_CHECKING:
    from collections.abc import Collection

_SECONDS = 120


def find_dvc(root: Path, tracked: Collection[str], configured: str | None = None) -> str | None:
    """The `dvc` to use: as configured (`data.dvc`), of the active environment, of `.venv`, of PATH.

    One that lies in Git (`tracked`) is never run on its own account: an environment is not committed, and a pull
    request could bring any program under that name.
    """
    import shutil

    if configured:
        return shutil.which(str(root / configured)) or shutil.which(configured)
    environments = [Path(os.environ["VIRTUAL_ENV"])] if os.environ.get("VIRTUAL_ENV") else []
    for environment in [*environments, root / ".venv"]:
        for name in ("bin/dvc", "Scripts/dvc.exe"):
            file = environment / name
            if file.is_file() and not _is_tracked(file, root, tracked):
                return str(file)
    return shutil.which("dvc")


def _is_tracked(file: Path, root: Path, tracked: Collection[str]) -> bool:
    return file.is_relative_to(root) and file.relative_to(root).as_posix() in tracked


def fetch(dvc: str, root: Path, dvc_root: str, path: str, commit: str | None) -> bytes | None:
    """The content of `path` at `commit`, from the cache or a remote; without a commit, that of the work tree is
    brought into the cache and the answer is None. Raises UnreadableError with DVC's reason.
    """
    project = root / dvc_root
    inner = posixpath.relpath(path, dvc_root) if dvc_root else path
    if commit is None:
        _run([dvc, "fetch", "-q", "--", inner], project, path)
        return None
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mlops-ci-") as folder:
        target = Path(folder) / "content"
        get = [dvc, "get", "-q", "--rev", commit, "-o", str(target), "--", str(project), inner]
        _run(get, project, path)
        if target.stat().st_size > MAX_BYTES:
            raise UnreadableError(f"{path}: more than the limit of {MAX_BYTES:,} bytes")
        return target.read_bytes()


def _run(command: list[str], folder: Path, path: str) -> None:
    try:
        done = run(
            command, cwd=folder, env=environment_outside_git(DVC_NO_ANALYTICS="1"), timeout=_SECONDS
        )
    except MlopsCiError as error:
        raise UnreadableError(f"{path}: {error}") from error
    if done.returncode:
        reason = _reason(done.stderr) or f"exit code {done.returncode}"
        raise UnreadableError(f"{path}: dvc cannot get it: {reason}", hint=f"dvc fetch {path}")


def _reason(stderr: str) -> str:
    """DVC's error without its label and without the advertisement that follows it."""
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    return (
        lines[0].removeprefix("ERROR:").removeprefix(" unexpected error -").strip() if lines else ""
    )
