"""Lines and tables as HTML, everything escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report.spans import Strong

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_ci.report.spans import Line, Span

END = "</tbody></table></div>"
_SCROLL = '<div class="scroll" tabindex="0" role="group" aria-label="{label}"><table{kind}>'


def line(spans: Line) -> str:
    return "".join(map(span, spans))


def span(one: Span) -> str:
    """Everything is escaped, our own words too."""
    if isinstance(one, str):
        return html.escape(one)
    if isinstance(one, Strong):
        tone = f' class="{one.tone}"' if one.tone else ""
        return f"<b{tone}>{html.escape(one.text)}</b>"
    return f"<code>{html.escape(text.visible(one.text, 400))}</code>"


def table(
    label: str, caption: str, titles: Iterable[tuple[str, str]], kind: str = ""
) -> Iterator[str]:
    """`titles`: the words, as HTML, and the class of each column; one of class `icon` is read out only."""
    yield _SCROLL.format(label=label, kind=f' class="{kind}"' if kind else "")
    yield f"<caption>{caption}</caption>"
    yield "<thead><tr>"
    for words, column in titles:
        shown = words if column != "icon" else f'<span class="hidden">{words}</span>'
        yield f'<th scope="col" class="{column or "t"}">{shown}</th>'
    yield "</tr></thead>"
