"""One training at a time in a work tree: of two at once, one would record what the other wrote."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from mlops_ci.errors import ToolError
from mlops_ci.lineage import store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILE = "train.lock"


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Raises ToolError where another training is at work in this work tree. One that was killed leaves no mark."""
    try:
        file = (store.make_folder(root) / _FILE).open("ab")
    except OSError as error:
        what = f"nothing can be kept here: {error.filename or root}: {error.strerror}"
        raise ToolError(what, hint="mend that, then: mlops-ci train") from error
    with file:
        if not _lock(file):
            raise ToolError(
                "another mlops-ci train is at work in this work tree",
                hint="wait until it has ended, then: mlops-ci train",
            )
        yield


def _lock(file: IO[bytes]) -> bool:
    """As long as the file is open. True also where the system or the file system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
