"""What the runner reads: outputs of the step and its summary.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#environment-files
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Of one step, in bytes; above it the runner drops the whole summary.
MAX_SUMMARY = 1024 * 1024
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def write_outputs(file: Path, values: Mapping[str, str]) -> None:
    """No value can end its own entry and begin another: the delimiter is drawn anew, and looked for in the value."""
    entries = []
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            raise ValueError(name)
        delimiter = f"mlops_ci_{os.urandom(16).hex()}"
        while delimiter in value:
            delimiter = f"mlops_ci_{os.urandom(16).hex()}"
        entries.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    _append(file, "".join(entries))


def room(file: Path) -> int:
    """Bytes that the summary of this step may still take."""
    return max(0, MAX_SUMMARY - (file.stat().st_size if file.is_file() else 0))


def write_summary(file: Path, text: str) -> bool:
    """False, and nothing written, where it has no room: the runner would drop what is there as well."""
    whole = text if text.endswith("\n") else text + "\n"
    fits = len(whole.encode("utf-8", "backslashreplace")) <= room(file)
    if fits:
        _append(file, whole)
    return fits


def _append(file: Path, text: str) -> None:
    """Other steps, and other lines of this one, have written to it."""
    try:
        with file.open("ab") as out:
            out.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise ToolError(f"cannot write {file.name} of the runner: {error.strerror}") from error
