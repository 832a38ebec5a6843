"""What a word that is not known was probably meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_LENGTH = 120  # what is compared takes time with the square of it


def closest(word: str, words: Iterable[str]) -> str:
    """The most similar one; empty where none is similar."""
    import difflib

    found = difflib.get_close_matches(word[:_MAX_LENGTH], list(words), n=1, cutoff=0.5)
    return found[0] if found else ""


def proposal(word: str, words: Iterable[str]) -> str:
    """What may be typed instead."""
    known = list(words)
    close = closest(word, known)
    return f"did you mean {close}?" if close else f"one of: {', '.join(known)}"
