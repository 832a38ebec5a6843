"""SHA-256 and MD5 of files in one pass, several files at once. Nothing is cached: what is told was read just now.

MD5 so that a file can be found in DVC; SHA-256 because MD5 proves nothing against somebody who wants it to match.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mlops_ci.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CHUNK = 1024 * 1024
# From here on a second thread pays for itself within one file.
_LARGE = 8 * _CHUNK


@dataclass(frozen=True, kw_only=True)
class Digests:
    """In hex. `size` in bytes."""

    sha256: str
    md5: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The files of a folder by their path in it, with `/`. Empty folders leave no trace, as in DVC."""

    files: dict[str, Digests]

    @property
    def size(self) -> int:
        return sum(one.size for one in self.files.values())

    @property
    def md5(self) -> str:
        """That of the listing which DVC calls `….dir` (Tree.as_bytes in dvc-data)."""
        listing = [{"md5": one.md5, "relpath": name} for name, one in sorted(self.files.items())]
        text = json.dumps(listing, sort_keys=True)
        return hashlib.md5(
            text.encode("utf-8", "surrogateescape"), usedforsecurity=False
        ).hexdigest()

    @property
    def dir_hash(self) -> str:
        """`dirHash` of in-toto: Hash1 of https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash, in hex.

        Hash1 has no file names with line breaks; here they are written as in JSON.
        """
        lines = (f"{one.sha256}  {_line(name)}\n" for name, one in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


class AbsentError(UnreadableError):
    """Nothing is there."""


Hashed: TypeAlias = "Digests | Folder | UnreadableError"


def hash_paths(
    root: Path, paths: Iterable[str], allowed: Callable[[Path], bool]
) -> dict[str, Hashed]:
    """What the files and folders at `paths` are now. What cannot be read is an error in its place.

    `allowed`: where outside `root` a symbolic link may lead, such as DVC's cache.
    """
    wanted = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        gate = _Gate(root.resolve(), allowed)
        listed = {path: _files(root, path) for path in wanted}
        single = {one: pool.submit(gate.digests, root / one, one) for one in _all(listed)}
        results = {one: future.result() for one, future in single.items()}
    return {path: _joined(path, found, results) for path, found in listed.items()}


def hash_open_file(descriptor: int, size: int) -> Digests:
    """Read from where the descriptor stands to the end."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    if size >= _LARGE:
        total = _overlapped(descriptor, sha256, md5)
    else:
        total = 0
        while chunk := os.read(descriptor, _CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
            total += len(chunk)
    return Digests(sha256=sha256.hexdigest(), md5=md5.hexdigest(), size=total)


def _overlapped(descriptor: int, sha256: hashlib._Hash, md5: hashlib._Hash) -> int:
    """MD5 is the slower of the two and sets the pace; the other thread takes SHA-256 and reads ahead."""
    total, chunk = 0, os.read(descriptor, _CHUNK)

    def follow(current: bytes) -> bytes:
        following = os.read(descriptor, _CHUNK)
        sha256.update(current)
        return following

    with ThreadPoolExecutor(max_workers=1) as helper:
        while chunk:
            ahead = helper.submit(follow, chunk)
            md5.update(chunk)
            total += len(chunk)
            chunk = ahead.result()
    return total


class _Gate:
    """Opens regular files only, inside the repository or where a link may lead."""

    def __init__(self, root: Path, allowed: Callable[[Path], bool]) -> None:
        self._root, self._allowed = root, allowed

    def digests(self, file: Path, name: str) -> Digests | UnreadableError:
        try:
            return self._digests(file, name)
        except FileNotFoundError:
            return AbsentError(f"{name}: is not here", hint="dvc pull")
        except (OSError, RuntimeError, ValueError) as error:
            return UnreadableError(f"{name}: {getattr(error, 'strerror', None) or error}")
        except UnreadableError as error:
            return error

    def _digests(self, file: Path, name: str) -> Digests:
        real = file.resolve(strict=True)
        if not real.is_relative_to(self._root) and not self._allowed(real):
            raise UnreadableError(f"{name}: is a symbolic link that leaves the repository")
        # Not blocking: a named pipe would wait for somebody to write to it.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(real, flags | getattr(os, "O_NOFOLLOW", 0))
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise UnreadableError(f"{name}: is not a regular file")
            found = hash_open_file(descriptor, before.st_size)
            if _state(os.fstat(descriptor)) != _state(before) or found.size != before.st_size:
                raise UnreadableError(f"{name}: changed while it was read")
        finally:
            os.close(descriptor)
        return found


def _state(info: os.stat_result) -> tuple[int, int]:
    return info.st_size, info.st_mtime_ns


def _files(root: Path, path: str) -> list[str] | None:
    """The files below a folder; None for what is no folder."""
    if not (root / path).is_dir():
        return None
    found = []
    for parent, folders, names in os.walk(root / path):
        inner = Path(parent).relative_to(root)
        linked = [name for name in folders if (Path(parent) / name).is_symlink()]
        found += [(inner / name).as_posix() for name in (*names, *linked)]
    return sorted(found)


def _all(listed: dict[str, list[str] | None]) -> Iterable[str]:
    every = (one for path, files in listed.items() for one in ([path] if files is None else files))
    return dict.fromkeys(every)


def _joined(
    path: str, files: list[str] | None, results: dict[str, Digests | UnreadableError]
) -> Hashed:
    if files is None:
        return results[path]
    found = {}
    for file in files:
        result = results[file]
        if isinstance(result, UnreadableError):
            return result
        found[file[len(path) + 1 :]] = result
    return Folder(files=found)


def _line(name: str) -> str:
    return name if "\n" not in name else json.dumps(name)
