"""Outputs are hashed while DVC looks whether they are up to date: mostly they are, and DVC keeps one processor busy."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops_ci.lineage.hashing import hash_paths
from mlops_ci.signals import leave_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.train.place import Place


@contextmanager
def hashing(place: Place, *, forced: bool) -> Iterator[Callable[[], None]]:
    """What is found is in `place.seen` afterwards. Yields what ends it: a stage runs, and makes other outputs.

    Nothing where all stages run (`forced`), where files have no time of a change of status, and where a file that is
    open cannot be replaced.
    """
    stop = threading.Event()
    if forced or os.name != "posix":
        yield stop.set
        return
    thread = threading.Thread(target=_hash, args=(place, stop), daemon=True)
    thread.start()
    try:
        yield stop.set
    except BaseException:
        stop.set()
        raise
    finally:
        thread.join()


def _hash(place: Place, stop: threading.Event) -> None:
    leave_signals()
    workers = max(1, (os.cpu_count() or 1) - 1)
    cache = place.project.cache
    outputs = sorted(place.project.outs)
    hash_paths(place.root, outputs, cache.owns, place.seen, workers=workers, stop=stop)
