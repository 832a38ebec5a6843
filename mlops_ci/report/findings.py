"""Findings as GitHub markdown, for the summary of a job. What they hold is hostile text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report import gfm, spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.finding import Finding

# A job summary may have 1 MiB, and a page with more rows than these helps nobody.
MOST = 200
_ICONS = {"finding": "❌", "undecided": "❔", "remark": "⚠️"}


def counts(found: Sequence[Finding]) -> dict[str, int]:
    """How many failed, how many could not be decided, and how many are remarks, which fail nothing."""
    kinds = Counter(map(_kind, found))
    return {
        "findings": kinds["finding"],
        "undecided": kinds["undecided"],
        "remarks": kinds["remark"],
    }


def _kind(one: Finding) -> str:
    return "remark" if one.level != "error" else "undecided" if one.undecided else "finding"


def render(found: Sequence[Finding], checked: str) -> str:
    """`checked`: what was judged, in words of ours and names of the repository. The worst first."""
    return "\n".join(_lines(sorted(found, key=lambda one: list(_ICONS).index(_kind(one))), checked))


def _lines(found: Sequence[Finding], checked: str) -> Iterator[str]:
    icon = _ICONS[_kind(found[0])] if found else "✅"
    yield f"### {icon} {_headline(found)}"
    yield ""
    yield f"Checked: {gfm.line(spans.prose(checked))}"
    yield ""
    if found:
        yield from ("| | where | what | to do |", "|:-:|:--|:--|:--|")
        yield from map(_row, found[:MOST])
        yield ""
    if len(found) > MOST:
        yield f"<sub>And {len(found) - MOST:,} more, in the log of the job.</sub>"
        yield ""


def _headline(found: Sequence[Finding]) -> str:
    number = counts(found)
    parts = [text.plural(number["findings"], "finding")]
    parts += [f"{number['undecided']:,} undecided"] if number["undecided"] else []
    parts += [text.plural(number["remarks"], "remark")] if number["remarks"] else []
    return ", ".join(parts)


def _row(one: Finding) -> str:
    place = f"{one.path}:{one.line}" if one.line else one.path
    where = f"{gfm.code(place, cell=True)}<br>" if one.path else ""
    undecided = "undecided, because " if one.undecided else ""
    what = gfm.line(spans.prose(one.what), cell=True)
    fix = "<br>".join(gfm.code(line, cell=True) for line in one.fix.splitlines())
    return f"| {_ICONS[_kind(one)]} | {where}{gfm.code(one.rule, cell=True)} | {undecided}{what} | {fix} |"
