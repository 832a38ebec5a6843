"""The same measurement made again: with several seeds on both sides, and by the last runs of main."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import UnreadableError
from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

Values = tuple[Any, ...]
_AGAIN = "mlops-ci train --seeds 5"


@dataclass(frozen=True, kw_only=True)
class SeedRuns:
    """What each seed measured. `values`: by metrics file and metric, one a seed, in the order of `seeds`."""

    seeds: tuple[int, ...]
    values: Mapping[tuple[str, str], Values]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A commit of main that was trained anew. `values`: by metrics file and metric."""

    commit: str
    values: Mapping[tuple[str, str], Any]


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """`path`: the file of seeds; a side is None where it is not there, or cannot be read, which `reason` says.

    `runs`: of main up to the baseline, the newest first; none where no gate asks for them.
    """

    path: str
    baseline: SeedRuns | None = None
    candidate: SeedRuns | None = None
    reason: str = ""
    runs: tuple[Run, ...] = ()


def parse(path: str, content: bytes, model: str) -> SeedRuns | None:
    """The runs of one model in a file that `mlops-ci train --seeds` wrote; None where it has none of it.

    Raises UnreadableError for anything else.
    """
    try:
        data = json.loads(content)
        seeds = tuple(map(int, data["seeds"]))
        files = data["models"].get(model)
        if files is None:
            return None
        values = {
            (source, name): tuple(given)
            for source, metrics in files.items()
            for name, given in metrics.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableError(
            f"{path}: is not what `mlops-ci train --seeds` writes", hint=_AGAIN
        ) from error
    if any(len(given) != len(set(seeds)) for given in values.values()):
        raise UnreadableError(f"{path}: a metric was not measured with every seed", hint=_AGAIN)
    return SeedRuns(seeds=seeds, values=values)
