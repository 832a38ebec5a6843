"""What a killed `dvc` has left: its marks on files that it was at work on, which stop the next one.

DVC drops marks of processes that are gone, but not of one that nobody has waited for, as in a container without an init
process; and it cannot read a file of marks that it was killed while writing.
https://github.com/treeverse/dvc/blob/3.67.1/dvc/rwlock.py
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

_MARKS = ".dvc/tmp/rwlock"
_TRIES = 5
_SECONDS = 0.1


def clear(project: Path) -> None:
    """Of one DVC project. Marks of processes that are at work stay."""
    path = project / _MARKS
    marks = _read(path)
    if marks is None:
        path.unlink(missing_ok=True)
        return
    left = {
        "write": {name: one for name, one in _items(marks, "write") if _is_at_work(one)},
        "read": {
            name: kept
            for name, found in _items(marks, "read")
            if (kept := [one for one in found if _is_at_work(one)])
        },
    }
    if left != {"write": marks.get("write", {}), "read": marks.get("read", {})}:
        part = path.with_name(f"rwlock.{os.getpid()}")
        part.write_text(json.dumps(left), encoding="utf-8")
        part.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    """None for what stays unreadable: somebody may just be writing it."""
    for _ in range(_TRIES):
        try:
            found = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            time.sleep(_SECONDS)
        else:
            return found if isinstance(found, dict) else None
    return None


def _items(marks: dict[str, Any], kind: str) -> list[tuple[str, Any]]:
    found = marks.get(kind)
    return list(found.items()) if isinstance(found, dict) else []


def _is_at_work(mark: Any) -> bool:
    """A process that has ended and is still listed does nothing any more. DVC itself finds those that are gone."""
    pid = mark.get("pid") if isinstance(mark, dict) else None
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True
