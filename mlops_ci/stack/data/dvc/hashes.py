"""The MD5 that DVC would take of what Git holds: of a file, and of a folder as `….dir`.

https://dvc.org/doc/user-guide/project-structure/internal-files#directories
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError
from mlops_ci.git.attributes import Attributes
from mlops_ci.stack.data.dvc.ignore import without_ignored
from mlops_ci.stack.data.dvc.md5 import hex_md5

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.git import Repository
    from mlops_ci.stack.data.dvc.project import Project

_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_BLOCK, _CHUNK = 512, 2**20
_NON_TEXT_SHARE = 0.3
_NEVER = (".dvc", ".git", ".hg")
_MAX_BYTES = 32 * 1024 * 1024


class Unsure(Exception):  # noqa: N818 - it is an answer
    """Why something cannot be decided, and what would decide it."""

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.fix = fix


def md5(content: bytes, *, legacy: bool) -> str:
    """As DVC takes it; DVC 2 (`legacy`) read text with LF line ends, and told text from binary chunk by chunk."""
    if not legacy:
        return hex_md5(content)
    chunks = (content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK))
    return hex_md5(
        *(chunk.replace(b"\r\n", b"\n") if is_text(chunk[:_BLOCK]) else chunk for chunk in chunks)
    )


def is_text(block: bytes) -> bool:
    """DVC's own rule: no NUL, and at most 30 % of other than plain characters."""
    if b"\0" in block:
        return False
    return len(block.translate(None, _TEXT)) <= _NON_TEXT_SHARE * len(block)


def line_end_variants(content: bytes) -> tuple[bytes, bytes]:
    """The same text with LF and with CRLF."""
    unix = content.replace(b"\r\n", b"\n")
    return unix, unix.replace(b"\n", b"\r\n")


def listing_md5(files: dict[str, str]) -> str:
    """`….dir` of a folder, from the MD5 of each file by its path in the folder."""
    import json

    entries = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    return hex_md5(json.dumps(entries, sort_keys=True).encode()) + ".dir"


class Hashes:
    """`disk`: the work tree, where files lie that Git does not track but DVC counts; None to look at Git alone."""

    def __init__(self, project: Project, repository: Repository, disk: str | None = None) -> None:
        self._project = project
        self._tree = project.tree
        self._repository = repository
        self._disk = disk
        self.attributes = Attributes(repository, project.tree)

    def content(self, path: str) -> bytes:
        """A file of Git as it is after a checkout. Raises Unsure."""
        try:
            stored = self._tree.read(path) or b""
            return self.attributes.on_disk(path, stored, self._tree.entries.get(path, ""))
        except UnreadableError as error:
            raise Unsure(str(error), error.hint) from error

    def folder(self, path: str, *, legacy: bool) -> Folder:
        """What DVC would list of a folder that Git tracks, with what DVC tracks in it. Raises Unsure."""
        self._check_folder(path)
        names = self._visible(path)
        self._tree.expect(names)
        self.attributes.expect(names)
        start = len(path) + 1 if path else 0
        tracked = self._tracked(path, legacy=legacy)
        return Folder(
            contents={name[start:]: self.content(name) for name in names},
            tracked={name[start:]: one for name, one in tracked.items()},
            legacy=legacy,
        )

    def _visible(self, path: str) -> list[str]:
        below = self._tree.below(path)
        return [
            name
            for name in below
            if name not in self._ignored and not _is_internal(name[len(path) :])
        ]

    @cached_property
    def _ignored(self) -> set[str]:
        every = list(self._tree.entries)
        return set(every) - set(without_ignored(self._tree, every))

    def _check_folder(self, path: str) -> None:
        inside = f"{path}/" if path else ""
        for root in self._project.roots:
            if root.startswith(inside) and root != path and root:
                raise Unsure(f"{path}: holds another DVC project, {root}")
        for name in self._tree.below(path):
            if name.endswith("/.dvcignore"):
                raise Unsure(
                    f"{path}: DVC refuses a folder that holds a .dvcignore",
                    f"git mv {name} .dvcignore",
                )

    def _tracked(self, path: str, *, legacy: bool) -> dict[str, str]:
        """Outputs inside a folder that Git tracks too."""
        found: dict[str, str] = {}
        inside = f"{path}/" if path else ""
        for name, maker in self._project.made.items():
            if name.startswith(inside) and name not in {**self._project.outs, **self._tree.entries}:
                raise Unsure(
                    f"{path}: {name} in it comes from {maker.stage.name}, which has not run"
                )
        for name, out in self._project.outs.items():
            if name in self._tree.entries or not name.startswith(inside):
                continue
            if not out.hash or out.legacy != legacy:
                raise Unsure(f"{path}: {name} in it has no MD5 that can be compared")
            if out.is_folder:
                found |= {
                    f"{name}/{inner}": one for inner, one in self._listing(name, out.hash).items()
                }
            else:
                found[name] = out.hash
        return found

    def _listing(self, folder: str, hash_: str) -> dict[str, str]:
        try:
            listing = self._project.cache.listing(hash_, folder)
        except UnreadableError as error:
            raise Unsure(str(error), error.hint) from error
        if listing is None:
            raise Unsure(f"{folder}: its listing is not in the DVC cache", f"dvc fetch {folder}")
        return listing

    def untracked(self, path: str) -> dict[str, bytes]:
        """Files of the work tree below a folder that Git does not track and no .dvcignore excludes."""
        if self._disk is None:
            return {}
        found = self._repository.git(
            "ls-files", "--others", "-z", "--", f":(literal){path or '.'}"
        ).stdout
        names = [name for name in os.fsdecode(found).split("\0")[:-1] if not name.endswith("/")]
        names = [name for name in names if not _is_internal(name[len(path) :])]
        names = [
            name
            for name in without_ignored(self._tree, names)
            if self._project.content_id(name) == ""
        ]
        start = len(path) + 1 if path else 0
        return {name[start:]: self._read(name) for name in names}

    def _read(self, name: str) -> bytes:
        assert self._disk is not None
        from pathlib import Path

        file = Path(self._disk, name)
        if file.is_symlink() or not file.is_file() or file.stat().st_size > _MAX_BYTES:
            raise Unsure(
                f"{name}: is on disk, not in Git, and is not a plain file of at most 32 MiB"
            )
        return file.read_bytes()


class Folder:
    def __init__(
        self, *, contents: dict[str, bytes], tracked: dict[str, str], legacy: bool
    ) -> None:
        self.contents = contents
        self._tracked = tracked
        self._legacy = legacy

    def __len__(self) -> int:
        return len(self.contents) + len(self._tracked)

    def md5(self, change: Callable[[bytes], bytes] = lambda content: content) -> str:
        files = {
            name: md5(change(content), legacy=self._legacy)
            for name, content in self.contents.items()
        }
        return listing_md5({**files, **self._tracked})

    def with_files(self, more: dict[str, bytes]) -> Folder:
        return Folder(
            contents={**self.contents, **more}, tracked=self._tracked, legacy=self._legacy
        )


def _is_internal(path: str) -> bool:
    return any(part in _NEVER for part in path.split("/"))
