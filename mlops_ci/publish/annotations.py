"""Outcomes on the lines that they are about: metrics, params and gates, in files of the work tree."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci import yaml
from mlops_ci.errors import UnreadableError
from mlops_ci.github.checks import Annotation
from mlops_ci.limits import MAX_BYTES
from mlops_ci.text import value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Literal

    from mlops_ci.model import Change, ModelComparison, Outcome
    from mlops_ci.publish.shown import Shown

    Level = Literal["failure", "warning", "notice"]

_LEVELS: dict[str, Level] = {
    "fail": "failure", "inconclusive": "failure", "warn": "warning", "waived": "notice",
}  # fmt: skip
# Four requests; a page with more helps nobody.
_MOST = 200
_SUFFIXES = (".json", ".yaml", ".yml")


def find(shown: Shown, root: Path) -> list[Annotation]:
    """The worst first. A file that is not there, or cannot be read, gets none; a line that is not found, the first."""
    lines = _Lines(root)
    found = [one for model in shown.comparison.models for one in _of_model(shown, model, lines)]
    rank: tuple[Level, ...] = ("failure", "warning", "notice")
    found.sort(key=lambda one: rank.index(one.level))
    return list(dict.fromkeys(found))[:_MOST]


def _of_model(shown: Shown, model: ModelComparison, lines: _Lines) -> Iterator[Annotation]:
    verdict = shown.verdicts.get(model.model)
    telling = [one for one in verdict.outcomes if one.result in _LEVELS] if verdict else []
    for outcome in telling:
        yield from _of_metric(model.model, outcome, lines)
        yield from _of_gate(model.model, outcome, lines)
    if any(one.result in ("fail", "inconclusive", "warn") for one in telling):
        for row in model.params:
            yield from _of_param(model.model, row, lines)


def _of_metric(model: str, outcome: Outcome, lines: _Lines) -> Iterator[Annotation]:
    line = lines.of(outcome.source, outcome.metric)
    if line:
        title = f"{model}: {outcome.gate}"
        message = f"{outcome.metric}: {outcome.reason}"
        level = _LEVELS[outcome.result]
        yield Annotation(path=outcome.source, line=line, level=level, message=message, title=title)


def _of_gate(model: str, outcome: Outcome, lines: _Lines) -> Iterator[Annotation]:
    """Where the gate is written, if it is written here."""
    line = lines.of_gate(outcome.gate)
    if line:
        message = f"{outcome.result}: {outcome.metric} {outcome.reason}"
        title = f"{model}: {outcome.gate}"
        yield Annotation(
            path=configuration.FILE, line=line, level="notice", message=message, title=title
        )


def _of_param(model: str, row: Change, lines: _Lines) -> Iterator[Annotation]:
    """What was turned at is worth a look where something got worse; it is no proof."""
    line = lines.of(row.source, row.name) if row.change == "changed" else None
    if line:
        message = f"{row.name}: {value(row.baseline)} → {value(row.candidate)}"
        title = f"changed with {model}"
        yield Annotation(path=row.source, line=line, level="notice", message=message, title=title)


class _Lines:
    """Where keys stand in files below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._marks = lru_cache(64)(self._read)

    def of(self, path: str, name: str) -> int | None:
        """None: no such file. A dotted name may be one key, or several."""
        marks = self._marks(path) if path.endswith(_SUFFIXES) else None
        if marks is None:
            return None
        return marks.get(name, 1)

    def of_gate(self, gate: str) -> int | None:
        marks = self._marks(configuration.FILE) or {}
        return marks.get(f"={gate}")

    def _read(self, path: str) -> dict[str, int] | None:
        """Line by dotted name; of the ids of gates by `=ID`."""
        file = (self.root / path).resolve()
        if not file.is_relative_to(self.root) or not file.is_file():
            return None
        try:
            if file.stat().st_size > MAX_BYTES:
                return {}
            data, marks = yaml.load_marked(file.read_text(encoding="utf-8-sig"), path)
        except (OSError, UnicodeDecodeError, UnreadableError):
            return {}
        found = {".".join(map(str, keys)): line for keys, (line, _) in marks.items()}
        gates = data.get("gates") if isinstance(data, dict) else None
        for at, one in enumerate(gates if isinstance(gates, list) else ()):
            if isinstance(one, dict) and ("gates", at) in marks:
                found[f"={one.get('id')}"] = marks["gates", at][0]
        return found
