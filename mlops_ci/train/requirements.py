"""The files that a requirements file takes in, which are as much of the lock as it is itself.

https://pip.pypa.io/en/stable/reference/requirements-file-format/#referring-to-other-requirements-files
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from mlops_ci.environment import logical_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INCLUDED = re.compile(r"(?:-r|-c|--requirement\b|--constraint\b) ?=? ?(\S.*)")


def included(root: Path, path: str) -> list[str]:
    """Of what `path` takes in with `-r` and `-c`, and so on, the paths from the root, each once.

    What is not a file there, such as an address, is among them as it is written.
    """
    found: list[str] = []
    todo = [path]
    while todo:
        for one in _named(root, todo.pop()):
            if one != path and one not in found:
                found.append(one)
                todo.append(one)
    return found


def _named(root: Path, path: str) -> Iterator[str]:
    try:
        text = (root / path).read_text("utf-8-sig") if path.endswith(".txt") else ""
    except (OSError, ValueError):
        return
    folder = os.path.dirname(path)  # noqa: PTH120 - of a path from the root, which may not be there
    for _, line in logical_lines(text):
        if one := _INCLUDED.fullmatch(line):
            named = one[1].strip("'\"")
            is_address = re.match(r"[a-z]+:", named)
            yield named if is_address else os.path.normpath(os.path.join(folder, named))  # noqa: PTH118
