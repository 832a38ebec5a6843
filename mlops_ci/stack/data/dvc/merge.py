"""Three dvc.lock files become one, stage by stage; the text of each stage stays as DVC wrote it.

A stage that both sides changed cannot be merged: what either side recorded is not what the merge would make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_ci import yaml
from mlops_ci.errors import UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.stack.data.dvc.lock import locked_stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_STAGES = "stages"
_GONE = object()


@dataclass(frozen=True, kw_only=True)
class Merged:
    """`conflicts`: stages that both sides changed; `text` has ours of them, or theirs where we have none.

    `outdated`: stages that neither side needs to run again, but their merge does: one side made anew what the other
    side's run has read.
    """

    text: str
    conflicts: tuple[str, ...]
    outdated: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Part:
    value: Any
    text: str


def merge(base: str, ours: str, theirs: str, *, ancestor: bool = False) -> Merged:
    """`ancestor`: the result is only the base of another merge, and no side is right where both differ.

    Raises UnreadableError for what is not a lock as DVC 2 and 3 write it: broken, with conflict markers, or in another
    notation of YAML than theirs.
    """
    sides = [
        _parts(text, name) for text, name in ((base, "base"), (ours, "ours"), (theirs, "theirs"))
    ]
    top, clashing = _merged(*sides)
    if set(clashing) - {_STAGES}:
        raise UnreadableError(f"both sides changed {', '.join(sorted(set(clashing) - {_STAGES}))}")
    conflicts: list[str] = []
    if _STAGES in clashing:
        stages, conflicts = _merged(*(_stages(side) for side in sides))
        if ancestor:
            stages |= {name: _open(stages[name]) for name in conflicts}
        top[_STAGES] = _joined(stages)
    text = "".join(part.text for part in top.values())
    _check(text, {name: part.value for name, part in top.items()})
    known = [_values(side) for side in sides[1:]]
    return Merged(
        text=text,
        conflicts=tuple(conflicts),
        outdated=tuple(_outdated(_values(top), known, conflicts)),
    )


def _parts(text: str, name: str) -> dict[str, _Part]:
    """The top-level keys of a lock, each with its lines."""
    node = yaml.compose(text, name)
    if node is None:
        return {}
    value = yaml.load(text, name)
    if not isinstance(value, dict) or (value and "schema" not in value):
        raise UnreadableError(f"{name}: is no dvc.lock of DVC 2 or 3")
    return _cut(node, value, text.splitlines(keepends=True), name)


def _cut(node: Any, value: dict[str, Any], lines: list[str], name: str) -> dict[str, _Part]:
    starts = [key.start_mark.line for key, _ in node.value]
    if starts != sorted(set(starts)) or (node.flow_style and starts):
        raise UnreadableError(f"{name}: is not written as DVC writes it")
    ends = [*starts[1:], len(lines)]
    texts = ["".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]
    return {
        key: _Part(value=one, text=text if text.endswith("\n") else f"{text}\n")
        for (key, one), text in zip(value.items(), texts, strict=True)
    }


def _stages(side: Mapping[str, _Part]) -> dict[str, _Part]:
    """The stages of a side, each with its lines."""
    whole = side.get(_STAGES)
    if whole is None or not whole.value:
        return {}
    node = yaml.compose(whole.text, _STAGES)
    if not isinstance(whole.value, dict):
        raise UnreadableError("stages is not a mapping")
    assert node is not None
    return _cut(node.value[0][1], whole.value, whole.text.splitlines(keepends=True), _STAGES)


def _open(stage: _Part) -> _Part:
    """An entry as no stage has, so that whatever a later merge finds in its place differs from it."""
    return _Part(value={}, text=f"{stage.text.splitlines()[0].rstrip()} {{}}\n")


def _joined(stages: Mapping[str, _Part]) -> _Part:
    value = {name: part.value for name, part in stages.items()}
    if not stages:
        return _Part(value={}, text=f"{_STAGES}: {{}}\n")
    end = "\r\n" if next(iter(stages.values())).text.endswith("\r\n") else "\n"
    text = "".join(part.text for part in stages.values())
    return _Part(value=value, text=f"{_STAGES}:{end}{text}")


def _merged(
    base: Mapping[str, _Part], ours: Mapping[str, _Part], theirs: Mapping[str, _Part]
) -> tuple[dict[str, _Part], list[str]]:
    """What stands, in our order, and the names that both sides changed, each in its own way."""
    merged: dict[str, _Part] = {}
    conflicts = []
    for name in _order(ours, theirs):
        old, one, other = (_value(side, name) for side in (base, ours, theirs))
        chosen = theirs if one == old else ours
        if old not in (one, other) and one != other:
            conflicts.append(name)
            chosen = ours if name in ours else theirs
        if name in chosen:
            merged[name] = chosen[name]
    return merged, conflicts


def _value(side: Mapping[str, _Part], name: str) -> Any:
    return side[name].value if name in side else _GONE


def _order(ours: Iterable[str], theirs: Iterable[str]) -> list[str]:
    """Ours; what only they have comes after the one that it follows with them."""
    order = list(ours)
    place = 0
    for name in theirs:
        if name not in order:
            order.insert(place, name)
        place = order.index(name) + 1
    return order


def _check(text: str, expected: dict[str, Any]) -> None:
    """Lines of two sides need not fit together, as with other indentation."""
    if yaml.load(text, "the merged lock") != expected:
        raise UnreadableError("the sides are not written in one way")


def _values(side: Mapping[str, _Part]) -> dict[str, Any]:
    stages = side[_STAGES].value if _STAGES in side else None
    return stages if isinstance(stages, dict) else {}


def _outdated(
    merged: dict[str, Any], sides: list[dict[str, Any]], conflicts: list[str]
) -> list[str]:
    """Stages that read another version of an output than the one that the merged lock has.

    Paths are as the lock has them, relative to the working directory of each stage.
    """
    known = {pair for side in sides for pair in _mismatches(side)}
    found = {name for name, path in set(_mismatches(merged)) - known}
    return [name for name in merged if name in found and name not in conflicts]


def _mismatches(stages: dict[str, Any]) -> list[tuple[str, str]]:
    read = {name: locked_stage(entry, "") for name, entry in stages.items()}
    outs = {out.path: out for stage in read.values() for out in stage.outs}
    return [
        (name, dep.path)
        for name, stage in read.items()
        for dep in stage.deps
        if dep.path in outs and dep.id != outs[dep.path].id
    ]
