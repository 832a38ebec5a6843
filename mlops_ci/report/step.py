"""Verdicts and metrics as the outputs of a step in GitHub Actions: short texts, and JSON for fromJSON()."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from mlops_ci.report.checks import ORDER as OUTCOMES
from mlops_ci.report.machine import strict_json
from mlops_ci.report.story import ORDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_ci.model import Comparison, ModelComparison, Verdict

# All outputs of a job have 1 MB together; a report of ten thousand metrics is a file, not an output.
_MAX_METRICS = 200_000


def outputs(comparison: Comparison, verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """`verdict`: the worst of all models. `counts`, `verdicts`, `metrics`: objects."""
    results = {name: verdict.result for name, verdict in verdicts.items()}
    counted = Counter(str(one.result) for verdict in verdicts.values() for one in verdict.outcomes)
    return {
        "verdict": min(results.values(), key=ORDER.index, default="no gates"),
        "blocked": "true" if any(one.blocks for one in verdicts.values()) else "false",
        "verdicts": json.dumps(results),
        "counts": json.dumps({result: counted[result] for result in OUTCOMES}),
        "metrics": _metrics(comparison),
    }


def _metrics(comparison: Comparison) -> str:
    found = strict_json({model.model: _of(model) for model in comparison.models}).strip()
    return found if len(found) <= _MAX_METRICS else "{}"


def _of(model: ModelComparison) -> dict[str, Any]:
    """By name; of two files with the same name in them, the first."""
    rows = reversed(model.metrics)
    return {row.name: row.candidate for row in rows if row.candidate is not None}
