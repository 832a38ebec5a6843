"""Whether the version that is installed is one that a lock file asks for."""

from __future__ import annotations

import re
from typing import Literal

Agrees = Literal["yes", "no", "unknown"]

# https://packaging.python.org/en/latest/specifications/version-specifiers/#appendix-parsing-version-strings-with-regular-expressions
_VERSION = re.compile(
    r"v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\d*))?"
    r"(?:(-|[-_.]?(?:post|rev|r)[-_.]?)(\d*))?(?:([-_.]?dev[-_.]?)(\d*))?(?:\+([a-z0-9._-]+))?",
    re.ASCII,
)
_PHASES = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
# What is the project itself: its code is Git's.
_OWN = re.compile(r".*\b(?:editable|virtual|directory|path) \S.*|\.|\./.*")


def agrees(path: str, wanted: str, installed: str) -> Agrees:
    """`path`: of the lock file, which says how exact its versions are. A range, or a commit, is not decided."""
    if _OWN.fullmatch(wanted):
        return "yes"
    public, local = _parsed(wanted)
    found, build = _parsed(installed)
    if not public:
        return "unknown"
    same = public == found and (local == build or (not local and _takes_any_build(path)))
    if not same and path.endswith(
        ("environment.yml", "environment.yaml")
    ):  # `numpy=1.26` asks conda for any 1.26.*
        return "unknown" if f"{installed}.".startswith(f"{wanted}.") else "no"
    return "yes" if same else "no"


def _takes_any_build(path: str) -> bool:
    """`torch==2.1.0` takes 2.1.0+cu121 as well; a lock that a resolver wrote names the build."""
    return path.endswith((".txt", "Pipfile.lock"))


def _parsed(version: str) -> tuple[str, str]:
    """In its normal form, without and with the build; two empty texts for what is no version."""
    if not (found := _VERSION.fullmatch(version.lower())):
        return "", ""
    epoch, release, phase, number, post, again, dev, of_dev, local = found.groups()
    parts = [str(int(one)) for one in release.split(".")]
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    public = f"{int(epoch or 0)}!{'.'.join(parts)}"
    public += f"{_PHASES.get(phase, phase)}{int(number or 0)}" if phase else ""
    public += f".post{int(again or 0)}" if post else ""
    public += f".dev{int(of_dev or 0)}" if dev else ""
    return public, re.sub(r"[-_]", ".", local or "")
