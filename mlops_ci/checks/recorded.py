"""What dvc.lock recorded of files that are in Git: code, params, and outputs that DVC does not cache."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.stack.data.dvc import Locked, Out


def lock_path(locked: Locked) -> str:
    return posixpath.join(locked.pipeline.folder, "dvc.lock")


def matches(content: bytes, out: Out) -> bool:
    """Whether a content is the one recorded, also where only its line ends differ: Git may have changed those."""
    from mlops_ci.stack.data.dvc import content_hashes

    unix = content.replace(b"\r\n", b"\n")
    return out.hash in {*content_hashes(content), *content_hashes(unix.replace(b"\n", b"\r\n"))}


def same(read: Callable[[str], bytes | None], out: Out) -> bool | None:
    """Whether the file has the content that was recorded; None when that cannot be told."""
    if not out.hash or out.is_folder:
        return None
    try:
        content = read(out.path)
    except UnreadableError:
        return None
    return None if content is None else matches(content, out)
