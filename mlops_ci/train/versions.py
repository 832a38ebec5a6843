"""Whether the version that is installed is one that a lock file asks for."""

from __future__ import annotations

import re
from typing import Literal

from packaging.version import InvalidVersion, Version

Agrees = Literal["yes", "no", "unknown"]

# What is the project itself: its code is Git's.
_OWN = re.compile(r".*\b(?:editable|virtual|directory|path) \S.*|\.|\./.*")
_CONDA = ("environment.yml", "environment.yaml")
# `torch==2.1.0` takes 2.1.0+cu121 as well; a lock that a resolver wrote names the build.
_ANY_BUILD = (".txt", "Pipfile.lock")


def agrees(path: str, wanted: str, installed: str) -> Agrees:
    """`path`: of the lock file, which says how exact its versions are. A range, or a commit, is not decided."""
    if _OWN.fullmatch(wanted):
        return "yes"
    try:
        asked, there = Version(wanted), Version(installed)
    except InvalidVersion:
        return "unknown"
    if path.endswith(_ANY_BUILD) and not asked.local:
        there = Version(there.public)
    if asked == there:
        return "yes"
    # `numpy=1.26` asks conda for any 1.26.*
    is_prefix = path.endswith(_CONDA) and f"{installed}.".startswith(f"{wanted}.")
    return "unknown" if is_prefix else "no"
