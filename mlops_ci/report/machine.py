"""A Comparison as JSON. The contract is diff.schema.json; it grows, it does not change."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from mlops_ci.report import rows

if TYPE_CHECKING:
    from mlops_ci.model import (
        Change,
        Comparison,
        DataChange,
        ModelComparison,
        Note,
        Origin,
        PackageChange,
    )

SCHEMA_VERSION = 1


def render(comparison: Comparison, *, everything: bool = False) -> str:
    """One line; `everything`: unchanged rows and bookkeeping as well."""
    return json.dumps(as_data(comparison, everything=everything), allow_nan=False) + "\n"


def as_data(comparison: Comparison, *, everything: bool = False) -> dict[str, Any]:
    baseline = comparison.baseline
    found = {"how": baseline.how, "behind": baseline.behind}
    return {
        "schema_version": SCHEMA_VERSION,
        "baseline": {**_origin(baseline.origin), **found},
        "candidate": _origin(comparison.candidate),
        "models": [_model(model, everything=everything) for model in comparison.models],
    }


def _origin(origin: Origin) -> dict[str, Any]:
    return {"rev": json_text(origin.rev), "commit": origin.commit}


def _model(model: ModelComparison, *, everything: bool) -> dict[str, Any]:
    def chosen(changes: tuple[Any, ...]) -> list[Any]:
        return [one for one in changes if everything or one.change != "same"]

    return {
        "name": json_text(model.model),
        "metrics": [_change(one) for one in model.metrics if everything or rows.is_shown(one)],
        "params": [_change(one) for one in model.params if everything or one.change != "same"],
        "data": [_data(one) for one in chosen(model.data)],
        "environment": [_package(one) for one in chosen(model.environment)],
        "code": [{"path": json_text(one.path), "change": one.change} for one in chosen(model.code)],
        "notes": [_note(note) for note in model.notes],
    }


def _change(one: Change) -> dict[str, Any]:
    fields = {
        "name": json_text(one.name),
        "source": json_text(one.source),
        "baseline": _value(one.baseline),
        "candidate": _value(one.candidate),
        "delta": _value(one.delta),
        "relative": _value(one.relative),
        "direction": one.direction,
        "change": one.change,
        "reason": json_text(one.reason) or None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _data(one: DataChange) -> dict[str, Any]:
    fields: dict[str, Any] = {"path": json_text(one.path), "change": one.change}
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
        "source": json_text(one.source),
        "baseline": one.baseline,
        "candidate": one.candidate,
        "change": one.change,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _note(note: Note) -> dict[str, Any]:
    fields = {
        "kind": note.kind,
        "message": json_text(note.message),
        "fix": json_text(note.fix),
        "side": note.side,
        "path": json_text(note.path),
    }
    return {key: value for key, value in fields.items() if value}


def json_text(text: str) -> str:
    """Bytes of a name that are not UTF-8 are shown escaped: strict JSON readers refuse lone surrogates."""
    return os_bytes(text).decode("utf-8", "backslashreplace") if not text.isascii() else text


def os_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape" if _is_escaped(text) else "backslashreplace")


def _is_escaped(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, list):
        return [_value(one) for one in value]
    if isinstance(value, dict):
        return {json_text(str(key)): _value(one) for key, one in value.items()}
    return json_text(value) if isinstance(value, str) else value
