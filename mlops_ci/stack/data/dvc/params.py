"""Params as a stage recorded them against those of today, by DVC's own rules (`ParamsDependency.workspace_status`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_ci import formats
from mlops_ci.stack.data.dvc.hashes import Unsure
from mlops_ci.stack.data.dvc.lock import join

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 60


def recorded_params(entry: Any, folder: str) -> dict[str, Any]:
    """The params of a lock entry by path from the root."""
    params = entry.get("params") if isinstance(entry, dict) else None
    return (
        {join(folder, str(file)): values for file, values in params.items()}
        if isinstance(params, dict)
        else {}
    )


def changed_params(recorded: Any, values: Any, keys: list[str] | None) -> Iterator[tuple[str, str]]:
    """Key and what is wrong with it. `recorded`: of this file in dvc.lock; `keys`: None for the whole file.

    Raises Unsure for what DVC itself refuses.
    """
    if not isinstance(recorded, dict):
        if recorded is None:
            yield "", "is not in dvc.lock"
            return
        raise Unsure("its values in dvc.lock are not a mapping")
    if keys is None and not isinstance(values, dict):
        raise Unsure("is not a mapping")
    names = dict.fromkeys([*values, *recorded] if keys is None else keys)
    for name in names:
        found = [values[name]] if keys is None and name in values else []
        if keys is not None:
            found = formats.find(values, name)
        if len(found) > 1:
            raise Unsure(f"{name} stands for {len(found)} values, and DVC takes only one")
        if not found:
            yield str(name), "is not in the file"
        elif name not in recorded:
            yield str(name), "is not in dvc.lock"
        elif not _same(found[0], recorded[name]):
            yield str(name), f"is {_shown(found[0])}, the stage ran with {_shown(recorded[name])}"


def _same(now: Any, recorded: Any) -> bool:
    if isinstance(now, tuple):  # of a Python file
        now = list(now)
    if now == recorded:
        return True
    if not _is_plain(now):
        raise Unsure(f"{_shown(now)} is of a type that dvc.lock cannot hold")
    return False


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
