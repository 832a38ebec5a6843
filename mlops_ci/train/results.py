"""What a run has left, compared with what DVC has recorded of it: an object in the cache may be damaged."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError, UnreadableError
from mlops_ci.text import shell_word, visible
from mlops_ci.train import data
from mlops_ci.train.place import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from mlops_ci.lineage.statement import Statement
    from mlops_ci.stack.data.dvc import Out


def check(root: Path, statements: list[Statement], dirty: Collection[str] = ()) -> None:
    """Raises ToolError for an output whose bytes are not those that dvc.lock has for it. `dirty`: known to differ."""
    place = Place(root)
    recorded = place.project.outs
    now = dict(_hashes(statements))
    doubtful = {
        path: recorded[path]
        for path, found in now.items()
        if path in recorded
        and path not in dirty
        and recorded[path].hash.removesuffix(".dir") != found
    }
    for path, found in sorted(data.different(root, place.project, doubtful).items()):
        why, hint = _cause(place, path, recorded[path])
        raise ToolError(
            f"{visible(path)} is not what DVC recorded: its bytes are {found}, recorded is {recorded[path].hash}; "
            f"{why}, and no Record is written",
            hint=hint,
        )


def _cause(place: Place, path: str, out: Out) -> tuple[str, str]:
    """Why, and what to do. Where the cache has the right bytes, or none of it, they were changed in the work tree."""
    cache, wanted = place.project.cache, {out.hash}
    if out.is_folder:
        with suppress(UnreadableError):
            wanted = set((cache.listing(out.hash, path) or {}).values())
    kept = {object_: md5 for md5 in sorted(wanted) if (object_ := cache.find(md5))}
    damaged = [str(one) for one, md5 in kept.items() if out.legacy or not data.holds(one, md5)]
    if damaged:
        word = shell_word(damaged[0])
        return "the object in the cache is damaged", f"rm {word}, then: mlops-ci train"
    why = (
        "it was changed after its stage had ended, perhaps by a process that the stage left behind"
    )
    return why, "mlops-ci train, when nothing writes to it any more"


def _hashes(statements: list[Statement]) -> Iterator[tuple[str, str]]:
    for statement in statements:
        predicate = statement["predicate"]
        about = (
            *statement["subject"],
            *predicate["runDetails"]["byproducts"],
            *predicate["buildDefinition"]["resolvedDependencies"],
        )
        for one in about:
            if "md5" in one.get("digest", {}):
                yield one["name"], one["digest"]["md5"]
