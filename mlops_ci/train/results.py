"""What a run has left, compared with what DVC has recorded of it: an object in the cache may be damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError
from mlops_ci.text import shell_word, visible
from mlops_ci.train import data
from mlops_ci.train.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_ci.lineage.statement import Statement


def check(root: Path, statements: list[Statement]) -> None:
    """Raises ToolError for an output whose bytes are not those that dvc.lock has for it."""
    place = Place(root)
    recorded = place.project.outs
    now = dict(_hashes(statements))
    doubtful = {
        path: recorded[path]
        for path, found in now.items()
        if path in recorded and recorded[path].hash.removesuffix(".dir") != found
    }
    for path, found in sorted(data.different(root, place.project, doubtful).items()):
        where = place.project.cache.find(recorded[path].hash)
        raise ToolError(
            f"{visible(path)} is not what DVC recorded: its bytes are {found}, recorded is {recorded[path].hash}; "
            "the object in the cache is damaged, and no Record is written",
            hint=f"rm {shell_word(str(where or path))}, then: mlops-ci train",
        )


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
