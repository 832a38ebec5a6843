"""Spans as GitHub markdown: what comes from a repository cannot become markup, a link, a mention or an emoji."""

from __future__ import annotations

import html
import re
from functools import cache
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report.spans import Code, Name, Strong

if TYPE_CHECKING:
    from mlops_ci.report.spans import Line, Span

# A name that markdown cannot read as anything else: no link, mention, issue, hash or markup.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)*")
_HASH = re.compile(r"[0-9a-f]{7,40}|gh-\d+", re.IGNORECASE)
_FENCE = re.compile(r"`+")
_NAME_LIMIT = 40


def line(spans: Line, *, cell: bool = False) -> str:
    """`cell`: it stands in a table, where `|` would end the cell."""
    return "".join([one if isinstance(one, str) else _span(one, cell=cell) for one in spans])


def summary(spans: Line) -> str:
    """For `<summary>`, where HTML is read and markdown is not."""
    return "".join(_tag(span) for span in spans)


def _span(span: Code | Name | Strong, *, cell: bool) -> str:
    if isinstance(span, Strong):
        return f"**{span.text}**"
    if isinstance(span, Name):
        return name(shortened(span.text) if cell else span.text, cell=cell)
    return code(span.text, cell=cell)


def _tag(span: Span) -> str:
    if isinstance(span, str):
        return span
    tag = "b" if isinstance(span, Strong) else "code"
    return f"<{tag}>{html.escape(text.visible(span.text))}</{tag}>"


@cache  # the same names stand in several tables, and in each page that is tried for length
def name(one: str, *, cell: bool = False) -> str:
    """A name from the repository: bare and bold when it is harmless, else in a code span."""
    if _PLAIN.fullmatch(one) and not _HASH.fullmatch(one):
        return f"**{one}**"
    return code(one, cell=cell)


def shortened(one: str) -> str:
    """In tables a long name loses its middle, so that a phone shows the numbers too."""
    shown = text.visible(one, 10_000)
    if len(shown) <= _NAME_LIMIT:
        return shown
    half = _NAME_LIMIT // 2
    return f"{shown[:half]}…{shown[-half + 1 :]}"


@cache
def code(one: str, *, cell: bool = False) -> str:
    """A code span that nothing inside can end."""
    shown = text.visible(one, 400)
    if cell:
        shown = shown.replace("|", "\\|")
    fence = "`" * (max((len(run) for run in _FENCE.findall(shown)), default=0) + 1)
    padded = len(fence) > 1 or not shown
    padded = padded or (shown[0] == shown[-1] == " " and not shown.isspace())
    return f"{fence} {shown} {fence}" if padded else f"{fence}{shown}{fence}"


def as_name(spans: Line) -> Line:
    """With names instead of code: bold where they are harmless."""
    return tuple(Name(span.text) if isinstance(span, Code) else span for span in spans)
