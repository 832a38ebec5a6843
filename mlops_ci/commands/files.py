"""Files that commands write."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from mlops_ci.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, content: str) -> None:
    """To a temporary name beside it, then renamed: nobody finds half a file. Raises UsageError where it cannot be."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="name a file")
    if not path.parent.is_dir():
        folder = shlex.quote(str(path.parent))
        raise UsageError(f"no folder {path.parent}", hint=f"mkdir -p {folder}")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(content, encoding="utf-8", errors="backslashreplace", newline="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
