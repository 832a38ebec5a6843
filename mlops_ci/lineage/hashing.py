"""SHA-256 and MD5 of files in one pass, several files at once. Nothing is kept for the next process: a file on disk
that says what others hold could be written by whoever wants it believed.

MD5 so that a file can be found in DVC; SHA-256 because MD5 proves nothing against somebody who wants it to match.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mlops_ci.errors import UnreadableError
from mlops_ci.signals import leave_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CHUNK = 1024 * 1024
# From here on a second thread pays for itself within one file.
_LARGE = 8 * _CHUNK
_HANDED_OVER = 4 * _CHUNK
_SMALL = 64 * 1024  # below, two threads take longer than one
# Files that one thread takes at a time: handing over each alone costs more than hashing a small one.
_BATCH = 32
# Not blocking: a named pipe would wait for somebody to write to it.
_FLAGS = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_BINARY", "O_NOFOLLOW"):
    _FLAGS |= getattr(os, _flag, 0)

# As coarse as the clock of any file system: a file that has just changed may change again without a trace.
_SETTLED_NS = 2_000_000_000


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


class Seen:
    """What this process has hashed already, by the identity of files: it is read again only when that has changed.

    The system sets the time of a change of status, and no program can set it back as it can the time of a change
    of content (st_ctime in https://man7.org/linux/man-pages/man7/inode.7.html). On Windows that is another time.
    """

    def __init__(self) -> None:
        self._digests: dict[tuple[int, ...], Digests] = {}

    def get(self, info: os.stat_result) -> Digests | None:
        return self._digests.get(_identity(info))

    def add(self, info: os.stat_result, began_ns: int, found: Digests) -> None:
        """`info`: as it was before and after reading. `began_ns`: when reading began, as time.time_ns."""
        if os.name == "posix" and info.st_ctime_ns + _SETTLED_NS < began_ns:
            self._digests[_identity(info)] = found


def _identity(info: os.stat_result) -> tuple[int, ...]:
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


def hash_paths(
    root: Path,
    paths: Iterable[str],
    allowed: Callable[[Path], bool],
    seen: Seen | None = None,
    *,
    workers: int = 0,
    stop: threading.Event | None = None,
) -> dict[str, Hashed]:
    """What the files and folders at `paths` are now. What cannot be read is an error in its place.

    `allowed`: where outside `root` a symbolic link may lead, such as DVC's cache. `seen`: what need not be read again.
    `workers`: threads, 0 for one a processor. `stop`: once set, nothing more is read, and what is left is an error.
    """
    wanted = list(dict.fromkeys(paths))
    listed = {path: _files(root, path) for path in wanted}
    names = list(_all(listed))
    workers = workers or _workers(root, names)
    stop = stop or threading.Event()
    gate = _Gate(root, allowed, seen or Seen(), stop, spare=len(names) < workers)
    with ThreadPoolExecutor(max_workers=workers, initializer=leave_signals) as pool:
        size = max(1, min(_BATCH, len(names) // _BATCH))
        batches = [names[start : start + size] for start in range(0, len(names), size)]
        try:
            found = [one for batch in pool.map(gate.all, batches) for one in batch]
        except BaseException:
            stop.set()  # a signal: who leaves waits for the threads, which may have hours to go
            raise
    results = dict(zip(names, found, strict=True))
    return {path: _joined(path, files, results) for path, files in listed.items()}


def hash_open_file(
    descriptor: int, size: int, *, spare: bool = True, stop: threading.Event | None = None
) -> Digests:
    """Read from where the descriptor stands to the end, or until `stop` is set: then it is less than `size`.

    `spare`: there is a processor for a second thread.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    stop = stop or threading.Event()
    if size >= _LARGE and spare:
        total = _overlapped(descriptor, sha256, md5, stop)
    else:
        total = 0
        while not stop.is_set() and (chunk := os.read(descriptor, min(_CHUNK, size - total + 1))):
            sha256.update(chunk)
            md5.update(chunk)
            total += len(chunk)
            if total == size and len(chunk) < _CHUNK:  # one more was asked for, and is not there
                break
    return Digests(sha256=sha256.hexdigest(), md5=md5.hexdigest(), size=total)


def _overlapped(
    descriptor: int, sha256: hashlib._Hash, md5: hashlib._Hash, stop: threading.Event
) -> int:
    """MD5 is the slower of the two and sets the pace; the other thread takes SHA-256 and reads ahead."""
    total, chunk = 0, os.read(descriptor, _HANDED_OVER)

    def follow(current: bytes) -> bytes:
        following = os.read(descriptor, _HANDED_OVER)
        sha256.update(current)
        return following

    with ThreadPoolExecutor(max_workers=1) as helper:
        while chunk and not stop.is_set():
            ahead = helper.submit(follow, chunk)
            md5.update(chunk)
            total += len(chunk)
            chunk = ahead.result()
    return total


def _workers(root: Path, names: list[str]) -> int:
    """One for many small files: threads would hand the interpreter to each other all the time. By a look at a few."""
    some = names[:: max(1, len(names) // _BATCH)]
    total = 0
    for one in some:
        with suppress(OSError, ValueError):  # what cannot be read is said later
            total += (root / one).lstat().st_size
    return 1 if len(names) > _BATCH and total < len(some) * _SMALL else os.cpu_count() or 1


class _Gate:
    """Opens regular files only, inside the repository or where a link may lead."""

    def __init__(
        self,
        root: Path,
        allowed: Callable[[Path], bool],
        seen: Seen,
        stop: threading.Event,
        *,
        spare: bool,
    ) -> None:
        self._root, self._allowed, self._seen = root, allowed, seen
        self._stop, self._spare = stop, spare
        self._real = os.path.realpath(root)
        self._folders: dict[str, str] = {}

    def all(self, names: list[str]) -> list[Digests | UnreadableError]:
        return [self.digests(name) for name in names]

    def digests(self, name: str) -> Digests | UnreadableError:
        try:
            return self._digests(name)
        except FileNotFoundError:
            return AbsentError(f"{name}: is not here", hint="dvc pull")
        except (OSError, RuntimeError, ValueError) as error:
            return UnreadableError(f"{name}: {getattr(error, 'strerror', None) or error}")
        except UnreadableError as error:
            return error

    def _digests(self, name: str) -> Digests:
        descriptor = self._open(name)
        try:
            before, began = os.fstat(descriptor), time.time_ns()
            if not stat.S_ISREG(before.st_mode):
                raise UnreadableError(f"{name}: is not a regular file")
            if known := self._seen.get(before):
                return known
            found = self._read(name, descriptor, before.st_size)
            after = os.fstat(descriptor)
            sizes = {before.st_size, found.size, after.st_size}
            if len(sizes) > 1 or after.st_mtime_ns != before.st_mtime_ns:
                raise UnreadableError(f"{name}: changed while it was read")
        finally:
            os.close(descriptor)
        self._seen.add(before, began, found)
        return found

    def _read(self, name: str, descriptor: int, size: int) -> Digests:
        found = hash_open_file(descriptor, size, spare=self._spare, stop=self._stop)
        if self._stop.is_set():
            raise UnreadableError(f"{name}: is not read to its end")
        return found

    def _open(self, name: str) -> int:
        """Folders are looked up once: most of what a small file costs is finding out where it really is."""
        folder, _, base = name.rpartition("/")
        if folder not in self._folders:
            real_folder = os.path.realpath(f"{self._real}/{folder}" if folder else self._real)
            self._folders[folder] = real_folder if self._is_inside(real_folder) else ""
        file = f"{self._folders[folder]}/{base}" if self._folders[folder] else ""
        if not file or os.path.islink(file):  # noqa: PTH114 - no Path for each of many files
            file = os.path.realpath(self._root / name, strict=True)
            if not self._is_inside(file) and not self._allowed(Path(file)):
                raise UnreadableError(f"{name}: is a symbolic link that leaves the repository")
        return os.open(file, _FLAGS)

    def _is_inside(self, real: str) -> bool:
        return real == self._real or real.startswith(self._real.rstrip(os.sep) + os.sep)


def _files(root: Path, path: str) -> list[str] | None:
    """The files below a folder; None for what is no folder."""
    if not (root / path).is_dir():
        return None
    # No Path for each of many files: that takes longer than to hash a small one.
    found, start = [], len(os.path.join(root, ""))  # noqa: PTH118
    for parent, folders, names in os.walk(root / path):
        inner = os.path.join(parent[start:], "").replace(os.sep, "/")  # noqa: PTH118
        linked = [name for name in folders if (Path(parent) / name).is_symlink()]
        found += [f"{inner}{name}" for name in (*names, *linked)]
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
