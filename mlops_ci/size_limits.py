"""How large a file of each kind may be in Git, and sizes as people write them. Without dataclasses, which take long to
load: these are the defaults of checks_config.py.
"""

from __future__ import annotations

import re

Size = int | str
# By a survey of public repositories. `test`: of any kind, in folders of tests and fixtures, where that is more.
LIMITS: dict[str, Size] = {
    "model": "10 kB",
    "data": "500 kB",
    "notebook": "1 MB",
    "media": "2 MB",
    "binary": "500 kB",
    "text": "1 MB",
    "test": "1 MB",
}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(B|kB|KB|MB|GB)")
_UNITS = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3}


def byte_count(size: Size) -> int:
    """`500 kB` as bytes, with powers of 1000. Raises ValueError."""
    if isinstance(size, int) and size >= 0:
        return size
    match = _SIZE.fullmatch(str(size))
    if match is None:
        raise ValueError(f"needs a size such as 500 kB or 2 MB, not {size!r}")
    return int(float(match[1]) * _UNITS[match[2]])
