"""Faults that a drill puts into its own clean room, or into what it was told, to prove that it would notice them.

Nothing outside of the temporary folder is touched: neither the repository, nor its remotes, nor the registry.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from mlops_ci.drill.result import Name  # noqa: TC001 - part of a dataclass
from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_ci.promote.tags import Tag
    from mlops_ci.reproduce.observed import Observed
    from mlops_ci.stack.base import RegisteredVersion

    _Found: TypeAlias = "RegisteredVersion | None"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`noticed_by`: the phase that has to fail. What is not given is left as it is."""

    noticed_by: Name
    tag: Callable[[Tag], Tag] = lambda tag: tag
    restored: Callable[[Path], None] = lambda _: None
    registered: Callable[[_Found], _Found] = lambda found: found
    served: Callable[[_Found], _Found] = lambda found: found
    recorded: Callable[[Observed], Observed] = lambda found: found


def _first_file(path: Path) -> Path:
    return min(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else path


def _own(path: Path) -> Path:
    """A copy that can be written: what DVC has put there may be a link into its cache."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return path


def _corrupt(path: Path) -> None:
    file = _own(_first_file(path))
    content = bytearray(file.read_bytes() or b"\0")
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _remove(path: Path) -> None:
    _first_file(path).unlink()


def _truncate(path: Path) -> None:
    file = _own(_first_file(path))
    file.write_bytes(b"")


def _other_version(found: _Found) -> _Found:
    """Of the same name, as somebody registers it who wants not to be seen."""
    return replace(found, number=f"{found.number}0") if found else None


def _edit(found: Observed) -> Observed:
    """Every number a tenth better, as a person would who wants to pass."""
    values = {
        path: {name: number * 1.1 + 0.01 for name, number in numbers.items()}
        for path, numbers in found.values.items()
    }
    return replace(found, values=values)


FAULTS = {
    "moved-tag": Fault(noticed_by="resolve", tag=lambda tag: replace(tag, oid="0" * 40)),
    "corrupt-byte": Fault(noticed_by="verify", restored=_corrupt),
    "missing-object": Fault(noticed_by="verify", restored=_remove),
    "empty-file": Fault(noticed_by="verify", restored=_truncate),
    "alias-drift": Fault(noticed_by="registry", served=_other_version),
    "lost-registration": Fault(noticed_by="registry", registered=lambda _: None),
    "edited-metrics": Fault(noticed_by="evaluate", recorded=_edit),
}
NO_FAULT = Fault(noticed_by="resolve")
