"""Numbers and names as people read them. Names and values come from the repository: they are hostile text."""

from __future__ import annotations

import math
import os
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_ci.model import Value

MINUS, NO_BREAK = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"
_MAX_LENGTH = 120
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Control, format (bidirectional, zero-width), surrogate, private and unassigned characters.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Fillers, joiners and variation selectors, which are letters or marks by category.
_NO_GLYPH = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def visible(text: str, limit: int = _MAX_LENGTH) -> str:
    """The text with nothing that can hide, reorder or break it: such characters are shown as `⟨U+202E⟩`.

    Nor can it be a command to a workflow runner, which reads `::` at the start of a line and `##[` anywhere:
    https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
    """
    shown = text if text.isascii() and text.isprintable() else "".join(map(_visible, text))
    if shown.lstrip().startswith("::"):
        shown = shown.replace(":", _code_point(":"), 1)
    shown = shown.replace("##[", f"#{_code_point('#')}[")
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in _INVISIBLE or _NO_GLYPH.match(character)
    return _code_point(character) if hidden else character


def _code_point(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"


def value(one: Value | None, decimals: int | None = None) -> str:
    """A value as shown in a table; `decimals` as `decimals_for` gives them."""
    if one is None:
        return "–"
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, (int, float)):
        return number(one, decimals)
    if isinstance(one, str):
        return visible(one, 40)
    import json

    return visible(json.dumps(one, ensure_ascii=False, default=str), 40)


@lru_cache(maxsize=None, typed=True)  # 1 is not 1.0 here
def number(one: float, decimals: int | None = None) -> str:
    """`0.9123`, `1,204`, `1.2 × 10⁻⁵`, `not a number`, `+∞`; never `-0`."""
    if isinstance(one, float) and not math.isfinite(one):
        return "not a number" if math.isnan(one) else ("+∞" if one > 0 else f"{MINUS}∞")
    size = abs(one)
    limit = 10**15 if isinstance(one, int) else 1e6
    if size and (size >= limit or size < 1e-4):
        return _scientific(one, decimals)
    if isinstance(one, int):
        return _signed(f"{one:,}")
    return _signed(f"{float(f'{one:.6g}'):,}" if decimals is None else f"{one:,.{decimals}f}")


def _signed(text: str) -> str:
    if not any(digit in text for digit in "123456789"):
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def _scientific(one: float, decimals: int | None) -> str:
    """Three digits, or as many as `decimals` behind the point would show."""
    try:
        magnitude = math.floor(math.log10(abs(one)))
        digits = 3 if decimals is None else min(17, max(3, magnitude + decimals + 1))
        mantissa, _, exponent = f"{one:.{digits - 1}e}".partition("e")
    except OverflowError:
        return f"{MINUS if one < 0 else ''}beyond 10³⁰⁸"
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    power = str(int(exponent)).translate(_SUPERSCRIPT)
    return f"{_signed(mantissa)}{NO_BREAK}×{NO_BREAK}10{power}"


def decimals_for(before: float, after: float) -> int:
    """Decimals that show three significant digits of the change, but no digit that neither side has."""
    written = max(_written_decimals(before), _written_decimals(after))
    delta = abs(after - before)
    if not delta or not math.isfinite(delta):
        return min(written, 6)
    return min(written, max(0, 2 - math.floor(math.log10(delta))))


def _written_decimals(one: float) -> int:
    """Twelve digits: what is behind them is what arithmetic leaves over, as in 0.30000000000000004."""
    if isinstance(one, bool):
        return 0
    text = repr(float(f"{one:.12g}") if isinstance(one, float) else one)
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return max(0, len(mantissa.partition(".")[2]) - int(exponent))
    return len(text.partition(".")[2]) if "." in text and not text.endswith(".0") else 0


def change(delta: float, decimals: int) -> str:
    """`+0.0188`, `−0.004`, `±0.000` for what rounds to zero, `none` for an exact zero."""
    if not delta:
        return "none"
    if isinstance(delta, float) and not math.isfinite(delta):
        return number(delta)
    if not round(abs(delta), decimals):
        return f"±{0:.{decimals}f}"
    text = number(abs(delta), None if isinstance(delta, int) or abs(delta) < 1e-4 else decimals)
    return f"{'+' if delta > 0 else MINUS}{text}"


def percent(relative: float | None) -> str:
    """`+2.1 %`; empty when it has no meaning."""
    if relative is None or not math.isfinite(relative):
        return ""
    size = abs(relative) * 100
    if size >= 1000:
        return f"×{NO_BREAK}{number(abs(relative + 1), 0)}" if relative > 0 else ""
    text = f"{size:.1f}" if size < 10 else f"{size:.0f}"
    sign = "±" if text == "0.0" else ("+" if relative > 0 else MINUS)
    return f"{sign}{text}{NO_BREAK}%"


def size(count: int) -> str:
    """Bytes as `1.2 MB`, with powers of 1000 and three digits."""
    amount = float(count)
    for unit in ("byte" if count == 1 else "bytes", "kB", "MB", "GB", "TB"):
        digits = f"{amount:.3g}"
        if float(digits) < 1000 or unit == "TB":
            return f"{float(digits):,.10g}{NO_BREAK}{unit}"
        amount /= 1000
    raise AssertionError


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shell_word(name: str) -> str:
    """A file name as one word of a POSIX shell line; also one with line breaks, and one that begins with a dash."""
    return shell_argument(f"./{name}" if name.startswith("-") else name)


def shell_argument(name: str) -> str:
    """As `shell_word`, for what is an option or no file: a dash at its beginning stays there."""
    import shlex

    if visible(name, len(name)) == name:
        return shlex.quote(name)
    coded = "".join(map(_ansi_c, name))
    return f"$'{coded}'"


def pathspec(name: str) -> str:
    """As `shell_word`, for arguments that Git takes for patterns: `*.csv` and `:!a.csv` are names too.

    https://git-scm.com/docs/gitglossary#Documentation/gitglossary.txt-pathspec
    """
    is_pattern = name.startswith(":") or any(sign in name for sign in "*?[\\")
    return shell_word(f":(literal){name}" if is_pattern else name)


def ignore_pattern(path: str) -> str:
    """A path as a line of .gitignore, which cannot hold a line break."""
    escaped = re.sub(r"([\\\\*?\[])", r"\\\1", path)
    escaped = re.sub(r"[\r\n]", "?", escaped)
    return re.sub(r" $", r"\\ ", escaped)


def _ansi_c(character: str) -> str:
    """https://www.gnu.org/software/bash/manual/html_node/ANSI_002dC-Quoting.html"""
    if character in "'\\":
        return f"\\{character}"
    if visible(character) == character:
        return character
    try:
        encoded = os.fsencode(character)
    except UnicodeEncodeError:  # a surrogate that no file name gives
        encoded = character.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in encoded)
