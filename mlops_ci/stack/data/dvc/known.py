"""Pipelines that are the same at several origins, read once: both sides of a change share nearly all of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError
from mlops_ci.stack.data.dvc.pipeline import Pipeline, read_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[str], bytes | None]


class KnownPipelines:
    """By path, the Pipeline that was read last, with the content of every file that it was made of."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[dict[str, bytes | None], Pipeline]] = {}

    def read(self, path: str, read: Read) -> Pipeline:
        """As `read_pipeline`. One with problems is read again, as a file that cannot be read has no content."""
        contents: dict[str, bytes | None] = {}

        def noted(file: str) -> bytes | None:
            contents[file] = found = read(file)
            return found

        if path in self._known:
            known, pipeline = self._known[path]
            if _are_same(known, read):
                return pipeline
        pipeline = read_pipeline(path, noted)
        if not pipeline.problems:
            self._known[path] = contents, pipeline
        return pipeline


def _are_same(known: dict[str, bytes | None], read: Read) -> bool:
    try:
        return all(read(file) == content for file, content in known.items())
    except UnreadableError:
        return False
