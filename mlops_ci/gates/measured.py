"""What predictions say of the metrics that gates judge: which metric a row is, and how sure its change."""

from __future__ import annotations

import math
from dataclasses import field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci import text
from mlops_ci.errors import UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.gates.rules import ABS_NOISE
from mlops_ci.model import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlops_ci.gate_config import OnMissingBaseline, SlicesConfig
    from mlops_ci.model import Result
    from mlops_ci.predictions import PredictionPair, PredictionsConfig
    from mlops_ci.stats.distribution import Distribution
    from mlops_ci.stats.joined import Joined, Side

NEEDS_STATS = "intervals need numpy and scipy: pip install 'mlops-ci[stats]'"
_FIRST = "measured for the first time: the baseline has no predictions"
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class SliceRow:
    """A slice as a row to judge; `row` is None where it is not judged, and then `result` and `reason` say why."""

    name: str
    row: Change | None
    reason: str = ""
    result: Result = "skipped"


@dataclass
class Evidence:
    """The predictions of one model, read into arrays at the first question. `slices`: the columns gates ask for."""

    pair: PredictionPair | None
    slices: tuple[str, ...] = ()
    _places: dict[str, tuple[str, NDArray[Any]]] = field(default_factory=dict)
    _known: dict[tuple[str, str], Distribution] = field(default_factory=dict)

    @property
    def config(self) -> PredictionsConfig | None:
        return self.pair.config if self.pair else None

    def metric_of(self, name: str) -> str:
        """The metric that a name in a metrics file means; "" where predictions say nothing of it."""
        if self.config is None:
            return ""
        if name in self._places:
            return self._places[name][0]
        from mlops_ci.stats.metrics import METRICS, known_as

        said = self.config.metrics.get(name)
        found = known_as(name) if said is None else said
        return found if found in METRICS else ""

    @cached_property
    def problem(self) -> str:
        """Why predictions that should be there say nothing; "" also where the baseline has none yet."""
        if self.pair is None or (self.pair.baseline is None and not self.pair.reason):
            return ""
        if self.pair.reason or self.pair.candidate is None:
            return self.pair.reason or f"{self.pair.path} has vanished: only the baseline has it"
        try:
            return self._incomparable()
        except ImportError:
            return NEEDS_STATS
        except UnreadableError as error:
            return f"{error}{f': {error.hint}' if error.hint else ''}"

    def _incomparable(self) -> str:
        joined = self.joined
        if joined.lost:
            count = text.plural(len(joined.lost), "example")
            whole = "".join(f", all of {name}" for name in joined.lost_slices(self.slices)[:_SHOWN])
            what = f"{count} of the baseline missing from the predictions{whole}"
            return f"not comparable: {what}: {_some(joined.lost)}"
        if joined.relabelled:
            count = text.plural(len(joined.relabelled), "example")
            return f"not comparable: label, unit or slice of {count} changed: {_some(joined.relabelled)}"
        for metric in self._offered(joined.old):
            joined.new.value(metric)  # reads the columns, and says which value is no number
        return ""

    @staticmethod
    def _offered(side: Side) -> list[str]:
        return [one for one in ("log_loss", "accuracy", "mae", "ndcg") if side.offers(one)]

    @cached_property
    def joined(self) -> Joined:
        from mlops_ci.stats.joined import join

        assert self.pair
        assert self.pair.baseline
        assert self.pair.candidate
        return join(self.pair.baseline, self.pair.candidate, self.pair.config, self.slices)

    @property
    def is_paired(self) -> bool:
        return bool(self.pair and self.pair.baseline and self.pair.candidate and not self.problem)

    def disagrees(self, row: Change) -> str | None:
        """None: the row is what the predictions give. "": another metric. Else why it cannot be judged."""
        assert self.config
        metric = self.metric_of(row.name)
        if not metric or not self.joined.old.offers(metric):
            return ""
        if row.name in self._places:
            return None
        old, new = (side.value(metric) for side in (self.joined.old, self.joined.new))
        same = (
            _is_rounded(row.baseline, old) or self._is_of_rounded(row.baseline, metric, "old"),
            _is_rounded(row.candidate, new) or self._is_of_rounded(row.candidate, metric, "new"),
        )
        if all(same):
            return None
        if not same[0] and row.name not in self.config.metrics:
            return ""
        side, stated, given = (
            ("the candidate", row.candidate, new)
            if not same[1]
            else ("the baseline", row.baseline, old)
        )
        path = self.joined.new.predictions.path
        return f"{row.name} of {side} is {stated} in {row.source}, and {given:.6g} by {path}"

    def _is_of_rounded(self, stated: object, metric: str, side: Literal["old", "new"]) -> bool:
        """Whether a number is what the metric was before the predictions were rounded into their file."""
        from mlops_ci.stats.rounding import span

        assert self.config
        low, high = span(getattr(self.joined, side), metric, self.config)
        return isinstance(stated, (int, float)) and low - ABS_NOISE <= stated <= high + ABS_NOISE

    def passed_over(self, row: Change) -> str:
        """Why predictions do not judge a row that by its name they could; "" where nobody would expect it."""
        metric = self.metric_of(row.name)
        if not metric or not self.is_paired or not self.joined.old.offers(metric):
            return ""
        given, path = self.joined.old.value(metric), self.joined.old.predictions.path
        return f"{path} gives {given:.9g} of the baseline, {row.source} states {row.baseline}"

    def rows(self, name: str) -> list[Change]:
        """A row of a metric that is in no metrics file."""
        metric = self.metric_of(name)
        if not metric or not self.is_paired or not self.joined.old.offers(metric):
            return []
        import numpy as np

        everything = np.arange(len(self.joined.ids))
        return [self._row(name, metric, everything)]

    def sliced(
        self, name: str, slices: SlicesConfig, on_missing: OnMissingBaseline
    ) -> Iterator[SliceRow]:
        """The metric in each slice, by name. Which example is in which slice is the baseline's say."""
        if reason := self._why_not(name):
            yield SliceRow(name=name, row=None, reason=reason, result="inconclusive")
            return
        if not self.is_paired:
            how: Result = "warn" if on_missing == "warn" else "fail"
            how = "skipped" if on_missing in ("bootstrap", "skip") else how
            yield SliceRow(name=name, row=None, reason=_FIRST, result=how)
            return
        metric = self.metric_of(name)
        for column in slices.by:
            if column not in self.joined.old.predictions.columns:
                reason = f"the predictions have no column {column!r}"
                yield SliceRow(name=name, row=None, reason=reason, result="inconclusive")
                continue
            for part, places in self.joined.parts(column):
                if part in slices.exclude or f"{column}={part}" in slices.exclude:
                    continue
                yield self._slice(f"slices.{column}={part}.{_leaf(name)}", metric, places, slices)

    def _why_not(self, name: str) -> str:
        if self.pair is None:
            return "slices need predictions: set models.NAME.predictions"
        if self.problem or not self.is_paired:
            return self.problem
        metric = self.metric_of(name)
        known = metric and self.joined.old.offers(metric)
        return "" if known else f"{name} cannot be computed from {self.pair.path}"

    def _slice(
        self, name: str, metric: str, places: NDArray[Any], slices: SlicesConfig
    ) -> SliceRow:
        count = len(places)
        if count < slices.min_samples:
            reason = f"{text.plural(count, 'example')}, its gate asks for {slices.min_samples:,}"
            return SliceRow(name=name, row=None, reason=reason)
        row = self._row(name, metric, places)
        if isinstance(row.baseline, float) and math.isnan(row.baseline):
            reason = (
                f"{metric} has no value in its {text.plural(count, 'example')}: of one class only"
            )
            return SliceRow(name=name, row=None, reason=reason)
        return SliceRow(name=name, row=row)

    def _row(self, name: str, metric: str, places: NDArray[Any]) -> Change:
        from mlops_ci.stats.paired import value_of

        self._places[name] = metric, places
        label, old, new = (one[places] for one in self._arrays(metric))
        before, after = value_of(metric, label, old), value_of(metric, label, new)
        source = self.joined.new.predictions.path
        return Change(
            name=name,
            source=source,
            baseline=before,
            candidate=after,
            delta=after - before,
            change="same" if before == after else "changed",
        )

    def _arrays(self, metric: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        from mlops_ci.stats.metrics import METRICS

        return self.joined.arrays(METRICS[metric].needs)

    def change(self, row: Change) -> tuple[Distribution, int, int]:
        """The distribution of a row's change, the examples it is from, and the independent units among them."""
        from mlops_ci.stats import paired

        metric = self.metric_of(row.name)
        label, old, new = self._arrays(metric)
        units = self.joined.units
        if row.name in self._places:
            places = self._places[row.name][1]
            label, old, new = label[places], old[places], new[places]
            units = None if units is None else units[places]
        key = (row.name, metric)
        if key not in self._known:
            self._known[key] = paired.change(metric, label, old, new, units)
        return self._known[key], len(label), len(label) if units is None else len(set(units))


def _leaf(name: str) -> str:
    """Without dots: what stands before the last one is the slice, for waivers and in reports."""
    from mlops_ci.stats.metrics import known_as

    last = name.rpartition(".")[2]
    return last if known_as(last) else name.replace(".", "/")


def _some(ids: tuple[str, ...]) -> str:
    named = ", ".join(repr(one) for one in ids[:_SHOWN])
    return f"{named} and {len(ids) - _SHOWN:,} more" if ids[_SHOWN:] else named


def _is_rounded(stated: object, given: float) -> bool:
    """Whether a number in a metrics file is this one, to the digits that the file has."""
    if isinstance(stated, bool) or not isinstance(stated, (int, float)):
        return False
    exponent = Decimal(repr(float(stated))).as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) else 0
    return math.isclose(stated, given, rel_tol=1e-6, abs_tol=0.51 * 10.0**-digits)
