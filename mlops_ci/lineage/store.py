"""Where Records are kept: `.mlops-ci/records/`, one JSONL file a run, beside the work tree and not in Git.

A Record in a commit would change the commit that it speaks of. What has to travel is a Git note (`notes.py`), an
artifact of the CI run, or a copy at the tracked run.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError, UnreadableError, UsageError
from mlops_ci.lineage.statement import MAX_BYTES, Statement, decode, encode, provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOLDER = ".mlops-ci/records"
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{7}(?:-[0-9]+)?\.jsonl")


def write(root: Path, statements: list[Statement], path: Path | None = None) -> Path:
    """Keep a Record, at `path` or under a name of its own that sorts by time. Whole or not at all."""
    content = "".join(f"{encode(one)}\n" for one in statements).encode("ascii")
    decode(content, "the new Record")
    folder = root / FOLDER
    try:
        make_folder(root)
        folder.mkdir(exist_ok=True)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        return _written(path, content) if path else _added(folder, statements, content)
    except OSError as error:
        where = error.filename or folder
        raise ToolError(
            f"the Record cannot be written: {where}: {error.strerror}; results are kept",
            hint="mend that, then: mlops-ci train, which runs only what has changed",
        ) from error


def make_folder(root: Path) -> Path:
    """The folder of all that mlops-ci keeps in a work tree, which Git leaves alone."""
    folder = (root / FOLDER).parent
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        _written(ignore, b"*\n")
    return folder


def newest(root: Path) -> Path | None:
    """The Record of the last run in this work tree, None when there is none."""
    return next(iter(kept(root)), None)


def kept(root: Path) -> list[Path]:
    """The Records of this work tree, newest first."""
    return sorted(_kept(root / FOLDER), key=lambda one: _by_time(one.name), reverse=True)


def _kept(folder: Path) -> list[Path]:
    try:
        return [folder / one.name for one in os.scandir(folder) if _NAME.fullmatch(one.name)]
    except FileNotFoundError:
        return []


def read(path: Path) -> list[Statement]:
    """The Statements of a Record file. Raises UsageError when there is none, UnreadableError when it is no Record."""
    try:
        return decode(_content(path), str(path))
    except FileNotFoundError:
        raise UsageError(f"there is no Record {path}", hint="mlops-ci train") from None
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from error


def _content(path: Path) -> bytes:
    # Not blocking: a named pipe would wait for somebody to write to it.
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor is no path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableError(f"{path}: is not a regular file")
        return file.read(MAX_BYTES + 1)


def _by_time(name: str) -> tuple[str, int]:
    stem = name.removesuffix(".jsonl").split("-")
    return stem[0], int(stem[2]) if len(stem) > 2 else 0


def _added(folder: Path, statements: list[Statement], content: bytes) -> Path:
    for path in _names(folder, statements):
        with suppress(FileExistsError):  # another run is faster
            return _written(path, content, _put)
    raise AssertionError("names have no end")


def _names(folder: Path, statements: list[Statement]) -> Iterator[Path]:
    first = provenance(statements)[0]["predicate"]
    started = re.sub(r"\.\d+|[-:]", "", first["runDetails"]["metadata"]["startedOn"])
    commit = first["buildDefinition"]["internalParameters"]["mlopsci_commit"][:7]
    last, same = max((_by_time(one.name) for one in _kept(folder)), default=("", 0))
    # After those that are there: in the same second, and where the clock was set back.
    when, number = (started, 1) if started > last else (last, max(same, 1) + 1)
    for following in count(number):
        yield folder / f"{when}-{commit}{f'-{following}' if following > 1 else ''}.jsonl"


def _put(file: Path, path: Path) -> None:
    """Under a name that nobody has. Raises FileExistsError."""
    try:
        os.link(file, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        path.touch(exist_ok=False)
        file.replace(path)


def _written(path: Path, content: bytes, put: Callable[[Path, Path], object] = os.replace) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        put(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
