"""The folder of the demo. What is in a folder goes only where an earlier demo has made that folder."""

from __future__ import annotations

import os
import shutil
import stat
import time
from importlib import resources
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

MARKER = ".mlops-ci-demo"
_TRIES, _PAUSE = 10, 0.5
_TEXT = "Made by `mlops-ci demo`, which replaces all of this folder when it is run here again.\n"


def is_earlier(folder: Path) -> bool:
    """Whether an earlier demo made it. Raises UsageError for a folder that holds anything else."""
    if folder.is_dir() and any(folder.iterdir()):
        if _is_ours(folder):
            return True
        raise UsageError(
            f"{folder} is not empty, and no demo made it", hint="mlops-ci demo ANOTHER_FOLDER"
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", hint="mlops-ci demo ANOTHER_FOLDER")
    return False


def _is_ours(folder: Path) -> bool:
    marker = folder / MARKER
    return marker.is_file() and marker.read_bytes() == _TEXT.encode()


def fill(folder: Path) -> None:
    """The project's files and nothing else. The marker is first and stays: a demo can be killed at any point."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).write_bytes(_TEXT.encode())
        _clear_patiently(folder)
        for file in (resources.files(__package__) / "project").iterdir():
            if file.is_file():
                (folder / file.name).write_bytes(file.read_bytes())
    except OSError as error:
        raise ToolError(f"{folder} cannot be written: {error.strerror}") from error


def _clear_patiently(folder: Path) -> None:
    """A stage that has outlived a killed demo may still be writing."""
    for _ in range(_TRIES):
        try:
            return _clear(folder)
        except OSError:
            time.sleep(_PAUSE)
    return _clear(folder)


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            _unlock(entry)
            shutil.rmtree(entry)
        elif entry.name != MARKER:
            entry.unlink()


def _unlock(folder: Path) -> None:
    """Git and DVC write-protect what they store, and Windows does not remove a file that is."""
    if os.name == "nt":
        for path in folder.rglob("*"):
            path.chmod(stat.S_IWRITE)
