"""A Comparison as JSON. The contract is diff.schema.json; it grows, it does not change."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

from mlops_ci.predictions.flips import flips
from mlops_ci.report import rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_ci.champion import Champion
    from mlops_ci.estimate import Estimate
    from mlops_ci.model import (
        Change,
        Comparison,
        DataChange,
        ModelComparison,
        Note,
        Origin,
        Outcome,
        PackageChange,
        Verdict,
    )
    from mlops_ci.plots import Drawing, PlotChange

SCHEMA_VERSION = 1
# Points or cells that are written out.
_SMALL = 100


def render(
    comparison: Comparison,
    verdicts: Mapping[str, Verdict] | None = None,
    *,
    everything: bool = False,
) -> str:
    """One line; `everything`: unchanged rows and bookkeeping as well."""
    data = as_data(comparison, everything=everything)
    for model, found in zip(comparison.models, data["models"], strict=True):
        if verdicts:
            found["verdict"] = _verdict(verdicts[model.model])
    return strict_json(data)


def strict_json(data: dict[str, Any]) -> str:
    """One line that every parser takes. Most data needs no second look, which costs more than all the rest."""
    try:
        text = json.dumps(data, allow_nan=False)
    except ValueError:  # a number that is not finite
        text = ""
    surrogate = "\\ud"
    if not text or surrogate in text:
        text = json.dumps(_value(data), allow_nan=False)
    # The older form of a workflow command counts anywhere in a line; an escaped # is the same JSON.
    return text.replace("##[", "\\u0023#[") + "\n"


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "result": verdict.result,
        "blocks": verdict.blocks,
        "outcomes": [_outcome(outcome) for outcome in verdict.outcomes],
        "policy": {
            "digest": verdict.policy_digest,
            "revision": verdict.policy_rev,
            **({"profile": verdict.profile} if verdict.profile else {}),
        },
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    fields = {
        "gate": outcome.gate,
        "result": outcome.result,
        "metric": outcome.metric or None,
        "source": outcome.source or None,
        "rule": outcome.rule or None,
        "kind": outcome.kind or None,
        "limit": outcome.limit if outcome.limit != "" else None,
        "value": outcome.value,
        "baseline": outcome.baseline,
        "bound": outcome.bound,
        "headroom": outcome.headroom,
        "reason": outcome.reason,
        "parts": [_outcome(part) for part in outcome.parts] or None,
        "waiver": dataclasses.asdict(outcome.waiver) if outcome.waiver else None,
        "estimate": _estimate(outcome.estimate) if outcome.estimate else None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    found = dataclasses.asdict(estimate)
    return {key: value for key, value in found.items() if value is not None}


def as_data(comparison: Comparison, *, everything: bool = False) -> dict[str, Any]:
    baseline = comparison.baseline
    found: dict[str, Any] = {"how": baseline.how, "behind": baseline.behind, "tip": baseline.tip}
    found |= {"behind_of": baseline.behind_of} if baseline.behind_of else {}
    return {
        "schema_version": SCHEMA_VERSION,
        **({"complete": True} if everything else {}),
        "baseline": {**_origin(baseline.origin), **found},
        "candidate": _origin(comparison.candidate),
        "models": [_model(model, everything=everything) for model in comparison.models],
    }


def _origin(origin: Origin) -> dict[str, Any]:
    head = {"head": origin.head} if origin.head else {}
    return {"rev": origin.rev, "commit": origin.commit, **head}


def _model(model: ModelComparison, *, everything: bool) -> dict[str, Any]:
    def chosen(changes: tuple[Any, ...]) -> list[Any]:
        return [one for one in changes if everything or one.change != "same"]

    return {
        "name": model.model,
        "metrics": [_change(one) for one in model.metrics if everything or rows.is_shown(one)],
        "params": [_change(one) for one in model.params if everything or one.change != "same"],
        "data": [_data(one) for one in chosen(model.data)],
        "environment": [_package(one) for one in chosen(model.environment)],
        "code": [{"path": one.path, "change": one.change} for one in chosen(model.code)],
        **({"plots": [_plot(one) for one in model.plots]} if model.plots else {}),
        **({"flips": dataclasses.asdict(found)} if (found := flips(model.predictions)) else {}),
        **({"champion": _champion(model.champion)} if model.champion else {}),
        "notes": [_note(note) for note in model.notes],
    }


def _champion(one: Champion) -> dict[str, Any]:
    found = dataclasses.asdict(one)
    metrics = [
        {key: value for key, value in metric.items() if value is not None}
        for metric in found["metrics"]
    ]
    problem = found.pop("problem")
    return {**found, "metrics": metrics, **({"problem": problem} if problem else {})}


def _change(one: Change) -> dict[str, Any]:
    fields = {
        "name": one.name,
        "source": one.source,
        "baseline": one.baseline,
        "candidate": one.candidate,
        "delta": one.delta,
        "relative": one.relative,
        "direction": one.direction,
        "change": one.change,
        "tolerance": one.tolerance or None,
        "hidden": one.hidden or None,
        "scale_jump": one.scale_jump or None,
        "reason": one.reason or None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _data(one: DataChange) -> dict[str, Any]:
    fields: dict[str, Any] = {"path": one.path, "change": one.change}
    for side, ref in (("baseline", one.baseline), ("candidate", one.candidate)):
        if ref:
            known = {
                "id": ref.id,
                "size": ref.size,
                "files": ref.files,
                "rows": ref.rows,
                "role": ref.role,
            }
            fields[side] = {key: value for key, value in known.items() if value is not None}
    return fields


def _package(one: PackageChange) -> dict[str, Any]:
    fields = {
        "name": one.name,
        "source": one.source,
        "baseline": one.baseline,
        "candidate": one.candidate,
        "change": one.change,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _plot(one: PlotChange) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "path": one.path,
        "kind": one.kind,
        "change": one.change,
        "x": one.x,
        "y": one.y,
        "reason": one.reason,
    }
    sides = (("baseline", one.baseline, 0), ("candidate", one.candidate, 1))
    for side, drawing, at in sides:
        fields[side] = {"digest": one.digests[at], **_drawing(drawing)} if one.digests[at] else {}
    return {key: value for key, value in fields.items() if value}


def _drawing(drawing: Drawing | None) -> dict[str, Any]:
    """A small one whole; of a large one how much there is."""
    from mlops_ci.plots import Curve, Matrix

    if isinstance(drawing, Curve):
        small = drawing.count <= _SMALL
        points = {"points": [list(point) for point in drawing.points]} if small else {}
        return {"rows": drawing.count, **points}
    if isinstance(drawing, Matrix):
        small = len(drawing.counts) <= _SMALL
        cells = [[*key, count] for key, count in sorted(drawing.counts.items())]
        return {"rows": drawing.total, **({"counts": cells} if small else {})}
    return {}


def _note(note: Note) -> dict[str, Any]:
    fields = {
        "kind": note.kind,
        "message": note.message,
        "fix": note.fix,
        "side": note.side,
        "path": note.path,
        "untrusted": note.untrusted,
        "concerns": list(note.concerns),
    }
    return {key: value for key, value in fields.items() if value}


def _value(value: Any) -> Any:
    """What strict JSON has no word for, as text: non-finite numbers, and the bytes of names that are not UTF-8."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, (list, tuple)):
        return [_value(one) for one in value]
    if isinstance(value, dict):
        return {_value(str(key)): _value(one) for key, one in value.items()}
    return _strict(value) if isinstance(value, str) and not value.isascii() else value


def _strict(text: str) -> str:
    """Lone surrogates, by which Python keeps such bytes, escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
