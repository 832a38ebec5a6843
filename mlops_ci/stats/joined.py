"""Predictions as arrays: one side alone, and both joined by the ids of their examples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import UnreadableError
from mlops_ci.predictions import named
from mlops_ci.stats.metrics import METRICS
from mlops_ci.stats.paired import value_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlops_ci.predictions import Predictions, PredictionsConfig
    from mlops_ci.stats.metrics import Needs

_MOST_CLASSES = 200


class Side:
    """One side. Raises UnreadableError where a column is not what a metric needs."""

    def __init__(self, predictions: Predictions, config: PredictionsConfig) -> None:
        self.predictions = predictions
        self._config = config
        self.place = {name: place for place, name in enumerate(predictions.ids)}

    def offers(self, metric: str) -> bool:
        """Whether the columns that the config names are enough for a metric."""
        needs, config = METRICS[metric].needs, self._config
        if config.task != "classification":
            return needs == {"regression": "number", "ranking": "ranking"}[config.task]
        if needs == "score":
            return config.score is not None
        if needs == "binary":
            return self._is_binary
        return needs == "classes"

    def value(self, metric: str) -> float:
        needs = METRICS[metric].needs
        return value_of(metric, *self.arrays(needs, self.classes))

    def arrays(self, needs: Needs, classes: list[str]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Label and output: of numbers, of bools (is positive), of places in `classes`, or of relevance by query."""
        if needs == "number":
            return self._numbers(self._config.label), self._numbers(self._config.prediction)
        if needs == "ranking":
            return self._relevance, self._numbers(self._config.score)
        if needs == "score":
            return self._positive, self._numbers(self._config.score)
        if needs == "binary":
            return self._positive, self._said_positive
        code = {name: place for place, name in enumerate(classes)}
        return self._coded(self._labels, code), self._coded(self._said, code)

    @staticmethod
    def _coded(names: list[str], code: dict[str, int]) -> NDArray[Any]:
        import numpy as np

        return np.array([code[name] for name in names], int)

    @cached_property
    def _labels(self) -> list[str]:
        return [named(value) for value in self.column(self._config.label)]

    @cached_property
    def _positive(self) -> NDArray[Any]:
        import numpy as np

        found = np.array([label == self._config.positive for label in self._labels])
        if not found.any():
            raise UnreadableError(
                f"{self.predictions.path}: no example has the label {self._config.positive!r}",
                hint="name the positive class in predictions.positive",
            )
        return found

    @cached_property
    def _relevance(self) -> NDArray[Any]:
        import numpy as np

        found = self._numbers(self._config.label)
        if (found < 0).any():
            what = f"{self._config.label} is negative: relevance begins at 0"
            raise UnreadableError(f"{self.predictions.path}: {what}")
        names = [named(value) for value in self.column(self._config.query or "")]
        return np.stack([found, np.unique(names, return_inverse=True)[1]], axis=1)

    @cached_property
    def _is_binary(self) -> bool:
        return len(set(self._labels)) <= 2 and self._config.positive in self._labels

    @cached_property
    def _said_positive(self) -> NDArray[Any]:
        import numpy as np

        if self._config.prediction is None:
            scores = self._numbers(self._config.score)
            return np.asarray(scores >= self._config.threshold)
        return np.array([name == self._config.positive for name in self._said])

    @cached_property
    def _said(self) -> list[str]:
        if self._config.prediction is not None:
            return [named(value) for value in self.column(self._config.prediction)]
        others = sorted({*self._labels} - {self._config.positive})
        names = others[0] if others else "", self._config.positive
        return [names[said] for said in self._said_positive.tolist()]

    @cached_property
    def classes(self) -> list[str]:
        """All that is a label or was said."""
        if self._config.task != "classification":
            return []
        found = sorted({*self._labels, *self._said})
        if len(found) > _MOST_CLASSES:
            raise UnreadableError(
                f"{self.predictions.path}: more than {_MOST_CLASSES} classes",
                hint="set predictions.task to regression, or name the right columns",
            )
        return found

    def column(self, name: str) -> list[Any]:
        return self.predictions.columns[name]

    def _numbers(self, name: str | None) -> NDArray[Any]:
        import numpy as np

        assert name
        values = self.column(name)
        try:
            found = np.array(values, float)
        except (TypeError, ValueError, OverflowError):
            found = np.empty(0)
        if found.shape != (len(values),):  # lists of one length are a table to numpy
            found = np.array([_number(value) for value in values])
        wrong = np.flatnonzero(~np.isfinite(found))
        if len(wrong):
            at = int(wrong[0])
            where = f"example {self.predictions.ids[at]!r}"
            raise UnreadableError(
                f"{self.predictions.path}: {name} of {where} is not a number: {values[at]!r}"
            )
        return found


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


@dataclass(frozen=True)
class Joined:
    """The examples that both sides have, in the order of their ids, so that the order of rows changes nothing.

    `lost`, `added`: ids of one side only; they are left out. `relabelled`: ids whose label, unit or slice differs.
    """

    old: Side
    new: Side
    ids: tuple[str, ...]
    lost: tuple[str, ...]
    added: tuple[str, ...]
    relabelled: tuple[str, ...]
    config: PredictionsConfig

    @cached_property
    def _places(self) -> tuple[NDArray[Any], NDArray[Any]]:
        import numpy as np

        old, new = ([side.place[name] for name in self.ids] for side in (self.old, self.new))
        return np.array(old, int), np.array(new, int)

    def arrays(self, needs: Needs) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Label, and what each side said, of the examples that both have."""
        classes = sorted({*self.old.classes, *self.new.classes})
        label, old = self.old.arrays(needs, classes)
        _, new = self.new.arrays(needs, classes)
        at, there = self._places
        return label[at], old[at], new[there]

    @cached_property
    def units(self) -> NDArray[Any] | None:
        column = self.config.independent
        return None if column is None else self.codes(column)[1]

    def lost_slices(self, columns: tuple[str, ...]) -> list[str]:
        """Those of which no example is left: `region=EU`."""
        found = []
        for column in columns:
            values = self.old.predictions.columns.get(column, [])
            before = {named(value) for value in values}
            left = before - (set(self.names(column)) if values else set())
            found += [f"{column}={name}" for name in sorted(left)]
        return found

    def names(self, column: str) -> list[str]:
        """Of the baseline, whose say it is which example is in which slice."""
        values = self.old.column(column)
        return [named(values[place]) for place in self._places[0]]

    def parts(self, column: str) -> list[tuple[str, NDArray[Any]]]:
        """Each value of a column, and the places of its examples."""
        names, codes = self.codes(column)
        return list(zip(names, places_of(codes, len(names)), strict=True))

    def codes(self, column: str) -> tuple[list[str], NDArray[Any]]:
        import numpy as np

        found, codes = np.unique(self.names(column), return_inverse=True)
        return [str(name) for name in found], codes


def places_of(codes: NDArray[Any], count: int) -> list[NDArray[Any]]:
    """Of each number below `count`: where it stands. Sorted once, as a look for each would take that many passes."""
    import numpy as np

    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes, minlength=count))[:-1])


def join(
    old: Predictions, new: Predictions, config: PredictionsConfig, slices: tuple[str, ...] = ()
) -> Joined:
    """Raises UnreadableError where no example is on both sides."""
    sides = Side(old, config), Side(new, config)
    ids = tuple(sorted(sides[0].place.keys() & sides[1].place.keys()))
    if not ids:
        raise UnreadableError(
            f"{new.path}: none of its examples is in the baseline's predictions",
            hint="give an example the same id in every run",
        )
    return Joined(
        old=sides[0],
        new=sides[1],
        ids=ids,
        lost=tuple(sorted(sides[0].place.keys() - sides[1].place.keys())),
        added=tuple(sorted(sides[1].place.keys() - sides[0].place.keys())),
        relabelled=tuple(_relabelled(sides, ids, config, slices)),
        config=config,
    )


def _relabelled(
    sides: tuple[Side, Side],
    ids: tuple[str, ...],
    config: PredictionsConfig,
    slices: tuple[str, ...],
) -> list[str]:
    columns = [config.label, *filter(None, [config.unit, config.query]), *slices]
    found = set()
    for name in columns:
        if any(name not in side.predictions.columns for side in sides):
            continue
        old, new = (side.column(name) for side in sides)
        places = ((one, sides[0].place[one], sides[1].place[one]) for one in ids)
        found |= {
            one for one, a, b in places if old[a] != new[b] and named(old[a]) != named(new[b])
        }
    return sorted(found)
