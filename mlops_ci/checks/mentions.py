"""Whether DVC files can concern a change at all. To find that out by their text saves nearly every commit from parsing
them, and most commits from listing all files.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci.git.index import IndexTree
from mlops_ci.git.objects import Listing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.checks.base import Scope

POINTERS = ("*.dvc",)
PIPELINES = ("dvc.yaml", "*/dvc.yaml")
LOCKS = ("dvc.lock", "*/dvc.lock")
_LARGE = 10_000_000


def is_dvc_file(path: str) -> bool:
    """A pipeline or a pointer."""
    name = posixpath.basename(path)
    return name == "dvc.yaml" or (name.endswith(".dvc") and name != ".dvc")


def is_lock(path: str) -> bool:
    return posixpath.basename(path) == "dvc.lock"


def files(scope: Scope, patterns: tuple[str, ...]) -> dict[str, str]:
    """Path to blob of the files that match: `*` also matches `/`."""
    if not isinstance(scope.tree, IndexTree):
        import fnmatch

        matching = {p for pattern in patterns for p in fnmatch.filter(scope.tree.entries, pattern)}
        return {path: scope.tree.entries[path] for path in matching}
    found = {}
    for record in Listing(
        scope.repository.folder, "ls-files", "-s", "-z", "--", *patterns
    ).records():
        meta, _, name = record.partition("\t")
        found[name] = meta.split(" ")[1]
    return found


def mentioned(
    scope: Scope, names: Iterable[str], patterns: tuple[str, ...], *, as_key: bool = True
) -> bool:
    """Whether a file that matches could name one of these. Wrong in one direction only: it may say yes for no.

    `as_key`: also where it is only the plain key of a mapping, as params files are in dvc.lock.
    """
    wanted = set(names)
    oids = set(files(scope, patterns).values()) if wanted else set()
    if not oids:
        return False
    if any(not name.isascii() or not name.isprintable() for name in wanted):
        return True  # YAML can write such names in several ways
    scope.repository.objects.expect(oids, _LARGE)
    texts = [scope.repository.objects.known.get(oid, b"${") for oid in oids]
    spelled = [name.encode() for name in wanted]
    return any(
        b"${" in text or any(_is_in(name, text, as_key=as_key) for name in spelled)
        for text in texts
    )


def _is_in(name: bytes, text: bytes, *, as_key: bool) -> bool:
    return text.count(name) > (0 if as_key else text.count(name + b":"))
