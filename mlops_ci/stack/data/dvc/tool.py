"""The project's own `dvc`, for what files alone cannot tell: content that is only in a remote."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci.errors import MlopsCiError, UnreadableError
from mlops_ci.limits import MAX_BYTES
from mlops_ci.process import environment_outside_git, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SECONDS = 120


def find_dvc(
    root: Path, is_tracked: Callable[[str], bool], configured: str | None = None
) -> str | None:
    """The `dvc` to use: as configured (`data.dvc`), or as `find_program` finds it."""
    from mlops_ci.stack.program import find_program

    return find_program("dvc", root, is_tracked, configured)


def fetch(dvc: str, root: Path, dvc_root: str, path: str, commit: str | None) -> bytes | None:
    """The content of `path` at `commit`, from the cache or a remote; without a commit, that of the work tree is
    brought into the cache and the answer is None. Raises UnreadableError with DVC's reason.
    """
    project = root / dvc_root
    inner = posixpath.relpath(path, dvc_root) if dvc_root else path
    if commit is None:
        _run([dvc, "fetch", "--", inner], project, path)
        return None
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="mlops-ci-") as folder:
        target = Path(folder) / "content"
        get = [dvc, "get", "--rev", commit, "-o", str(target), "--", str(project), inner]
        _run(get, project, path)
        if not target.is_file():
            raise UnreadableError(f"{path}: dvc says nothing, and has written no file")
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
        raise UnreadableError(f"{path}: dvc cannot get it: {reason}")


def _reason(stderr: str) -> str:
    """DVC's error without its label and without the advertisement that follows it."""
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    return (
        lines[0].removeprefix("ERROR:").removeprefix(" unexpected error -").strip() if lines else ""
    )
