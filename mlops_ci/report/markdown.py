"""A Comparison as GitHub markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlops_ci.report import rows, text, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_ci.model import Comparison, ModelComparison, Note, Verdict
    from mlops_ci.report.rows import Row

_ICONS = {
    "better": "🟢",
    "worse": "🔴",
    "changed": "🔵",
    "added": "➕",
    "removed": "➖",
    "unknown": "❔",
    "same": "⚪",
}
# A name that markdown cannot read as anything else: no link, mention, issue, hash or markup.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)*")
_HASH = re.compile(r"[0-9a-f]{7,40}|gh-\d+", re.IGNORECASE)
_OURS = re.compile(r"[a-z]+[:,]?|[0-9,]+|N|M")
_REASON = re.compile(r"[a-zA-Z ,:;%]*(?:[0-9.,e+%-]+[a-zA-Z ,:;%]*)*")
_FENCE = re.compile(r"`+")


def render(
    comparison: Comparison,
    verdicts: Mapping[str, Verdict] | None = None,
    *,
    everything: bool = False,
) -> str:
    """`everything`: unchanged rows and bookkeeping as well."""
    lines: list[str] = []
    for model in comparison.models:
        judged = verdicts[model.model] if verdicts else None
        lines += [*_model(model, judged, everything=everything), ""]
    lines += [f"<sub>{code(rows.compared(comparison))}</sub>", ""]
    return "\n".join(lines)


def name(one: str, *, cell: bool = False) -> str:
    """A name from the repository: bare and bold when it is harmless, else in a code span."""
    if _PLAIN.fullmatch(one) and not _HASH.fullmatch(one):
        return f"**{one}**"
    return code(one, cell=cell)


def code(one: str, *, cell: bool = False) -> str:
    """A code span that nothing inside can end. `cell`: it stands in a table, where `|` would end the cell."""
    shown = text.visible(one, 400)
    if cell:
        shown = shown.replace("|", "\\|")
    fence = "`" * (max((len(run) for run in _FENCE.findall(shown)), default=0) + 1)
    padded = len(fence) > 1 or not shown
    padded = padded or (shown[0] == shown[-1] == " " and not shown.isspace())
    return f"{fence} {shown} {fence}" if padded else f"{fence}{shown}{fence}"


def _model(model: ModelComparison, judged: Verdict | None, *, everything: bool) -> Iterator[str]:
    counted = rows.counts(model) or "no metric changed"
    if judged:
        yield from _judged(model, judged)
    else:
        yield f"### {name(model.model)}: {counted}"
        yield ""
    metrics = rows.metric_rows(model, everything=everything)
    if metrics:
        yield from _table(metrics, "metric")
    left_out = rows.hidden(model)
    if left_out and not everything:
        yield f"<sub>Not shown: {left_out}.</sub>"
        yield ""
    yield from _notes(model)
    params = rows.param_rows(model, everything=everything)
    if params:
        yield from _table(params, "param")
    for title, entries in rows.explanations(model, everything=everything):
        yield f"<details><summary>{title}: {len(entries):,}</summary>"
        yield ""
        yield from (f"- {code(entry)}" for entry in entries[:200])
        yield from [f"- and {len(entries) - 200:,} more"] if entries[200:] else []
        yield ""
        yield "</details>"
        yield ""


def _judged(model: ModelComparison, judged: Verdict) -> Iterator[str]:
    words = " ".join(_word(one) for one in verdict.headline(model, judged).split(" "))
    yield f"### {verdict.ICONS[judged.result]} {name(model.model)} {words}"
    yield ""
    found = verdict.lines(judged)
    if found:
        yield "| | gate | metric | baseline → candidate | |"
        yield "|:-:|:--|:--|:--|:--|"
    for line in found:
        cells = (
            name(line.gate, cell=True),
            name(line.metric, cell=True) if line.metric else "",
            _sides(line.sides),
        )
        yield f"| {verdict.ICONS[line.result]} | {' | '.join(cells)} | {_plain(line.reason)} |"
    yield ""


def _word(one: str) -> str:
    """Metric names stand in headlines between our own words, which are plain."""
    return one if _OURS.fullmatch(one) else code(one)


def _plain(reason: str) -> str:
    return reason if _REASON.fullmatch(reason) else code(reason, cell=True)


def _sides(sides: str) -> str:
    before, arrow, after = sides.partition("→")
    return f"{_cell(before.strip())} → {_cell(after.strip())}" if arrow else sides


def _table(table: list[Row], kind: str) -> Iterator[str]:
    yield f"| | {kind} | baseline → candidate | change |"
    yield "|:-:|:--|:--|:--|"
    several = len(rows.by_source(table)) > 1
    for row in table:
        named = f"{name(row.name, cell=True)}{f' {row.arrow}' if row.arrow else ''}"
        named += f"<br>{code(row.source, cell=True)}" if several else ""
        sides = f"{_cell(row.baseline)}{text.NO_BREAK}→{text.NO_BREAK}{_cell(row.candidate)}"
        change = " ".join(
            part for part in (row.change, f"({row.relative})" if row.relative else "") if part
        )
        words = (
            row.verdict if row.verdict in ("added", "removed", "unknown") or not change else change
        )
        yield f"| {_ICONS[row.verdict]} | {named} | {sides} | {words} |"
    yield ""


def _cell(value: str) -> str:
    """Numbers are ours; text from a file is not."""
    return (
        value if re.fullmatch(r"[0-9.,+×∞⁻⁰¹²³⁴⁵⁶⁷⁸⁹−–\u00a0]+", value) else code(value, cell=True)
    )


def _notes(model: ModelComparison) -> Iterator[str]:
    for note in model.notes:
        yield f"> {_note(note)}"
        yield ">"
    if model.notes:
        yield ""


def _note(note: Note) -> str:
    side = f"{note.side}: " if note.side else ""
    fix = f" → {code(note.fix)}" if note.fix else ""
    return f"{'❔' if note.kind == 'unreadable' else '⚠️'} {side}{code(note.message)}{fix}"
