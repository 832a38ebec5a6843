"""What a report shows of a Comparison, in words: shared by the terminal and the markdown renderer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_ci.model import (
        Baseline,
        Change,
        CodeChange,
        Comparison,
        DataChange,
        DataRef,
        ModelComparison,
        PackageChange,
        Value,
    )

    _Beside = Mapping[tuple[str, str], str]

# Worst first; what cannot be told stands between the bad and the good.
_ORDER = ("worse", "removed", "unknown", "changed", "better", "added", "same")
_ARROWS = {"higher_is_better": "↑", "lower_is_better": "↓", "neutral": ""}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table: all text, still to be escaped for its medium. `verdict` is a `change` of the contract.

    `champion`: the value of what is in production; "" where there is none.
    """

    verdict: str
    name: str
    arrow: str
    baseline: str
    candidate: str
    change: str
    relative: str
    source: str
    champion: str = ""


def metric_rows(model: ModelComparison, *, everything: bool) -> list[Row]:
    return _rows(model.metrics, _champion(model), everything=everything)


def all_rows(model: ModelComparison, *, bookkeeping: bool) -> list[Row]:
    """The unchanged ones too, last."""
    shown = [one for one in model.metrics if bookkeeping or is_shown(one) or not one.hidden]
    beside = _champion(model)
    return [_row(one, beside) for one in sorted(shown, key=_severity)]


def _champion(model: ModelComparison) -> _Beside:
    """What is in production, by source and name, as exact as the difference needs; nothing without one."""
    found = model.champion.metrics if model.champion else ()
    return {(one.source, one.name): _exact(one.value, one.candidate) for one in found}


def _exact(value: Value, other: Value | None) -> str:
    if isinstance(value, (int, float)) and isinstance(other, (int, float)):
        return text.value(value, text.decimals_for(value, other))
    return text.value(value)


def words(row: Row) -> str:
    """`+0.0188 (+2.1 %)`, `added`, `unknown`."""
    if row.verdict in ("added", "removed", "unknown") or not row.change:
        return row.verdict
    return (
        f"{row.change} ({row.relative})" if row.relative and row.verdict != "same" else row.change
    )


def param_rows(model: ModelComparison, *, everything: bool) -> list[Row]:
    return _rows(model.params, {}, everything=everything)


def _rows(changes: tuple[Change, ...], beside: _Beside, *, everything: bool) -> list[Row]:
    shown = [one for one in changes if everything or is_shown(one)]
    return [_row(one, beside) for one in sorted(shown, key=_severity)]


def _severity(one: Change) -> tuple[int, str, str]:
    return _ORDER.index(one.change), one.name, one.source


def by_source(table: list[Row]) -> dict[str, list[Row]]:
    """The rows of each file, the file with the worst row first."""
    found: dict[str, list[Row]] = {}
    for row in table:
        found.setdefault(row.source, []).append(row)
    return found


def is_shown(one: Change) -> bool:
    """Changed, and not mere bookkeeping; a value that is not a number is always shown."""
    if one.hidden and one.change != "unknown":
        return False
    return one.change != "same" or any(is_odd(value) for value in (one.baseline, one.candidate))


def is_odd(value: object) -> bool:
    """NaN or infinite."""
    return isinstance(value, float) and (value != value or value in (float("inf"), float("-inf")))  # noqa: PLR0124


def _row(one: Change, beside: _Beside) -> Row:
    decimals = None
    delta = relative = ""
    if (
        one.delta is not None
        and isinstance(one.baseline, (int, float))
        and isinstance(one.candidate, (int, float))
    ):
        decimals = text.decimals_for(one.baseline, one.candidate)
        delta = text.change(one.delta, decimals)
        relative = text.percent(one.relative)
    return Row(
        verdict=one.change,
        name=one.name,
        arrow=_ARROWS[one.direction],
        baseline=text.value(one.baseline, decimals),
        candidate=text.value(one.candidate, decimals),
        change=delta,
        relative=relative,
        source=one.source,
        champion=beside.get((one.source, one.name), ""),
    )


def counts(model: ModelComparison) -> str:
    """`1 better, 2 worse`, of what is shown without being asked."""
    found: dict[str, int] = {}
    for one in model.metrics:
        if is_shown(one):
            found[one.change] = found.get(one.change, 0) + 1
    return ", ".join(
        f"{found[word]} {word}"
        for word in ("worse", "better", "changed", "added", "removed", "unknown")
        if word in found
    )


def hidden(model: ModelComparison) -> str:
    """What a short report leaves out, so that nobody takes the rest for all."""
    same = sum(1 for one in model.metrics if not is_shown(one) and not one.hidden)
    book = sum(1 for one in model.metrics if one.hidden and one.change != "unknown")
    parts = [f"{same:,} unchanged"] if same else []
    return ", ".join(parts + ([f"{book:,} bookkeeping"] if book else []))


def compared(comparison: Comparison) -> str:
    """`main 1a2b3c4 (merge base …) → work tree`."""
    base, candidate = comparison.baseline, comparison.candidate
    left = f"{_named(base.origin.rev)} {base.origin.label}{_found(base)}"
    right = (
        f"{_named(candidate.rev)} {candidate.label}"
        if candidate.commit
        else _work_tree(candidate.head)
    )
    return f"{left} → {right}"


def _named(rev: str) -> str:
    return text.visible(rev, 60)


def _found(base: Baseline) -> str:
    parts = [text.visible(base.how)] if base.how else []
    if base.behind:
        parts.append(f"{text.plural(base.behind, 'commit')} behind {_named(base.behind_of)}")
    return f" ({', '.join(parts)})" if parts else ""


def _work_tree(head: str | None) -> str:
    return f"work tree on {head[:7]}" if head else "work tree"


def explanations(model: ModelComparison, *, everything: bool) -> Iterator[tuple[str, list[str]]]:
    """Data, packages and code that changed with the metrics, a title and lines each."""
    data = list(_data_lines(model, everything=everything))
    packages = [_package(one) for one in model.environment if everything or one.change != "same"]
    code = [_code(one) for one in model.code if everything or one.change != "same"]
    yield from (
        (title, lines)
        for title, lines in (("data", data), ("packages", packages), ("code", code))
        if lines
    )


def _data_lines(model: ModelComparison, *, everything: bool) -> Iterator[str]:
    """Inputs one by one; what stages made of them is a consequence and only counted."""
    if everything:
        yield from (_data(one) for one in model.data)
        return
    changed = [one for one in model.data if one.change != "same"]
    made = [one for one in changed if _is_output(one)]
    yield from (_data(one) for one in changed if not _is_output(one))
    if made:
        named = ", ".join(text.visible(one.path) for one in made[:3])
        more = f" and {len(made) - 3:,} more" if made[3:] else ""
        yield f"{text.plural(len(made), 'stage output')} changed: {named}{more}"


def _is_output(one: DataChange) -> bool:
    return all(ref is None or ref.role == "output" for ref in (one.baseline, one.candidate))


def _data(one: DataChange) -> str:
    both = [_content(ref) for ref in (one.baseline, one.candidate) if ref]
    return f"{text.visible(one.path)}  {' → '.join(dict.fromkeys(both))}{_word(one.change)}"


def _content(ref: DataRef) -> str:
    kind, _, value = text.visible(ref.id).partition(":")
    parts = [f"{kind.removesuffix('-dos2unix')} {value[:8]}" if value else "no id"]
    if ref.rows is not None:
        parts.append(text.plural(ref.rows, "row"))
    if ref.files is not None:
        parts.append(text.plural(ref.files, "file"))
    if ref.size is not None:
        parts.append(text.size(ref.size))
    return ", ".join(parts)


def _package(one: PackageChange) -> str:
    versions = [
        text.visible(version) for version in (one.baseline, one.candidate) if version is not None
    ]
    return f"{text.visible(one.name)}  {' → '.join(dict.fromkeys(versions))}{_word(one.change)}"


def _code(one: CodeChange) -> str:
    return f"{text.visible(one.path)}{_word(one.change)}"


def _word(change: str) -> str:
    return f"  ({change})" if change in ("added", "removed") else ""
