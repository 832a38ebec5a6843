"""In which order stages run, where they cannot all be given to one `dvc repro`: each environment needs its own."""

from __future__ import annotations

import posixpath
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from mlops_ci.errors import UsageError
from mlops_ci.suggestions import proposal
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops_ci.stack.data.dvc import Locked, Project


def address(locked: Locked, folder: str = "") -> str:
    """A stage as DVC names it in a folder, the root if none is said: `train`, `models/dvc.yaml:train`."""
    path, name = locked.pipeline.path, locked.stage.name
    path = posixpath.relpath(path, folder) if folder else path
    return name if path == "dvc.yaml" else f"{path}:{name}"


def from_root(name: str, folder: str) -> str:
    """The address in the root of what DVC names so in a folder."""
    path, _, stage = name.rpartition(":")
    if not folder or stage.endswith(".dvc"):
        return posixpath.join(folder, name)
    return f"{posixpath.normpath(posixpath.join(folder, path or 'dvc.yaml'))}:{stage}"


def needed(project: Project, targets: Iterable[str]) -> dict[str, set[str]]:
    """The stages that `targets` name and all that they need, each with the stages it reads from."""
    graph = _graph(project)
    waiting = list(targets) or list(graph)
    found: dict[str, set[str]] = {}
    while waiting:
        name = waiting.pop()
        if name not in graph:
            raise UsageError(
                f"there is no stage {visible(name)!r}", hint=proposal(name, map(visible, graph))
            )
        if name not in found:
            found[name] = graph[name]
            waiting += graph[name]
    return found


def downstream(project: Project, first: Iterable[str]) -> set[str]:
    """These stages, and all that read what they write, and so on."""
    graph = _graph(project)
    found = set(first)
    while more := {name for name, before in graph.items() if before & found} - found:
        found |= more
    return found


def runs(
    graph: Mapping[str, set[str]], environments: Mapping[str, str]
) -> list[tuple[str, list[str]]]:
    """Environment and stages, in an order that changes the environment as seldom as a look at what is ready can."""
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        raise UsageError(f"stages need each other: {', '.join(error.args[1])}") from None
    ready: list[str] = []
    found: list[tuple[str, list[str]]] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()])
        here = found[-1][0] if found else None
        name = next((one for one in ready if environments.get(one, "") == here), ready[0])
        ready.remove(name)
        sorter.done(name)
        if environments.get(name, "") != here:
            found.append((environments.get(name, ""), []))
        found[-1][1].append(name)
    return found


def _graph(project: Project) -> dict[str, set[str]]:
    writers = {path: address(one) for one in project.stages for path in one.stage.all_outs}
    return {address(one): set(_before(one, writers)) for one in project.stages}


def _before(locked: Locked, writers: dict[str, str]) -> Iterable[str]:
    """A stage may read a file inside a folder that another writes, or a folder in which others write."""
    own = address(locked)
    for dep in (*locked.stage.deps, *locked.stage.params):
        parts = dep.split("/")
        parents = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
        makers = {writers[path] for path in parents if path in writers}
        makers |= {who for path, who in writers.items() if path.startswith(posixpath.join(dep, ""))}
        yield from makers - {own}
