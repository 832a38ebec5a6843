"""Colour at a terminal, or the same words without it."""

from __future__ import annotations


class Paint:
    """Eight colours at most: `code` is that of ANSI, `31`."""

    def __init__(self, colour: bool) -> None:  # noqa: FBT001
        self._colour = colour

    def __call__(self, code: str, words: str) -> str:
        return f"\x1b[{code}m{words}\x1b[0m" if self._colour and code and words else words

    def bold(self, words: str) -> str:
        return self("1", words)

    def dim(self, words: str) -> str:
        return self("2", words)
