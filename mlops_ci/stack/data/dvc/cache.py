"""Objects in DVC's cache, found by their MD5, in the layout of DVC 3 and of DVC 2.

https://dvc.org/doc/user-guide/project-structure/internal-files#structure-of-the-cache-directory
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from mlops_ci.errors import UnreadableError
from mlops_ci.limits import MAX_BYTES
from mlops_ci.stack.data.dvc.md5 import hex_md5

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_OBJECT = re.compile(r"(files/md5/)?[0-9a-f]{2}/[0-9a-f]{30}")
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


class Cache(NamedTuple):
    """`folders`: where objects may lie, in the order to look."""

    folders: tuple[Path, ...]

    def read(self, md5: str, path: str) -> bytes | None:
        """The content, None when it is not in the cache. Raises UnreadableError for a damaged or huge object."""
        file = self.find(md5)
        if file is None:
            return None
        if file.stat().st_size > MAX_BYTES:
            raise UnreadableError(f"{path}: more than the limit of {MAX_BYTES:,} bytes")
        content = file.read_bytes()
        if md5.removesuffix(".dir") not in content_hashes(content):
            raise UnreadableError(
                f"{path}: its object in the DVC cache is damaged", hint=f"rm {file} && dvc fetch"
            )
        return content

    def listing(self, md5: str, path: str) -> dict[str, str] | None:
        """Relative path to MD5 of the files of a folder (`….dir`); None when it is not in the cache."""
        content = self.read(md5, path)
        if content is None:
            return None
        import json

        try:
            return {entry["relpath"]: entry["md5"] for entry in json.loads(content)}
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableError(f"{path}: its listing in the DVC cache is damaged") from error

    def owns(self, file: Path) -> bool:
        """Whether `file` is an object of this cache, by its place. DVC may link outputs to it."""
        return any(
            file.is_relative_to(folder) and _OBJECT.fullmatch(file.relative_to(folder).as_posix())
            for folder in self.folders
        )

    def find(self, md5: str) -> Path | None:
        """The object, None when it is not in the cache. Nothing is read."""
        if not _MD5.fullmatch(md5):
            return None
        tail = f"{md5[:2]}/{md5[2:]}"
        candidates = (
            file
            for folder in self.folders
            for file in (folder / "files" / "md5" / tail, folder / tail)
        )
        return next((file for file in candidates if file.is_file()), None)


def content_hashes(content: bytes) -> tuple[str, str]:
    """MD5 as DVC 3 takes it, and as DVC 2 did for text (CRLF read as LF)."""
    plain = hex_md5(content)
    if b"\r\n" not in content:
        return plain, plain
    return plain, hex_md5(content.replace(b"\r\n", b"\n"))


def find_cache(dvc_folders: Iterable[str | Path]) -> Cache:
    """The cache that the given `.dvc` folders use: `cache.dir` of their config, else their own `cache`."""
    from pathlib import Path

    folders: list[Path | None] = [_cache_dir(_user_config() / "config")]
    for dvc in map(Path, dvc_folders):
        configured = [_cache_dir(dvc / name) for name in ("config.local", "config")]
        folders = [*configured, *folders, dvc / "cache"]
    return Cache(tuple(dict.fromkeys(folder for folder in folders if folder)))


def _user_config() -> Path:
    # https://dvc.org/doc/user-guide/project-structure/configuration#config-file-locations
    from pathlib import Path

    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "dvc"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "iterative" / "dvc"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "dvc"


def _cache_dir(config: Path) -> Path | None:
    if not config.is_file():
        return None
    import configparser
    from pathlib import Path

    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    try:
        parser.read_string(config.read_text("utf-8"))
        value = parser.get("cache", "dir", fallback="")
    except (OSError, ValueError, configparser.Error):
        return None
    value = value.strip().strip("'\"") if value else ""
    return Path(os.path.normpath(config.parent / Path(value).expanduser())) if value else None
