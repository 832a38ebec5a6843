"""A config file and its older versions in Git, parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_ci import formats
from mlops_ci.errors import ToolError, UnreadableError, UsageError
from mlops_ci.git import Repository

if TYPE_CHECKING:
    from pathlib import Path

_NOTHING = frozenset("0")


def versions(file: Path, most: int) -> list[Any]:
    """That on disk first, then those in Git, the newest first; each content once in a row.

    Versions that cannot be read are left out. Raises UsageError where the file on disk cannot.
    """
    try:
        now = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", hint="name a params or config file") from None
    found = [_parsed(file, now, strict=True)]
    seen = now
    for content in _older(file, most):
        if content != seen and (value := _parsed(file, content)) is not None:
            found.append(value)
        seen = content
    return found


def path_in_repository(file: Path) -> str:
    """From the root, as configs name it; as it was given for a file outside of a repository."""
    repository = _repository(file)
    if repository is None or repository.root is None:
        return file.as_posix()
    return file.resolve().relative_to(repository.root.resolve()).as_posix()


def _repository(file: Path) -> Repository | None:
    try:
        found = Repository.discover(file.resolve().parent)
    except UsageError:
        return None
    return found if found.root is not None else None


def _parsed(file: Path, content: bytes, *, strict: bool = False) -> Any:
    try:
        value = formats.parse(file.as_posix(), content)
    except UnreadableError as error:
        if strict:
            raise UsageError(str(error), hint="mend it first") from error
        return None
    if isinstance(value, dict):
        return value
    if strict:
        raise UsageError(f"{file}: is not a mapping of keys", hint="name a params or config file")
    return None


def _older(file: Path, most: int) -> list[bytes]:
    """What Git has of the file. A file outside of a repository has no history."""
    if not most:
        return []
    repository = _repository(file)
    if repository is None or repository.find("HEAD") is None:
        return []
    path = path_in_repository(file)
    command = ("log", "--raw", "--no-abbrev", "-z", "--format=", f"--max-count={most}", "--", path)
    done = repository.git("--literal-pathspecs", *command)
    if done.returncode:
        raise ToolError(f"git log: {done.last_line}")
    records = (one.lstrip(b"\n") for one in done.stdout.split(b"\0"))
    blobs = [one.split(b" ")[3].decode() for one in records if one.startswith(b":")]
    return [repository.objects.read(one) for one in blobs if set(one) != _NOTHING]
