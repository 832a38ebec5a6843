"""Many Git blobs at once, without reading more of them than is wanted: sizes of all, beginnings of some."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from mlops_ci.git.objects import MISSING
from mlops_ci.process import NO_FETCH, run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.git import Repository

# Larger ones get a process of their own that is stopped once their beginning has arrived.
_WHOLE = 1_000_000
_RESTARTS = 20
_FEW = 20


def sizes(repository: Repository, oids: Iterable[str]) -> dict[str, int]:
    """Size in bytes by id; those that are not in this clone are left out."""
    names = sorted({oid for oid in oids if oid})
    if len(names) <= _FEW:  # a process that is open already tells as much
        stats = {oid: repository.objects.stat(oid) for oid in names}
        return {oid: size for oid, (_, kind, size) in stats.items() if kind != MISSING}
    found: dict[str, int] = {}
    for _ in range(_RESTARTS):
        if not names:
            break
        answers = _ask(repository, names)
        found |= {oid: int(size) for oid, size in answers if size != MISSING}
        names = names[len(answers) + 1 :]  # the one without an answer is not here
    return found


def _ask(repository: Repository, names: list[str]) -> list[list[str]]:
    """Id and size of each, up to the first at which Git gives up."""
    done = run(
        ["git", "cat-file", "--batch-check=%(objectname) %(objectsize)"],
        cwd=repository.folder,
        stdin="".join(f"{name}\n" for name in names).encode(),
        env={**os.environ, **NO_FETCH},
    )
    return [line.split(" ") for line in done.stdout.decode().splitlines()]


def beginnings(repository: Repository, known: dict[str, int], length: int) -> dict[str, bytes]:
    """The first bytes of each blob; `known`: its size by id."""
    small = {oid for oid, size in known.items() if size <= _WHOLE}
    repository.objects.expect(small, _WHOLE)
    contents = repository.objects.known
    found = {oid: contents[oid][:length] for oid in small if oid in contents}
    return found | {oid: _beginning(repository, oid, length) for oid in known.keys() - small}


def _beginning(repository: Repository, oid: str, length: int) -> bytes:
    """`git cat-file blob` streams what is large, and ends when nobody reads on."""
    pipe = subprocess.Popen(
        ["git", "cat-file", "blob", oid],
        cwd=repository.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **NO_FETCH},
    )
    with pipe:
        assert pipe.stdout is not None
        begin = pipe.stdout.read(length)
        pipe.kill()
    return begin
