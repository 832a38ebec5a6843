"""What DVC recorded: dvc.lock (schema 2.0 and 1.0) and `.dvc` pointers, as outputs with content ids.

https://dvc.org/doc/user-guide/project-structure/dvcyaml-files#dvclock-file
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, NamedTuple

_OTHER_IDS = ("etag", "checksum", "version_id")


class Out(NamedTuple):
    """One recorded output or dependency. `hash` is the bare MD5, "" when DVC recorded another id or none.

    `cached`: false in a `.dvc` file with `cache: false`; dvc.lock does not record it.
    `legacy`: an entry of DVC 2, whose MD5 of a text file is that of the file with LF line ends. A tuple, since a
    repository may have ten thousand.
    """

    path: str
    id: str
    hash: str = ""
    legacy: bool = False
    size: int | None = None
    files: int | None = None
    metric: bool = False
    cached: bool = True

    @property
    def is_folder(self) -> bool:
        return self.hash.endswith(".dir")


class LockedStage(NamedTuple):
    deps: tuple[Out, ...]
    outs: tuple[Out, ...]


def join(folder: str, path: str) -> str:
    """A path of a DVC file as a path from the root of the repository; one that leaves it begins with `../`."""
    joined = posixpath.normpath(posixpath.join(folder, path.replace("\\", "/")))
    return "" if joined == "." else joined


def locked_stages(lock: Any) -> dict[str, Any]:
    """The stages of a dvc.lock. Schema 1.0 has them at the top level."""
    if not isinstance(lock, dict):
        return {}
    stages = lock.get("stages") if "schema" in lock else lock
    return stages if isinstance(stages, dict) else {}


def is_malformed(parsed: Any) -> bool:
    """Whether a dvc.lock holds something, but not a mapping of stages; an empty one is fine."""
    if not isinstance(parsed, dict):
        return parsed is not None
    return "schema" in parsed and not isinstance(parsed.get("stages") or {}, dict)


def locked_stage(entry: Any, folder: str) -> LockedStage:
    """`folder` is the working directory of the stage: the paths in a lock are relative to it."""
    entry = entry if isinstance(entry, dict) else {}
    return LockedStage(deps=_outs(entry.get("deps"), folder), outs=_outs(entry.get("outs"), folder))


def pointer_outs(pointer: Any, folder: str) -> tuple[Out, ...]:
    """The outputs of a `.dvc` file that lies in `folder`."""
    if not isinstance(pointer, dict):
        return ()
    return _outs(pointer.get("outs"), join(folder, str(pointer.get("wdir") or ".")))


# What `dvc add` writes for a file or a folder whose name needs no quotes and cannot be a number.
_PLAIN_POINTER = re.compile(
    rb"""outs:\n-\ md5:\ (?P<md5>[0-9a-f]{32}(?:\.dir)?)\n
    (?:\ \ size:\ (?P<size>[0-9]+)\n)?(?:\ \ nfiles:\ (?P<nfiles>[0-9]+)\n)?
    \ \ hash:\ md5\n\ \ path:\ (?P<path>[A-Za-z_][\w-]*(?:[./][\w-]+)+)\n""",
    re.VERBOSE | re.ASCII,
)


def plain_pointer(content: bytes, folder: str) -> Out | None:
    """The output of a `.dvc` file as `dvc add` writes it, read 60 times as fast as by YAML; None for every other."""
    match = _PLAIN_POINTER.fullmatch(content)
    if match is None:
        return None
    md5, size, files, path = match.groups()
    name, known = path.decode(), md5.decode()
    return Out(
        f"{folder}/{name}" if folder else name,
        f"md5:{known}",
        known,
        size=int(size) if size else None,
        files=int(files) if files else None,
    )


def lock_digest(locked: dict[str, Any]) -> str:
    """`sha256:…` over the stages of one model's locks, whatever the order or the spelling of the YAML."""
    import hashlib
    import json

    text = json.dumps(locked, sort_keys=True, separators=(",", ":"), default=str)
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _outs(entries: Any, folder: str) -> tuple[Out, ...]:
    if not isinstance(entries, list):
        return ()
    return tuple(
        _out(entry, folder) for entry in entries if isinstance(entry, dict) and entry.get("path")
    )


def _out(entry: dict[str, Any], folder: str) -> Out:
    md5 = str(entry.get("md5") or "")
    legacy = bool(md5) and entry.get("hash") != "md5"
    path = str(entry["path"])
    return Out(
        path=path if "://" in path else join(folder, path),
        id=f"{'md5-dos2unix' if legacy else 'md5'}:{md5}" if md5 else _other_id(entry),
        hash=md5,
        legacy=legacy,
        size=_number(entry.get("size")),
        files=_number(entry.get("nfiles")),
        metric=bool(entry.get("metric")),
        cached=entry.get("cache") is not False,
    )


def _other_id(entry: dict[str, Any]) -> str:
    for name in _OTHER_IDS:
        if entry.get(name):
            return f"{name}:{entry[name]}"
    if listed := entry.get("files") or entry.get("cloud"):
        import hashlib
        import json

        text = json.dumps(listed, sort_keys=True, default=str)
        return f"files:{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    return ""


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
