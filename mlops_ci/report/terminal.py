"""A Comparison for a terminal of 80 columns: eight colours at most, the same text without them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report import champion, flipped, rows, spans, story, verdict
from mlops_ci.report.paint import Paint
from mlops_ci.report.spans import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_ci.model import Comparison, ModelComparison, Note, Verdict
    from mlops_ci.report.checks import Check
    from mlops_ci.report.rows import Row
    from mlops_ci.report.spans import Line
    from mlops_ci.report.story import Story

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
_WIDTH = 80
_LABEL = 17
_WORD = len("removed")
_SECTION_LIMIT = 20


def render(
    comparison: Comparison,
    verdicts: Mapping[str, Verdict] | None = None,
    *,
    everything: bool = False,
    colour: bool = False,
) -> str:
    """`everything`: unchanged rows and bookkeeping as well. `colour`: ANSI escapes."""
    paint = Paint(colour)
    lines = [paint.dim(rows.compared(comparison)), ""]
    told = story.tell(comparison, verdicts)
    if verdicts and len(told.stories) > 1:
        lines += [paint.bold(spans.plain(told.headline)), ""]
    quiet = 0
    for one in told.stories:
        if (
            len(told.stories) > 1
            and not one.result
            and not _speaks(one.model, everything=everything)
        ):
            quiet += 1
            continue
        lines += [*_model(one, paint, everything=everything), ""]
    if quiet:
        lines += [paint.dim(f"{text.plural(quiet, 'model')} unchanged"), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _speaks(model: ModelComparison, *, everything: bool) -> bool:
    return bool(
        model.notes
        or rows.metric_rows(model, everything=everything)
        or rows.param_rows(model, everything=everything)
        or list(rows.explanations(model, everything=everything))
    )


def _model(one: Story, paint: Paint, *, everything: bool) -> Iterator[str]:
    model = one.model
    counted = rows.counts(model)
    if model.champion:
        counted += f"  at the right: {text.visible(champion.title(model.champion))}"
    if one.result:
        yield from _judged(one, paint, everything=everything)
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
    if head := flipped.headline(model):
        yield paint.bold("  flips") + f"  {spans.plain(head)}"
        yield from (f"    {spans.plain(line)}" for line in flipped.lines(model))
    yield from _plots(model, paint)
    for note in model.notes:
        yield from _note(note, paint)


def _plots(model: ModelComparison, paint: Paint) -> Iterator[str]:
    if not model.plots:
        return
    from mlops_ci.report import plots

    found = list(plots.lines(model.plots))
    if found:
        yield paint.bold("  plots")
    for name, before, after in found:
        yield f"    {name}  {before} → {after}"


def _judged(one: Story, paint: Paint, *, everything: bool) -> Iterator[str]:
    mark = verdict.MARKS[one.sign]
    code = _VERDICT_COLOURS.get(one.sign, "")
    first, *rest = _folded(spans.plain(one.headline), 2)
    yield f"{paint(code, mark)} {paint(code, first)}"
    yield from (f"  {paint(code, line)}" for line in rest)
    for label, words in one.alert:
        *said, last = words
        typed = isinstance(last, Code) and label == "Do"
        yield from _labelled(label, tuple(said) if typed else words, paint)
        if typed:
            yield f"{' ' * _LABEL}{paint('36', '$ ' + spans.plain((last,)))}"
    shown = [row for row in one.checks if everything or row.result != "pass"]
    for row in shown:
        yield from _check(row, paint)
    if len(one.checks) > len(shown):
        hold = "checks hold" if len(one.checks) - len(shown) > 1 else "check holds"
        yield paint.dim(f"    {len(one.checks) - len(shown):,} {hold} (--all shows them)")


def _labelled(label: str, words: Line, paint: Paint) -> Iterator[str]:
    for number, line in enumerate(_folded(spans.plain(words), _LABEL)):
        shown = label.lower() if not number else ""
        yield f"  {paint.bold(f'{shown:<14}')} {line}"


def _folded(words: str, indent: int) -> list[str]:
    """A wrapped line may begin anywhere in a name, so each is made harmless again."""
    width = _WIDTH - indent
    lines = textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False)
    return [text.visible(line, 10_000) for line in lines] or [""]


def _check(row: Check, paint: Paint) -> Iterator[str]:
    code = _VERDICT_COLOURS.get(row.result, "")
    named = spans.plain(row.label)
    gate = f" [{text.visible(row.gate)}]" if row.gate != row.name else ""
    parts = [spans.plain(part) for part in (row.change, row.sides) if part]
    yield f"  {paint(code, verdict.MARKS[row.result])} {'  '.join([named, *parts])}"
    yield from (f"      {line}" for line in _folded(f"{spans.plain(row.words)}{gate}", 6))
    yield from [f"      {row.strip.rstrip()}"] if row.strip else []
    for words in map(spans.plain, row.parts):
        yield from (f"      {line}" for line in _folded(words, 6))


def _no_metrics(model: ModelComparison, paint: Paint) -> Iterator[str]:
    if model.metrics:
        left_out = rows.hidden(model)
        yield paint.dim(f"    no metric changed ({left_out}; --all shows them)")
    elif not any(note.kind == "unreadable" for note in model.notes):
        yield paint.dim("    no metrics on either side")


def _tables(table: list[Row], paint: Paint) -> Iterator[str]:
    """One table, or one a file when the rows come from several."""
    sources = rows.by_source(table)
    for source, own in sources.items():
        if len(sources) > 1:
            yield paint.dim(f"  {text.visible(source)}")
        yield from _table(own, paint)


def _table(table: list[Row], paint: Paint) -> Iterator[str]:
    cells = [(_name(row), row.baseline, row.candidate, row.change, row.relative) for row in table]
    widths = [max(len(cell[column]) for cell in cells) for column in range(5)]
    for row, (name, before, after, change, relative) in zip(table, cells, strict=True):
        line = (
            f"{name:<{widths[0]}}  {before:>{widths[1]}} → {after:<{widths[2]}}  "
            f"{change:>{widths[3]}}  {relative:>{widths[4]}}  "
        )
        last = row.champion.rstrip()
        beside = f"{'':{_WORD - len(row.verdict)}}  {last}" if last else ""
        code = _COLOURS.get(row.verdict, "")
        yield f"  {paint(code, _MARKS[row.verdict])} {line}{paint(code, row.verdict)}{paint.dim(beside)}".rstrip()


def _name(row: Row) -> str:
    name = text.visible(row.name, 10_000)
    if len(name) > _NAME_LIMIT:
        half = _NAME_LIMIT // 2
        name = f"{name[:half]}…{name[-half + 1 :]}"
    return f"{name} {row.arrow}".rstrip()


def _entries(entries: list[str], paint: Paint, *, everything: bool) -> Iterator[str]:
    limit = len(entries) if everything else _SECTION_LIMIT
    yield from (f"    {entry}" for entry in entries[:limit])
    if entries[limit:]:
        yield paint.dim(f"    and {len(entries) - limit:,} more (--all shows them)")


def _note(note: Note, paint: Paint) -> Iterator[str]:
    mark = "?" if note.kind == "unreadable" else "!"
    side = f"{note.side}: " if note.side else ""
    first, *rest = _folded(f"{side}{text.visible(note.message, 400)}", 4)
    yield f"  {paint('33', mark)} {first}"
    yield from (f"    {line}" for line in rest)
    if note.fix:
        yield paint.dim(f"    {text.visible(note.fix, 200)}")
