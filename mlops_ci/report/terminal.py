"""A Comparison for a terminal of 80 columns: eight colours at most, the same text without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.report import rows, text, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_ci.model import Comparison, ModelComparison, Note, Verdict
    from mlops_ci.report.rows import Row

_MARKS = {
    "better": "✓",
    "worse": "✗",
    "changed": "~",
    "added": "+",
    "removed": "-",
    "unknown": "?",
    "same": "·",
}
_COLOURS = {"better": "32", "worse": "31", "unknown": "33", "removed": "33"}
_VERDICT_COLOURS = {"fail": "31", "inconclusive": "33", "warn": "33", "waived": "35", "pass": "32"}
_NAME_LIMIT = 40
_SECTION_LIMIT = 20


def render(
    comparison: Comparison,
    verdicts: Mapping[str, Verdict] | None = None,
    *,
    everything: bool = False,
    colour: bool = False,
) -> str:
    """`everything`: unchanged rows and bookkeeping as well. `colour`: ANSI escapes."""
    paint = _Paint(colour)
    lines = [paint.dim(rows.compared(comparison)), ""]
    quiet = []
    for model in comparison.models:
        judged = verdicts[model.model] if verdicts else None
        body = list(_model(model, judged, paint, everything=everything))
        if len(comparison.models) > 1 and not judged and not _speaks(model, everything=everything):
            quiet.append(text.visible(model.model))
            continue
        lines += [*body, ""]
    if quiet:
        lines += [paint.dim(f"{text.plural(len(quiet), 'model')} unchanged"), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _speaks(model: ModelComparison, *, everything: bool) -> bool:
    return bool(
        model.notes
        or rows.metric_rows(model, everything=everything)
        or rows.param_rows(model, everything=everything)
        or list(rows.explanations(model, everything=everything))
    )


class _Paint:
    def __init__(self, colour: bool) -> None:  # noqa: FBT001
        self._colour = colour

    def __call__(self, code: str, words: str) -> str:
        return f"\x1b[{code}m{words}\x1b[0m" if self._colour and code and words else words

    def bold(self, words: str) -> str:
        return self("1", words)

    def dim(self, words: str) -> str:
        return self("2", words)


def _model(
    model: ModelComparison, judged: Verdict | None, paint: _Paint, *, everything: bool
) -> Iterator[str]:
    counted = rows.counts(model)
    if judged:
        yield from _judged(model, judged, paint, everything=everything)
        yield paint.bold("  metrics") + (f"  {counted}" if counted else "")
    else:
        yield paint.bold(text.visible(model.model)) + (f"  {counted}" if counted else "")
    metrics = rows.metric_rows(model, everything=everything)
    yield from _tables(metrics, paint) if metrics else _no_metrics(model, paint)
    left_out = rows.hidden(model)
    if left_out and metrics and not everything:
        yield paint.dim(f"    {left_out} (--all shows them)")
    params = rows.param_rows(model, everything=everything)
    if params:
        yield paint.bold("  params")
        yield from _tables(params, paint)
    for title, entries in rows.explanations(model, everything=everything):
        yield paint.bold(f"  {title}")
        yield from _entries(entries, paint, everything=everything)
    for note in model.notes:
        yield from _note(note, paint)


def _judged(
    model: ModelComparison, judged: Verdict, paint: _Paint, *, everything: bool
) -> Iterator[str]:
    mark = verdict.MARKS.get(judged.result, "○")
    words = text.visible(verdict.headline(model, judged), 200)
    code = _VERDICT_COLOURS.get(judged.result, "")
    yield f"{paint(code, mark)} {paint.bold(text.visible(model.model))} {paint(code, words)}"
    found = verdict.lines(judged)
    shown = [line for line in found if everything or line.result != "pass"]
    for line in shown:
        sides = f"  {line.sides}" if line.sides else ""
        what = f"{text.visible(line.metric)}{sides}  {text.visible(line.reason, 300)}".strip()
        own = verdict.MARKS[line.result]
        yield f"  {paint(_VERDICT_COLOURS.get(line.result, ''), own)} {text.visible(line.gate)}: {what}"
    if len(found) > len(shown):
        hold = "checks hold" if len(found) - len(shown) > 1 else "check holds"
        yield paint.dim(f"    {len(found) - len(shown):,} {hold} (--all shows them)")


def _no_metrics(model: ModelComparison, paint: _Paint) -> Iterator[str]:
    if model.metrics:
        left_out = rows.hidden(model)
        yield paint.dim(f"    no metric changed ({left_out}; --all shows them)")
    elif not any(note.kind == "unreadable" for note in model.notes):
        yield paint.dim("    no metrics on either side")


def _tables(table: list[Row], paint: _Paint) -> Iterator[str]:
    """One table, or one a file when the rows come from several."""
    sources = rows.by_source(table)
    for source, own in sources.items():
        if len(sources) > 1:
            yield paint.dim(f"  {text.visible(source)}")
        yield from _table(own, paint)


def _table(table: list[Row], paint: _Paint) -> Iterator[str]:
    cells = [(_name(row), row.baseline, row.candidate, row.change, row.relative) for row in table]
    widths = [max(len(cell[column]) for cell in cells) for column in range(5)]
    for row, (name, before, after, change, relative) in zip(table, cells, strict=True):
        line = (
            f"{name:<{widths[0]}}  {before:>{widths[1]}} → {after:<{widths[2]}}  "
            f"{change:>{widths[3]}}  {relative:>{widths[4]}}  "
        )
        code = _COLOURS.get(row.verdict, "")
        yield f"  {paint(code, _MARKS[row.verdict])} {line}{paint(code, row.verdict)}".rstrip()


def _name(row: Row) -> str:
    name = text.visible(row.name, 10_000)
    if len(name) > _NAME_LIMIT:
        half = _NAME_LIMIT // 2
        name = f"{name[:half]}…{name[-half + 1 :]}"
    return f"{name} {row.arrow}".rstrip()


def _entries(entries: list[str], paint: _Paint, *, everything: bool) -> Iterator[str]:
    limit = len(entries) if everything else _SECTION_LIMIT
    yield from (f"    {entry}" for entry in entries[:limit])
    if entries[limit:]:
        yield paint.dim(f"    and {len(entries) - limit:,} more (--all shows them)")


def _note(note: Note, paint: _Paint) -> Iterator[str]:
    mark = "?" if note.kind == "unreadable" else "!"
    side = f"{note.side}: " if note.side else ""
    yield f"  {paint('33', mark)} {side}{text.visible(note.message, 400)}"
    if note.fix:
        yield paint.dim(f"    {text.visible(note.fix, 200)}")
