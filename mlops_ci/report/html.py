"""A Comparison and its Verdicts as one HTML page: no script, no request, nothing collapsed."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report import (
    advice,
    certainty,
    champion,
    changes,
    checks,
    flipped,
    markup,
    rows,
    spans,
    story,
    svg,
)
from mlops_ci.report.spans import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_ci.model import Comparison, Verdict
    from mlops_ci.report.checks import Check
    from mlops_ci.report.rows import Row
    from mlops_ci.report.story import Report, Story

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'{images}">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>"""
_AXIS = (
    "Dots are the change in multiples of its limit, from −4 to +4, better to the right; "
    "the dashed line is the limit."
)
_ONE_RUN = " Each side was measured once, so no interval is shown."
_INTERVALS = " Bars are where the change lies in nine of ten such comparisons; a dot without one was measured once."
_METRICS = "↑ higher is better, ↓ lower is better. Changes are computed before rounding."


def render(
    comparison: Comparison,
    verdicts: Mapping[str, Verdict] | None = None,
    *,
    everything: bool = False,
) -> str:
    """`everything`: bookkeeping as well."""
    told = story.tell(comparison, verdicts)
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    title = html.escape(text.visible(spans.plain(told.headline), 400))
    body = [line for one in told.stories for line in _story(one, told, everything=everything)]
    images = "; img-src data:" if any("<img " in line for line in body) else ""
    lines = [_HEAD.format(title=title, style=style, images=images), *_top(told), *body]
    lines += _reproduce(told) if verdicts else []
    lines += [f"<footer>{markup.line(told.footer)}</footer>", "</main>", "</body>", "</html>", ""]
    return "\n".join(lines)


def _top(told: Report) -> Iterator[str]:
    icon = svg.icon(told.sign) if told.result else ""
    yield f"<h1>{icon}{markup.line(told.headline)}</h1>"
    if len(told.stories) > 1 and told.result:
        yield from _models(told)


def _story(one: Story, told: Report, *, everything: bool) -> Iterator[str]:
    yield "<section>"
    if len(told.stories) > 1:
        yield f"<h2>{svg.icon(one.sign) if one.result else ''}{markup.line(one.headline)}</h2>"
    if one.alert:
        yield f'<dl class="is-{svg.shape(one.sign)}">'
        yield from (f"<dt>{label}</dt><dd>{markup.line(words)}</dd>" for label, words in one.alert)
        yield "</dl>"
    yield from _notes(one)
    if one.checks:
        yield from _checks(one)
    yield from _flips(one)
    yield from _changes(one)
    if one.model.plots:
        from mlops_ci.report import pictures

        yield from pictures.section(one.model.plots)
    yield from _metrics(one, everything=everything)
    yield "</section>"


def _notes(one: Story) -> Iterator[str]:
    if one.model.notes:
        yield '<ul class="notes">'
    for note in one.model.notes:
        side = f"{note.side}: " if note.side else ""
        fix = f" → {markup.line(advice.fix(note))}" if note.fix else ""
        yield f"<li>{side}{markup.line(spans.prose(note.message))}{fix}</li>"
    if one.model.notes:
        yield "</ul>"


def _models(told: Report) -> Iterator[str]:
    titles = (("result", "icon"), ("model", ""), ("change", "n"), ("against its limit", ""))
    yield from markup.table("Models", "The check that says most about each model.", titles)
    yield "<tbody>"
    for one in told.stories:
        row = next(iter(one.checks), None)
        named = f"<code>{html.escape(text.visible(one.model.model))}</code>"
        about = f"<small>{markup.line(row.label)}</small>" if row else ""
        words = markup.line(row.words) if row else markup.line(one.alert[2][1])
        words += ", in doubt" if one.sign != one.result else ""
        change = _change(row) if row else ""
        yield f'<tr><td>{svg.icon(one.sign)}</td><th scope="row">{named}{about}</th>'
        yield f'<td class="n">{change}</td><td>{words}</td></tr>'
    yield markup.END


def _checks(one: Story) -> Iterator[str]:
    yield f"<h3>{text.plural(len(one.checks), 'check')}</h3>"
    against = "if they were merged" if one.result == "unarmed" else "against its limit"
    titles = (
        ("result", "icon"), ("metric", ""), ("change", "n"), ("worse ← change ÷ limit → better", "plot"),
        (against, ""),
    )  # fmt: skip
    weighed = any(row.outcome.estimate for row in one.checks)
    about = _AXIS + (_INTERVALS if weighed else _ONE_RUN)
    yield from markup.table("Checks", about, titles)
    for title, found in _check_groups(one):
        if found:
            yield f'<tbody><tr class="group"><th colspan="5" scope="rowgroup">{title}</th></tr>'
            yield from (_check(row, one) for row in found)
            yield "</tbody>"
    yield "</table></div>"


def _check_groups(one: Story) -> list[tuple[str, list[Check]]]:
    if one.result == "unarmed":
        return [("Not judged", list(one.checks))]
    passed = [row for row in one.checks if row.result == "pass"]
    return [
        ("Needs attention", one.attention),
        ("Passed", passed),
        ("Not judged", story.skipped(one)),
    ]


def _check(row: Check, one: Story) -> str:
    result = "unarmed" if one.result == "unarmed" else row.result
    below = markup.line(checks.slice_words(row.slice)) if row.slice else ""
    gain = checks.kind(row.outcome) == "improvement"
    plot = svg.plot(row.ratio, result, gain=gain, ends=certainty.ends(row.outcome))
    gate = f"<small>gate <code>{html.escape(text.visible(row.gate))}</code></small>"
    parts = "".join(f"<small>{markup.line(part)}</small>" for part in row.parts)
    return (
        f'<tr><td>{svg.icon(result)}</td><th scope="row">{_name(row.name)}'
        f"{f'<small>{below}</small>' if below else ''}</th>"
        f'<td class="n">{_change(row)}</td><td class="plot">{plot}</td>'
        f"<td>{markup.line(row.words)}{parts}{gate}</td></tr>"
    )


def _name(name: str) -> str:
    return html.escape(text.visible(name))


def _change(row: Check) -> str:
    sides = f"<small>{markup.line(row.sides)}</small>" if row.change else markup.line(row.sides)
    return f"{markup.line(row.change)}{sides}"


def _flips(one: Story) -> Iterator[str]:
    if head := flipped.headline(one.model):
        yield f"<h3>Flips: {markup.line(head)}</h3>"
        yield "<ul>"
        yield from (f"<li>{markup.line(line)}</li>" for line in flipped.lines(one.model))
        yield "</ul>"


def _changes(one: Story) -> Iterator[str]:
    groups, same = one.groups, changes.unchanged(one.model)
    if not groups and not same:
        return
    yield "<h3>What changed with it</h3>"
    yield "<ul>"
    for group in groups:
        shown = " · ".join(markup.line(entry) for entry in group.entries)
        left_out = group.count - len(group.entries)
        more = f" · and {left_out:,} more" if left_out else ""
        yield f"<li><b>{group.title}</b> {shown}{more}</li>"
    yield from [f"<li><b>Unchanged</b> {same}</li>"] if same else []
    yield "</ul>"
    yield from [f'<p class="mut">{changes.CAVEAT}</p>'] if groups else []


def _metrics(one: Story, *, everything: bool) -> Iterator[str]:
    found = rows.all_rows(one.model, bookkeeping=everything)
    if not found:
        return
    several, beside = len(rows.by_source(found)) > 1, one.model.champion
    yield f"<h3>All metrics: {rows.counts(one.model) or 'none changed'}</h3>"
    titles = (
        ("metric", ""), ("base", "n"), ("head", "n"), ("change", "n"), ("relative", "n"),
        *(((_name(champion.title(beside)), "n"),) if beside else ()),
        *((("file", "file"),) if several else ()),
    )  # fmt: skip
    yield from markup.table("All metrics", _METRICS, titles)
    yield "<tbody>"
    yield from (_metric(row, several=several, beside=bool(beside)) for row in found)
    yield markup.END


def _metric(row: Row, *, several: bool, beside: bool) -> str:
    tone = {"better": "gain", "worse": "loss"}.get(row.verdict, "none")
    cells = [
        markup.span(spans.number(row.baseline)),
        markup.span(spans.number(row.candidate)),
        f'<b class="{tone}">{html.escape(row.change or row.verdict)}</b>',
        html.escape(row.relative) if row.verdict != "same" else "",
        *([markup.span(spans.number(row.champion))] if beside else []),
    ]
    numbers = "".join(f'<td class="n">{cell}</td>' for cell in cells)
    file = f'<td class="file">{markup.span(Code(row.source))}</td>' if several else ""
    arrow = f" {row.arrow}" if row.arrow else ""
    return f'<tr><th scope="row">{_name(row.name)}{arrow}</th>{numbers}{file}</tr>'


def _reproduce(told: Report) -> Iterator[str]:
    yield "<section>"
    yield f"<h3>Reproduce it{', or accept it anyway' if told.blocks else ''}</h3>"
    yield f"<pre><code>{html.escape(chr(10).join(told.reproduce))}</code></pre>"
    yield from [f"<p>{story.ACCEPT}</p>"] if told.blocks else []
    if told.accept:
        yield f"<pre><code>{html.escape(chr(10).join(told.accept))}</code></pre>"
    yield "</section>"
