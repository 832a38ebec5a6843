"""A Comparison as GitHub markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlops_ci.report import rows, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.model import Comparison, ModelComparison, Note
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
_FENCE = re.compile(r"`+")


def render(comparison: Comparison, *, everything: bool = False) -> str:
    """`everything`: unchanged rows and bookkeeping as well."""
    lines = []
    for model in comparison.models:
        lines += [*_model(model, everything=everything), ""]
    lines += [f"<sub>{code_html(rows.compared(comparison))}</sub>", ""]
    return "\n".join(lines)


def name(one: str) -> str:
    """A name from the repository: bare and bold when it is harmless, else in a code span."""
    if _PLAIN.fullmatch(one) and not _HASH.fullmatch(one):
        return f"**{one}**"
    return code(one)


def code(one: str) -> str:
    """A code span that nothing inside can end; `|` would end a table's cell."""
    shown = text.visible(one, 400).replace("|", "\\|")
    runs = [len(run) for run in _FENCE.findall(shown)]
    fence = "`" * (max(runs, default=0) + 1)
    return f"{fence} {shown} {fence}" if runs else f"{fence}{shown or ' '}{fence}"


def code_html(one: str) -> str:
    """As `code`, where markdown is not read: inside an HTML element."""
    escaped = text.visible(one, 400).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<code>{escaped.replace(chr(34), '&quot;')}</code>"


def _model(model: ModelComparison, *, everything: bool) -> Iterator[str]:
    counted = rows.counts(model)
    yield f"### {name(model.model)}: {counted or 'no metric changed'}"
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


def _table(table: list[Row], kind: str) -> Iterator[str]:
    yield f"| | {kind} | baseline → candidate | change |"
    yield "|:-:|:--|:--|:--|"
    several = len(rows.by_source(table)) > 1
    for row in table:
        named = f"{name(row.name)}{f' {row.arrow}' if row.arrow else ''}"
        named += f"<br>{code(row.source)}" if several else ""
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
    return value if re.fullmatch(r"[0-9.,+×∞⁻⁰¹²³⁴⁵⁶⁷⁸⁹−–\u00a0]+", value) else code(value)


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
