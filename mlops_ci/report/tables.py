"""The tables of the markdown report. The first columns fit a phone; nothing is said only in the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.frozen import dataclass
from mlops_ci.report import champion, gfm, rows, spans, story
from mlops_ci.report import checks as checking
from mlops_ci.report.spans import Code, Name, Strong
from mlops_ci.report.verdict import ICONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.model import ModelComparison
    from mlops_ci.report.checks import Check
    from mlops_ci.report.spans import Line, Span
    from mlops_ci.report.story import Story

CHANGE_ICONS = {
    "better": "🟢", "worse": "🔴", "changed": "🔵", "added": "➕", "removed": "➖", "unknown": "❔", "same": "⚪",
}  # fmt: skip

_CHUNK = 24
_ALL = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Detail:
    """How much is shown.

    `sections`: how many models have one, where there are several. `entries`: of one long list. `rows`: of those
    that need attention and do not fail. `failing`: only a report of more failures than fit into it needs that.
    """

    everything: bool = False
    unchanged: bool = True
    passes: bool = True
    entries: int = 200
    metrics: bool = True
    quiet_details: bool = True
    quiet_rows: bool = True
    words: bool = True
    sections: int = _ALL
    rows: int = _ALL
    failing: int = _ALL
    plots: bool = True


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _head(*titles: str) -> Iterator[str]:
    yield f"| {_row(*titles)}"
    yield "|:-:|" + ":--|" * len(titles)


def checks(one: Story, detail: Detail) -> Iterator[str]:
    """What needs attention first; a few passes; all others in one last row, which names what was not judged."""
    attention, left_out = _attention(one, detail)
    shown, folded = story.passes(one)
    if not detail.passes and attention:
        shown, folded = [], shown + folded
    skipped = story.skipped(one)
    if not one.checks:
        return
    last = "if they were merged" if one.result == "unarmed" else "against its limit"
    yield from _head("metric", "change", last)
    short = one.result == "pass"
    for row in attention + shown:
        yield _check(row, _icon(one, row), short=short, words=detail.words)
    yield from [_row("", f"**and {left_out:,} more**", "", "")] if left_out else []
    if folded or skipped:
        yield _rest(one, folded, skipped)
    yield ""


def _attention(one: Story, detail: Detail) -> tuple[list[Check], int]:
    failing = [row for row in one.attention if row.result == "fail"]
    others = [row for row in one.attention if row.result != "fail"]
    shown = failing[: detail.failing] + others[: detail.rows]
    return shown, len(one.attention) - len(shown)


def _icon(one: Story, row: Check) -> str:
    return ICONS["unarmed"] if one.result == "unarmed" else ICONS[row.result]


def _check(row: Check, icon: str, *, short: bool, words: bool) -> str:
    between = " · " if short else "<br>"
    named = gfm.line((Name(row.name),), cell=True)
    if row.slice:
        named += f"<br>{gfm.line(checking.slice_words(row.slice), cell=True)}"
    change = between.join(gfm.line(part, cell=True) for part in (row.change, row.sides) if part)
    if not words:
        return _row(icon, named, change.replace("<br>", " · "), _limit(row))
    lines = [row.words, *row.parts]
    if row.result in checking.ATTENTION and row.gate != row.name:
        lines.append(("gate ", Code(row.gate)))
    cells = [_steady(line) for line in lines]
    if row.strip:
        cells.insert(1, f"`{row.strip.replace(' ', text.NO_BREAK)}`")
    return _row(icon, named, change, "<br>".join(cells))


def _steady(line: Line) -> str:
    """Broken every few words and not at each, so that a phone scrolls the column instead of squeezing it."""
    found: list[Span] = []
    length = 0
    for span in line:
        kept, length = _kept(span, length)
        found.append(kept)
    return gfm.line(tuple(found), cell=True)


def _kept(span: Span, length: int) -> tuple[Span, int]:
    """`length`: of what stands before it since the last break."""
    if isinstance(span, Strong):
        return Strong(span.text.replace(" ", text.NO_BREAK)), length + len(span.text)
    if not isinstance(span, str):
        return span, length + len(spans.plain((span,)))
    found, *others = span.split(" ")
    length += len(found)
    for part in others:
        found += (" " if length > _CHUNK else text.NO_BREAK) + part
        length = len(part) if length > _CHUNK else length + len(part) + 1
    return found, length


def _limit(row: Check) -> str:
    return gfm.line(spans.prose(row.outcome.rule), cell=True) if row.outcome.rule else ""


def _rest(one: Story, folded: list[Check], skipped: list[Check]) -> str:
    passed = "would pass" if one.result == "unarmed" else "passed"
    found = [f"{passed}." if skipped else passed] if folded else []
    if skipped:
        labels = spans.joined([row.label for row in skipped[:3]])
        more = f" and {len(skipped) - 3:,} more" if skipped[3:] else ""
        why = (": ", *spans.prose(skipped[0].outcome.reason)) if len(skipped) == 1 else ()
        found.append(f"Not judged: {gfm.line((*labels, *why), cell=True)}{more}")
    if not folded:
        return _row(ICONS["skipped"], f"**{len(skipped):,} not judged**", "", " ".join(found))
    count = f"**{text.plural(len(folded), 'more check')}**"
    icon = ICONS["unarmed" if one.result == "unarmed" else "pass"]
    return _row(icon, count, story.folded(folded), " ".join(found))


def models(stories: list[Story], detail: Detail) -> Iterator[str]:
    """One row a model, by the check that says most about it."""
    yield from _head("model", "change", "against its limit")
    quiet = 0
    for number, one in enumerate(stories):
        if not (detail.quiet_rows or one.is_open):
            quiet += 1
            continue
        yield _model(one)
        if number >= detail.sections:
            failing = [row for row in one.checks if row.result == "fail"]
            yield from (_model_check(one, row) for row in failing[1 : detail.failing])
    if quiet:
        yield _row(ICONS["pass"], f"**and {quiet:,} more**", "", "need no look")
    yield ""


def _model(one: Story) -> str:
    row = next(iter(one.checks), None)
    named = gfm.line((Name(one.model.model),), cell=True)
    if row is None:
        return _row(ICONS[one.result], named, "", gfm.line(one.alert[2][1], cell=True))
    named += f"<br>{gfm.line(row.label, cell=True)}"
    change = "<br>".join(gfm.line(part, cell=True) for part in (row.change, row.sides) if part)
    words: Line = row.words
    more = len(one.attention) - 1
    if more > 0:
        words = (*words, f"; {more:,} more")
    elif one.result == "pass":
        words = (*words, f"; {text.plural(len(one.checks), 'check')} passed")
    if one.sign != one.result:
        words = (*words, ", in doubt")
    return _row(ICONS[one.sign], named, change, gfm.line(words, cell=True))


def _model_check(one: Story, row: Check) -> str:
    named = f"{gfm.line((Name(one.model.model),), cell=True)}<br>{gfm.line(row.label, cell=True)}"
    change = gfm.line(row.change or row.sides, cell=True)
    return _row(_icon(one, row), named, change, _limit(row))


def metrics(model: ModelComparison, detail: Detail, *, most: int = _ALL) -> Iterator[str]:
    """Every metric, the worst first; the first few of them."""
    found = (
        rows.all_rows(model, bookkeeping=detail.everything)
        if detail.unchanged
        else rows.metric_rows(model, everything=False)
    )
    if not found:
        return
    several = len(rows.by_source(found)) > 1
    beside = [gfm.code(champion.title(model.champion), cell=True)] if model.champion else []
    yield from _head("metric", "base → head", "change", *beside)
    for row in found[:most]:
        named = f"{gfm.line((Name(row.name),), cell=True)}{f' {row.arrow}' if row.arrow else ''}"
        named += f"<br>{gfm.code(row.source, cell=True)}" if several else ""
        sides = spans.arrow(spans.number(row.baseline), spans.number(row.candidate))
        last = [gfm.line((spans.number(row.champion),), cell=True)] if beside else []
        moved = gfm.line(sides, cell=True)
        yield _row(CHANGE_ICONS[row.verdict], named, moved, rows.words(row), *last)
    yield ""
