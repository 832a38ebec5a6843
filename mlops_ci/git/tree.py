"""The files of a repository at one origin: a commit, read from Git objects, or the work tree, read from disk."""

from __future__ import annotations

import os
import posixpath
import stat
from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from mlops_ci.errors import UnreadableError
from mlops_ci.git.objects import MISSING, Ids, Listing
from mlops_ci.limits import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlops_ci.git import Repository

_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"
_SYMLINK, _SUBMODULE = "120000", "160000"
_MAX_LINKS = 10
_SMALL = 1_000_000
_ARGUMENTS = 100
_PIPELINE_FILES = ("dvc.yaml", "dvc.lock", ".dvc")


class Tree(Protocol):
    """Paths are relative to the root of the repository, with `/`."""

    label: str

    @property
    def entries(self) -> Mapping[str, str]:
        """Path to Git blob id of what Git tracks here; in the work tree also new files (empty id)."""

    def read(self, path: str) -> bytes | None:
        """The content, or None when there is no such file. Raises UnreadableError with the reason."""
        ...

    def expect(self, paths: list[str]) -> None:
        """Prepare to read many files."""

    def plain(self, paths: list[str]) -> dict[str, bytes]:
        """The contents of those that can be read in bulk and need no more than that."""

    def below(self, folder: str) -> list[str]:
        """The paths of `entries` below a folder; "" is the root."""

    def is_folder(self, path: str) -> bool: ...

    def walk(self, folder: str) -> list[str]:
        """All files below a folder, whether Git tracks them or not."""

    def blobs(self, paths: list[str]) -> dict[str, str]:
        """Git blob ids of the content that tracked files have here."""
        ...


class _Entries:
    @property
    def entries(self) -> Mapping[str, str]:
        raise NotImplementedError

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.entries)

    def below(self, folder: str) -> list[str]:
        if not folder:
            return self._sorted
        start, end = f"{folder}/", f"{folder}0"  # "0" follows "/" in ASCII
        return self._sorted[bisect_left(self._sorted, start) : bisect_left(self._sorted, end)]


class ObjectTree(_Entries):
    """Files that are Git objects. Nothing is checked out, no filter runs. A kind of it lists them in `modes`.

    `lost`: what was to be read and could not be, since its object is not in this clone or is damaged.
    """

    _listing: Listing

    def __init__(self, repository: Repository, label: str) -> None:
        self.label = label
        self.repository = repository
        self.lost: set[str] = set()

    @property
    def modes(self) -> Mapping[str, tuple[str, str]]:
        """Path to mode (`100644`, …) and blob id."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Let Git list the files while the caller loads what will read them."""
        self._listing.start()

    @cached_property
    def entries(self) -> Mapping[str, str]:
        return Ids(self.modes)

    def is_folder(self, path: str) -> bool:
        return bool(self.below(path)) and path not in self.modes

    def walk(self, folder: str) -> list[str]:
        return self.below(folder)

    def expect(self, paths: list[str]) -> None:
        modes = self.modes
        self.repository.objects.expect({modes[path][1] for path in paths if path in modes}, _SMALL)

    def plain(self, paths: list[str]) -> dict[str, bytes]:
        self.expect(paths)
        modes, known = self.modes, self.repository.objects.known
        files = ((path, known.get(modes[path][1], _LFS_POINTER)) for path in paths if path in modes)
        known_files = ((path, one) for path, one in files if modes[path][0].startswith("100"))
        return {path: one for path, one in known_files if not one.startswith(_LFS_POINTER)}

    def blobs(self, paths: list[str]) -> dict[str, str]:
        return {path: self.entries[path] for path in paths if path in self.entries}

    def read(self, path: str) -> bytes | None:
        mode, oid = self.modes.get(path, ("", ""))
        if mode.startswith("100"):  # a plain file, as almost all are
            return self._blob(path, oid)
        for _ in range(_MAX_LINKS):
            if mode != _SYMLINK:
                break
            target = os.fsdecode(self.repository.objects.read(oid))
            path = _inside(path, target)
            mode, oid = self.modes.get(path, ("", ""))
        if mode == _SYMLINK:
            raise UnreadableError(f"{path}: too many symbolic links")
        if mode == _SUBMODULE or path.startswith(self._submodules):
            raise UnreadableError(f"{path}: is in a submodule, which is another repository")
        if not mode and self.is_folder(path):
            raise UnreadableError(f"{path}: is a folder, a file is expected")
        return self._blob(path, oid) if mode else None

    @cached_property
    def _submodules(self) -> tuple[str, ...]:
        return tuple(f"{path}/" for path, (mode, _) in self.modes.items() if mode == _SUBMODULE)

    def _blob(self, path: str, oid: str) -> bytes:
        known = self.repository.objects.known.get(oid)
        if known is not None:
            return _resolve_lfs(self.repository.git_folder, path, known)
        _, kind, size = self.repository.objects.stat(oid)
        if kind == MISSING:
            self.lost.add(path)
            raise UnreadableError(f"{path}: its Git object is not in this clone", hint="git fetch")
        _check_size(path, size)
        return _resolve_lfs(self.repository.git_folder, path, self.repository.objects.read(oid))


class CommitTree(ObjectTree):
    """The files of one commit. `later`: they are listed when they are wanted, not at once."""

    def __init__(self, repository: Repository, commit: str, *, later: bool = False) -> None:
        super().__init__(repository, commit[:7])
        self.commit = commit
        command = ("ls-tree", "-r", "-z", "--full-tree", commit)
        later = later or commit in repository.listed
        self._listing = Listing(repository.folder, *command, later=later)

    @cached_property
    def modes(self) -> dict[str, tuple[str, str]]:
        known = self.repository.listed
        if self.commit not in known:
            records = (record.split("\t", 1) for record in self._listing.records())
            known[self.commit] = {path: (at[:6], at.rpartition(" ")[2]) for at, path in records}
        return known[self.commit]


class WorkTree(_Entries):
    """The files on disk. `may_link_to` says where outside the repository a symbolic link may lead (a DVC cache)."""

    label = "work tree"

    def __init__(self, repository: Repository, root: Path) -> None:
        self.root = root
        self.may_link_to: Callable[[Path], bool] = lambda _: False
        self._repository = repository
        self._index = Listing(root, "ls-files", "-s", "-z")
        status = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
        self._status = Listing(root, *status)

    @cached_property
    def entries(self) -> Mapping[str, str]:
        found = {}
        for record in self._index.records():
            meta, _, name = record.partition("\t")
            found[name] = meta.split(" ")[1]
        for path, state in self.status.items():
            if state == "??":
                found[path] = ""
            elif state[1] == "D":
                found.pop(path, None)
        return found

    @cached_property
    def status(self) -> dict[str, str]:
        """Path to the two letters of `git status --porcelain`, for what differs from HEAD or is new."""
        return {record[3:]: record[:2] for record in self._status.records()}

    @property
    def modified(self) -> list[str]:
        """Tracked files that differ from HEAD."""
        return sorted(path for path, state in self.status.items() if state != "??")

    def expect(self, paths: list[str]) -> None: ...

    def plain(self, paths: list[str]) -> dict[str, bytes]:  # noqa: ARG002
        return {}

    @property
    def changed_since_commit(self) -> bool:
        """Whether tracked files differ from HEAD, or files that describe a pipeline are new."""
        new = (path for path, state in self.status.items() if state == "??")
        return bool(self.modified) or any(path.endswith(_PIPELINE_FILES) for path in new)

    def is_folder(self, path: str) -> bool:
        """One outside the repository is none: its names are nobody's business."""
        folder = self.root / path
        return folder.is_dir() and folder.resolve().is_relative_to(self._real_root)

    def walk(self, folder: str) -> list[str]:
        found = []
        for parent, _, names in os.walk(self.root / folder):
            inner = os.path.relpath(parent, self.root).replace(os.sep, "/")
            found += [posixpath.normpath(f"{inner}/{name}") for name in names]
        return sorted(found)

    def blobs(self, paths: list[str]) -> dict[str, str]:
        known = {path: self.entries[path] for path in paths if path in self.entries}
        changed = [p for p in known if p in self.status and (self.root / p).is_file()]
        # As arguments: a name may hold a line break.
        for start in range(0, len(changed), _ARGUMENTS):
            chunk = changed[start : start + _ARGUMENTS]
            hashed = self._repository.git("hash-object", "--", *chunk).stdout.decode().split()
            if len(hashed) == len(chunk):
                known |= dict(zip(chunk, hashed, strict=True))
        return known

    def read(self, path: str) -> bytes | None:
        file = self.root / path
        try:
            real = file.resolve(strict=True)
            info = real.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError, ValueError) as error:
            raise UnreadableError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
        if not real.is_relative_to(self._real_root) and not self.may_link_to(real):
            raise UnreadableError(f"{path}: is a symbolic link that leaves the repository")
        if stat.S_ISDIR(info.st_mode):
            raise UnreadableError(f"{path}: is a folder, a file is expected")
        if not stat.S_ISREG(info.st_mode):
            raise UnreadableError(f"{path}: is not a regular file")
        _check_size(path, info.st_size)
        try:
            return _resolve_lfs(self._repository.git_folder, path, real.read_bytes())
        except OSError as error:
            raise UnreadableError(f"{path}: {error.strerror}") from error

    @cached_property
    def _real_root(self) -> Path:
        return self.root.resolve()


def _inside(link: str, target: str) -> str:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(link), target))
    if target.startswith("/") or path == ".." or path.startswith("../"):
        raise UnreadableError(f"{link}: is a symbolic link that leaves the repository")
    return path


def _check_size(path: str, size: int) -> None:
    if size > MAX_BYTES:
        raise UnreadableError(f"{path}: {size:,} bytes, more than the limit of {MAX_BYTES:,}")


def _resolve_lfs(git_folder: str, path: str, content: bytes) -> bytes:
    """The object that a Git LFS pointer stands for. https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""
    if not content.startswith(_LFS_POINTER):
        return content
    from pathlib import Path

    oid = content.partition(b"oid sha256:")[2][:64].decode("ascii", "replace")
    stored = Path(git_folder, "lfs", "objects", oid[:2], oid[2:4], oid)
    if not oid.isalnum() or not stored.is_file():
        what = f"{path}: is a Git LFS pointer, its object is not here"
        raise UnreadableError(what, hint=f"git lfs pull --include {path}")
    _check_size(path, stored.stat().st_size)
    return stored.read_bytes()
