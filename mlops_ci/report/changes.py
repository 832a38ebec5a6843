"""What changed beside the metrics and may explain them: data, params, packages, code. Nothing here is a proof."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from mlops_ci import text
from mlops_ci.frozen import dataclass
from mlops_ci.report import spans
from mlops_ci.report.spans import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlops_ci.model import (
        Change,
        CodeChange,
        DataChange,
        DataRef,
        ModelComparison,
        PackageChange,
    )
    from mlops_ci.report.spans import Line

CAVEAT = "These moved together; nothing here proves which one moved the metric."
# What may stand in a command that a reader pastes into a shell.
_SAFE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*")
MADE = "Made by stages"
_MOST = 1000
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Group:
    """One kind of explanation: the first `entries` of the `count` that changed."""

    title: str
    count: int
    entries: tuple[Line, ...]


def groups_of(model: ModelComparison) -> tuple[Group, ...]:
    """The likely causes first; what stages made is a consequence and comes after its inputs."""
    data = [one for one in model.data if one.change != "same"]
    inputs = [one for one in data if not _is_output(one)]
    found = (
        _group("Data", inputs, _data),
        _group("Params", [one for one in model.params if one.change != "same"], _param),
        _group("Packages", [one for one in model.environment if one.change != "same"], _package),
        _group("Code", [one for one in model.code if one.change != "same"], _code),
        _group(MADE, [one for one in data if _is_output(one)], _data),
    )
    return tuple(group for group in found if group.count)


def _group(title: str, found: list[_T], tell: Callable[[_T], Line]) -> Group:
    return Group(title=title, count=len(found), entries=tuple(map(tell, found[:_MOST])))


def unchanged(model: ModelComparison) -> str:
    """`data, code, 31 packages`: only of what was compared."""
    same_packages = sum(one.change == "same" for one in model.environment)
    found = [
        word
        for word, entries in (
            ("data", _inputs(model)),
            ("params", model.params),
            ("code", model.code),
        )
        if _are_same(entries)
    ]
    return ", ".join(found + ([text.plural(same_packages, "package")] if same_packages else []))


def briefly(groups: Sequence[Group], count: int = 3) -> Line:
    """The first few explanations as one sentence."""
    causes = [group for group in groups if group.title != MADE]
    entries = [entry for group in causes for entry in group.entries[:count]]
    if not entries:
        return ("nothing that is recorded changed.",)
    left_out = sum(group.count for group in causes) - len(entries[:count])
    more = f"; {left_out:,} more" if left_out else ""
    return (*spans.joined(entries[:count], "; "), more, ".")


def param_to_try(model: ModelComparison) -> tuple[str, str] | None:
    """A param that changed, and the command that runs the candidate without that; only what is safe to paste."""
    if not (model.code or model.data):
        return None  # then nothing says that DVC runs it
    for one in model.params:
        old = one.baseline
        if one.change != "changed" or one.source != "params.yaml" or not _SAFE.fullmatch(one.name):
            continue
        if isinstance(old, (bool, int, float)) and one.candidate is not None:
            shown = str(old).lower() if isinstance(old, bool) else repr(old)
            return one.name, f"dvc exp run -S {one.name}={shown}"
    return None


def _inputs(model: ModelComparison) -> Iterator[DataChange]:
    return (one for one in model.data if not _is_output(one))


def _are_same(entries: Iterable[DataChange | CodeChange | Change]) -> bool:
    """Not where there are none. The first that is not the same ends it: there may be ten thousand."""
    several = iter(entries)
    first = next(several, None)
    return first is not None and first.change == "same" and all(o.change == "same" for o in several)


def _is_output(one: DataChange) -> bool:
    old, new = one.baseline, one.candidate
    return (old is None or old.role == "output") and (new is None or new.role == "output")


def _data(one: DataChange) -> Line:
    words: Line = _amount(one.baseline, one.candidate) if one.change == "changed" else ()
    return (Code(one.path), " ", *(words or (one.change,)))


def _amount(before: DataRef | None, after: DataRef | None) -> Line:
    """What grew or shrank, in the most telling unit that both sides have."""
    if before is None or after is None:
        return ()
    for name in ("rows", "files", "size"):
        old, new = getattr(before, name), getattr(after, name)
        if old is None or new is None or old == new:
            continue
        if name == "size":
            return spans.arrow(text.size(old), text.size(new))
        return (*spans.arrow(f"{old:,}", f"{new:,}"), f" {name}{_percent(old, new)}")
    return ()


def _percent(old: int, new: int) -> str:
    shown = text.percent((new - old) / old) if old else ""
    return f" ({shown})" if shown else ""


def _param(one: Change) -> Line:
    if one.change in ("added", "removed"):
        value = one.candidate if one.change == "added" else one.baseline
        return (Code(one.name), " ", spans.value(value), f" {one.change}")
    if one.change == "unknown":
        return (Code(one.name), " cannot be read")
    return (Code(one.name), " ", *spans.sides(one.baseline, one.candidate))


def _package(one: PackageChange) -> Line:
    if one.baseline is None or one.candidate is None:
        version = one.baseline or one.candidate or ""
        return (Code(f"{one.name} {version}".strip()), f" {one.change}")
    before, after = (_version(version) for version in (one.baseline, one.candidate))
    return (Code(one.name), " ", *spans.arrow(before, after))


def _version(version: str) -> spans.Span:
    return version if re.fullmatch(r"\d{1,4}(\.\d{1,4}){1,2}", version) else Code(version)


def _code(one: CodeChange) -> Line:
    return (Code(one.path), f" {one.change}")
