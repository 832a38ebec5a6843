"""Lines in which our words and those of a repository stay apart, so that each renderer escapes what it must."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from mlops_ci import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.model import Value

Tone = Literal["", "loss", "gain"]


@dataclass(frozen=True, slots=True)
class Code:
    """Text from a repository, or what to type: shown to the letter, whatever it holds."""

    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """The name that a row is about: as Code, but bold where it is harmless."""

    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    """Our own words or numbers, emphasised."""

    text: str
    tone: Tone = ""


# Bare text is ours: letters, numbers and typographic signs, nothing that a medium could act on.
Span: TypeAlias = str | Code | Name | Strong
Line: TypeAlias = tuple[Span, ...]

_HARMLESS = re.compile(
    r"\(?[A-Za-z]+(?:['’-][A-Za-z]+)*\)?[,.:;!?]?|[−+±]?[0-9][0-9.,]*%?[,.:;]?|[→…]|∞"
)
_HASH = re.compile(r"[0-9a-f]{7}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9.,+×∞⁻⁰¹²³⁴⁵⁶⁷⁸⁹−–\u00a0]+|true|false|not a number")


def plain(line: Line) -> str:
    """Without any markup, for a terminal or a title."""
    return "".join(span if isinstance(span, str) else text.visible(span.text) for span in line)


def joined(lines: Iterable[Line], separator: str = ", ") -> Line:
    found: list[Span] = []
    for line in lines:
        found += [separator, *line] if found else line
    return tuple(found)


def value(one: Value | None, decimals: int | None = None) -> Span:
    """Numbers are ours; text from a file is not."""
    return number(text.value(one, decimals))


def number(shown: str) -> Span:
    return shown if _NUMBER.fullmatch(shown) else Code(shown)


def sides(before: Value | None, after: Value | None) -> Line:
    """`0.83 → 0.81`, with as many decimals as the change needs; one side alone where there is no other."""
    if before is None:
        return (value(after),) if after is not None else ()
    decimals = None
    if isinstance(before, (int, float)) and isinstance(after, (int, float)):
        decimals = text.decimals_for(before, after)
    return arrow(value(before, decimals), value(after, decimals))


def arrow(before: Span, after: Span) -> Line:
    return before, f"{text.NO_BREAK}→{text.NO_BREAK}", after


def delta(before: Value | None, after: Value | None, tone: Tone = "") -> Line:
    """The change between two numbers; nothing where there is none, as from or to NaN."""
    if not (_is_number(before) and _is_number(after)):
        return ()
    difference = after - before  # type: ignore[operator]
    if difference != difference:  # noqa: PLR0124
        return ()
    shown = text.change(difference, text.decimals_for(before, after))  # type: ignore[arg-type]
    return (Strong(shown, tone),)


def _is_number(one: Value | None) -> bool:
    return isinstance(one, (int, float)) and not isinstance(one, bool)


def prose(message: str, limit: int = 400) -> Line:
    """A sentence that may quote a repository: words that cannot mean more stand bare, all else to the letter."""
    shown = text.visible(message, limit)
    words = shown.split(" ")
    if not all(words) or not shown:
        return (Code(shown),)
    found: list[Span] = []
    for word in words:
        _add(found, word)
    return tuple(found)


def _add(found: list[Span], word: str) -> None:
    """One more word: to a span of its kind, or to a new one."""
    last = found[-1] if found else None
    if _HARMLESS.fullmatch(word) and not _HASH.search(word):
        if isinstance(last, str):
            found[-1] = f"{last} {word}"
        else:
            found.append(f" {word}" if last else word)
    elif isinstance(last, Code):
        found[-1] = Code(f"{last.text} {word}")
    else:
        found[-1:] = [f"{last} "] if isinstance(last, str) else []
        found.append(Code(word))
