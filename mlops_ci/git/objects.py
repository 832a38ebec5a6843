"""What Git's processes give: objects by name, and listings. Each process is started once and read as it answers."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping
from functools import cached_property
from typing import IO, TYPE_CHECKING, cast

from mlops_ci.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MISSING = "missing"
_ENDED = "git cannot read an object; is this a partial clone?"
_WHOLE = "git fetch --refetch --no-filter, which makes it a whole one"
# Twice as many names are sent before an answer is read: they must fit into a pipe (64 KiB on Linux, 16 KiB on macOS).
_BULK = 100
_CHUNK = 1024 * 1024
# To start Git anew is faster than to let it write so much.
_HUGE = 16 * _CHUNK


class _EndedError(ToolError):
    """A `git cat-file` that should still be running has ended."""


class _HugeError(Exception):
    """A blob that is far larger than what is wanted."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Objects:
    """Two `git cat-file` processes that stay open: one tells sizes, one gives contents."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.known: dict[str, bytes] = {}
        self.env: dict[str, str] | None = None

    def start(self) -> None:
        """Git takes a moment until it can read."""
        _ = self._contents

    def stat(self, name: str) -> tuple[str, str, int]:
        """Object id, type and size in bytes; the type is `missing` when there is no such object."""
        try:
            _send(self._sizes, name)
            return _header(self._sizes)
        except _EndedError:  # git gives up on some names, such as @{u} without an upstream
            _close(self.__dict__.pop("_sizes"))
            return name, MISSING, 0

    def read(self, oid: str) -> bytes:
        """The content of an object that exists."""
        pipe = self._contents
        _send(pipe, oid)
        content = _content(pipe)
        if content is None:
            raise ToolError(f"Git object {oid} is missing", hint="git fetch")
        return content

    def expect(self, oids: set[str], limit: int) -> None:
        """Read those blobs that have at most `limit` bytes, in bulk; `known` has them afterwards."""
        names = sorted(oid for oid in oids if oid not in self.known)
        while names:
            try:
                self._read_all(names, limit)
                names = []
            except _HugeError as huge:  # Git has begun to read it
                pipe = self.__dict__.pop("_contents")
                pipe.kill()
                _close(pipe)
                names = names[names.index(huge.name) + 1 :]

    def _read_all(self, names: list[str], limit: int) -> None:
        for start in range(-_BULK, len(names), _BULK):  # git works ahead while we read
            if ahead := names[start + _BULK : start + 2 * _BULK]:
                _send(self._contents, "\n".join(ahead))
            if start >= 0:
                self.known.update(_bulk(self._contents, names[start : start + _BULK], limit))

    @cached_property
    def _sizes(self) -> subprocess.Popen[bytes]:
        return self._open("--batch-check")

    @cached_property
    def _contents(self) -> subprocess.Popen[bytes]:
        return self._open("--batch")

    def _open(self, mode: str) -> subprocess.Popen[bytes]:
        return _spawn(["git", "cat-file", mode], self._folder, stdin=True, env=self.env)

    def __del__(self) -> None:
        for name in ("_sizes", "_contents"):
            if pipe := self.__dict__.pop(name, None):
                _close(pipe)


class Ids(Mapping[str, str]):
    """Path to object id, of paths to mode and object id. No copy: there may be a hundred thousand."""

    def __init__(self, modes: Mapping[str, tuple[str, str]]) -> None:
        self._modes = modes

    def __getitem__(self, path: str) -> str:
        return self._modes[path][1]

    def __contains__(self, path: object) -> bool:
        return path in self._modes

    def __iter__(self) -> Iterator[str]:
        return iter(self._modes)

    def __len__(self) -> int:
        return len(self._modes)


class Listing:
    """A git command that lists NUL-separated records; it runs while the caller does other things.

    `later`: it starts when its records are wanted.
    """

    def __init__(self, folder: str | Path, *command: str, later: bool = False) -> None:
        self._folder = folder
        self._command = command
        if not later:
            self.start()

    def start(self) -> None:
        """So that it runs while the caller does other things."""
        if "_pipe" not in self.__dict__:
            self._pipe = _spawn(["git", "--no-optional-locks", *self._command], self._folder)
            _widen(cast("IO[bytes]", self._pipe.stdout))

    def records(self) -> list[str]:
        """Decoded as file names are: bytes that are not UTF-8 become lone surrogates."""
        self.start()
        output = cast("IO[bytes]", self._pipe.stdout).read()
        _close(self._pipe)
        if self._pipe.returncode:
            command = " ".join(self._command[:2])
            raise ToolError(f"git {command} failed with exit code {self._pipe.returncode}")
        return os.fsdecode(output).split("\0")[:-1]

    def __del__(self) -> None:
        if pipe := self.__dict__.get("_pipe"):
            _close(pipe)


def _spawn(
    command: list[str],
    folder: str | Path,
    *,
    stdin: bool = False,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise ToolError(f"git cannot be started: {error.strerror}") from error


def _widen(stream: IO[bytes]) -> None:
    """Let Git write ahead of the reader, by more than the 64 KiB that Linux gives; elsewhere, or where that is not
    allowed, it waits.
    """
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, _CHUNK)  # type: ignore[attr-defined,unused-ignore]


def _close(pipe: subprocess.Popen[bytes]) -> None:
    for stream in filter(None, (pipe.stdin, pipe.stdout)):
        with contextlib.suppress(OSError):  # git has ended, and something is still to be sent
            stream.close()
    pipe.wait()


def _send(pipe: subprocess.Popen[bytes], name: str) -> None:
    stdin = cast("IO[bytes]", pipe.stdin)
    try:
        stdin.write(os.fsencode(name) + b"\n")
        stdin.flush()
    except OSError as error:
        raise _EndedError(_ENDED, hint=_WHOLE) from error


def _bulk(
    pipe: subprocess.Popen[bytes], names: list[str], limit: int
) -> Iterator[tuple[str, bytes]]:
    """As `_content`, for those that have at most `limit` bytes. In one loop: calls for ten thousand add up."""
    stdout = cast("IO[bytes]", pipe.stdout)
    for name in names:
        line = stdout.readline()
        size = line[line.rfind(b" ") + 1 : -1]
        if size.isdigit() and int(size) <= limit:
            yield name, stdout.read(int(size) + 1)[:-1]
        elif not line:
            raise _EndedError(_ENDED, hint=_WHOLE)
        elif size.isdigit() and int(size) > _HUGE:
            raise _HugeError(name)
        elif size.isdigit():
            _skip(stdout, int(size) + 1)


def _skip(stdout: IO[bytes], count: int) -> None:
    for start in range(0, count, _CHUNK):
        stdout.read(min(_CHUNK, count - start))


def _content(pipe: subprocess.Popen[bytes]) -> bytes | None:
    """What `--batch` answers; None when the object is missing."""
    _, kind, size = _header(pipe)
    return None if kind == MISSING else cast("IO[bytes]", pipe.stdout).read(size + 1)[:-1]


def _header(pipe: subprocess.Popen[bytes]) -> tuple[str, str, int]:
    line = cast("IO[bytes]", pipe.stdout).readline()[:-1]
    if not line:
        raise _EndedError(_ENDED, hint=_WHOLE)
    name, _, size = line.rpartition(b" ")
    if size.isdigit():
        oid, _, kind = name.decode(errors="replace").rpartition(" ")
        return oid, kind, int(size)
    return line.decode(errors="replace"), MISSING, 0
