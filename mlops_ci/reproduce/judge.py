"""Recorded and found, side by side: equal bytes, else equal predictions, else equal metrics, else different. Pure."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from mlops_ci import formats
from mlops_ci.config import settings_for
from mlops_ci.errors import UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.reproduction import Level, MetricResult, ReproducedMetric, ReproducedOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mlops_ci.config import MetricConfig
    from mlops_ci.reproduce.observed import Observed

# What different kernels of a BLAS may change in a number: https://numpy.org/doc/stable/reference/routines.testing.html
RELATIVE = 1e-6
_TABLES = (".csv", ".tsv")
_VALUES = (".json", ".yaml", ".yml", ".toml", ".jsonl")


@dataclass(frozen=True, kw_only=True)
class OutputFacts:
    """An output in its pipeline. `consumers`: what is made from it, by way of all later stages."""

    path: str
    stage: str
    kind: str
    consumers: frozenset[str] = frozenset()


def metrics(
    recorded: Observed,
    runs: Sequence[Observed],
    settings: Callable[[str], Mapping[str, MetricConfig]],
) -> list[ReproducedMetric]:
    """Every number of every metrics file that either side has. `settings`: those that count for a file."""
    paths = {path: None for one in (recorded, *runs) for path in one.values}
    return [one for path in paths for one in _metrics(path, recorded, runs, settings(path))]


def _metrics(
    path: str, recorded: Observed, runs: Sequence[Observed], settings: Mapping[str, MetricConfig]
) -> Iterable[ReproducedMetric]:
    before = recorded.values.get(path, {})
    names = {name: None for one in (recorded, *runs) for name in one.values.get(path, {})}
    for name in names:
        was = before.get(name)
        found = tuple(v for one in runs if (v := one.values.get(path, {}).get(name)) is not None)
        limit = max(settings_for(name, settings).tolerance, RELATIVE * _size(was))
        result = _result(was, found, limit, len(runs), unread=path in recorded.unread)
        yield ReproducedMetric(
            name=name, source=path, result=result, recorded=was, found=found, limit=limit
        )


def _size(value: float | None) -> float:
    return abs(value) if value is not None and math.isfinite(value) else 0.0


def _result(
    was: float | None, found: tuple[float, ...], limit: float, runs: int, *, unread: bool
) -> MetricResult:
    if was is None and unread:
        return "unknown"
    if was is None or len(found) < runs:
        return "different"
    if all(_same(was, one, 0.0) for one in found):
        return "equal"
    return "within" if all(_same(was, one, limit) for one in found) else "different"


def _same(one: float, other: float, limit: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or abs(one - other) <= limit


def outputs(
    facts: Sequence[OutputFacts],
    recorded: Observed,
    found: Observed,
    judged: Sequence[ReproducedMetric],
    content: Callable[[str], tuple[bytes | None, bytes | None]],
) -> list[ReproducedOutput]:
    """`content` gives both versions of a file where they can be had; it is asked for predictions alone."""
    judge = _Judge(recorded, found, judged, content)
    levels = {one.path: judge.alone(one) for one in facts}
    kinds = {one.path: one.kind for one in facts}
    return [judge.output(one, levels, kinds) for one in facts]


class _Judge:
    def __init__(
        self,
        recorded: Observed,
        found: Observed,
        metrics: Sequence[ReproducedMetric],
        content: Callable[[str], tuple[bytes | None, bytes | None]],
    ) -> None:
        self.recorded, self.found, self.content = recorded, found, content
        self.metrics: dict[str, list[ReproducedMetric]] = {}
        for one in metrics:
            self.metrics.setdefault(one.source, []).append(one)

    def alone(self, one: OutputFacts) -> Level:
        """By what it holds itself."""
        before, now = (side.hashes.get(one.path, "") for side in (self.recorded, self.found))
        if before and before == now:
            return "bytes"
        if one.kind == "metrics" and now and self._numbers_agree(one.path):
            return "metrics"
        if one.kind == "predictions" and now and close(one.path, *self.content(one.path)):
            return "predictions"
        return "different"

    def _numbers_agree(self, path: str) -> bool:
        own = self.metrics.get(path, [])
        return bool(own) and all(one.result in ("equal", "within") for one in own)

    def output(
        self, one: OutputFacts, levels: Mapping[str, Level], kinds: Mapping[str, str]
    ) -> ReproducedOutput:
        """By what it holds, else by what is made from it."""
        level, reason = levels[one.path], ""
        if level == "different" and one.kind != "metrics":
            level, reason = self._by_use(one, levels, kinds)
        now = self.found.hashes.get(one.path, "")
        if not now:
            level, reason = "different", "was not written"
        recorded = self.recorded.hashes.get(one.path, "")
        if now and not recorded and level == "different":
            level, reason = "unknown", "nothing was recorded of it"
        return ReproducedOutput(
            path=one.path, stage=one.stage, kind=one.kind, level=level, recorded=recorded,
            found=now, reason=reason,
        )  # fmt: skip

    def _by_use(
        self, one: OutputFacts, levels: Mapping[str, Level], kinds: Mapping[str, str]
    ) -> tuple[Level, str]:
        if one.kind == "predictions":
            return "different", ""
        used = {path: levels[path] for path in sorted(one.consumers) if path in levels}
        predicted = [path for path in used if kinds[path] == "predictions"]
        if predicted and all(used[path] != "different" for path in predicted):
            return "predictions", f"other bytes, and the same {', '.join(predicted)}"
        measured = [path for path in used if kinds[path] == "metrics"]
        if measured and all(used[path] != "different" for path in measured):
            return "metrics", f"other bytes, and the same {', '.join(measured)}"
        return "different", ""


def close(path: str, before: bytes | None, now: bytes | None) -> bool:
    """Whether two files hold the same values, numbers within `RELATIVE`. False for what cannot be told."""
    if before is None or now is None:
        return False
    try:
        one, other = (_cells(path, content) for content in (before, now))
    except (UnreadableError, UnicodeDecodeError, csv.Error):
        return False
    return one is not None and other is not None and _all_close(one, other)


def _cells(path: str, content: bytes) -> list[Any] | None:
    text = content.decode("utf-8-sig")
    if path.endswith(_TABLES):
        rows = csv.reader(io.StringIO(text), delimiter="\t" if path.endswith(".tsv") else ",")
        return [["row", *map(_number, row)] for row in rows]
    if path.endswith(".jsonl"):
        return [formats.parse("line.json", line.encode()) for line in text.splitlines() if line]
    return [formats.parse(path, content)] if path.endswith(_VALUES) else None


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _all_close(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_all_close, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_all_close(one[k], other[k]) for k in one)
    if _is_number(one) and _is_number(other):
        return _same(float(one), float(other), RELATIVE * max(_size(one), _size(other)))
    return type(one) is type(other) and bool(one == other)


def _is_number(one: Any) -> bool:
    return isinstance(one, (int, float)) and not isinstance(one, bool)


def tolerances(judged: Sequence[ReproducedMetric]) -> dict[str, float]:
    """Twice what was seen to differ, rounded up to one digit, for each metric that needs it."""
    found: dict[str, float] = {}
    for one in judged:
        if one.recorded is not None and one.found and math.isfinite(one.spread):
            needed = _round_up(2 * one.spread)
            if one.result != "equal" and one.spread > RELATIVE * _size(one.recorded):
                found[one.name] = max(found.get(one.name, 0.0), needed)
    return found


def _round_up(value: float) -> float:
    """`0.0132` is `0.02`."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.ceil(value / unit - 1e-9) * unit:.1g}")
