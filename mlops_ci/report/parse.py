"""The JSON of machine.py, read back: by whom it was written decides how far it is believed, see `Limits`."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlops_ci.champion import Champion, ChampionMetric
from mlops_ci.errors import UsageError
from mlops_ci.estimate import Estimate
from mlops_ci.formats import FLOAT_BITS
from mlops_ci.frozen import dataclass
from mlops_ci.model import (
    Baseline,
    Change,
    CodeChange,
    Comparison,
    DataChange,
    DataRef,
    ModelComparison,
    Note,
    Origin,
    Outcome,
    PackageChange,
    Verdict,
)
from mlops_ci.plots import Curve, PlotChange
from mlops_ci.text import visible
from mlops_ci.waivers import Waiver

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMA = Path(__file__).parents[1] / "diff.schema.json"
_NON_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_NUMBERS = ("baseline", "candidate", "delta", "relative", "value", "bound", "headroom", "tolerance")
_MAX_DEPTH = 24
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """`verdicts`: of models that have one. `complete`: unchanged metrics are in it too, so it can be judged again."""

    comparison: Comparison
    verdicts: dict[str, Verdict]
    complete: bool


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is read at most. `schema`: also held against diff.schema.json, which costs 0.1 s."""

    size: int = 32 * 1024 * 1024
    models: int = 1_000
    rows: int = 200_000
    schema: bool = False


OURS = Limits()
# Of a job that runs code nobody has looked at: as much as a report shows, and no more work than that.
FOREIGN = Limits(size=4 * 1024 * 1024, models=200, rows=20_000, schema=True)


def parse(raw: bytes, where: str, limits: Limits = OURS) -> Parsed:
    """`where`: the name of the file, for messages. Raises UsageError, one line, when anything is not as expected."""
    data = _load(raw, where, limits)
    if limits.schema:
        _validate(data, where)
    try:
        _count(data, where, limits)
        return _parsed(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _wrong(where, f"is not the JSON of mlops-ci gate ({type(error).__name__})") from None


def _wrong(where: str, what: str) -> UsageError:
    hint = "write it with: mlops-ci gate --json --all > gate.json"
    return UsageError(f"{visible(where)} {what}", hint=hint)


def _load(raw: bytes, where: str, limits: Limits) -> Any:
    if len(raw) > limits.size:
        raise _wrong(where, f"has {len(raw):,} bytes; at most {limits.size:,} are read")
    if _depth(raw) > _MAX_DEPTH:
        raise _wrong(where, f"is nested more than {_MAX_DEPTH} deep")
    try:
        data = json.loads(
            raw, parse_constant=_refuse, parse_int=_integer, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError) as error:
        raise _wrong(where, f"is not JSON: {visible(str(error))}") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != 1:
        raise _wrong(where, f"has schema_version {visible(repr(version))}; this mlops-ci reads 1")
    return data


def _depth(raw: bytes) -> int:
    """Before it is parsed: deep nesting is what exhausts parsers. Brackets in strings do not count."""
    deepest = now = 0
    for found in re.finditer(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', raw, re.DOTALL):
        if found[0] in b"[{":
            now += 1
            deepest = max(deepest, now)
        elif found[0] in b"]}":
            now -= 1
    return deepest


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number in JSON")


def _integer(digits: str) -> int:
    """None that no float holds: gate writes those as infinite."""
    found = int(digits)
    if found.bit_length() > FLOAT_BITS:
        raise ValueError("an integer is beyond every float")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _validate(data: Any, where: str) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    for error in Draft202012Validator(schema).iter_errors(data):
        place = "/".join(map(str, error.absolute_path)) or "the whole"
        rule = f"{place} breaks the rule {error.validator!r}"
        raise _wrong(where, f"does not fit its schema: {visible(rule)}")


def _count(data: Mapping[str, Any], where: str, limits: Limits) -> None:
    models = data["models"]
    if len(models) > limits.models:
        raise _wrong(where, f"has {len(models):,} models; at most {limits.models:,} are read")
    rows = sum(len(part) for one in models for part in one.values() if isinstance(part, list))
    if rows > limits.rows:
        raise _wrong(where, f"has {rows:,} rows; at most {limits.rows:,} are read")
    names = [one["name"] for one in models]
    if len(set(names)) != len(names):
        raise _wrong(where, "has two models of one name")


def _parsed(data: Mapping[str, Any]) -> Parsed:
    base = data["baseline"]
    baseline = Baseline(
        origin=_origin(base),
        how=_text(base["how"]),
        tip=_text(base.get("tip") or base["commit"]),
        behind=int(base["behind"]),
        behind_of=_text(base.get("behind_of", "")),
    )
    models = tuple(map(_model, data["models"]))
    comparison = Comparison(baseline=baseline, candidate=_origin(data["candidate"]), models=models)
    found = {one["name"]: one["verdict"] for one in data["models"] if "verdict" in one}
    verdicts = {name: _verdict(name, one) for name, one in found.items()}
    complete = data.get("complete") is True
    return Parsed(comparison=comparison, verdicts=verdicts, complete=complete)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _origin(data: Mapping[str, Any]) -> Origin:
    commit, head = data["commit"], data.get("head")
    if any(not re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", one) for one in (commit, head) if one):
        raise ValueError(commit)
    return Origin(rev=_text(data["rev"]), commit=commit, head=head)


def _built(kind: type[_T], data: Mapping[str, Any]) -> _T:
    """A noun from fields of the same names; numbers that are not finite are text in JSON."""
    known = {one.name for one in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {key: _number(key, value) for key, value in data.items() if key in known}
    return kind(**values)


def _number(key: str, value: Any) -> Any:
    if key in _NUMBERS and isinstance(value, str):
        return _NON_FINITE.get(value, value)
    return value


def _model(data: Mapping[str, Any]) -> ModelComparison:
    return ModelComparison(
        model=_text(data["name"]),
        metrics=tuple(_built(Change, one) for one in data["metrics"]),
        params=tuple(_built(Change, one) for one in data["params"]),
        data=tuple(map(_data, data["data"])),
        environment=tuple(_built(PackageChange, one) for one in data["environment"]),
        code=tuple(_built(CodeChange, one) for one in data["code"]),
        plots=tuple(map(_plot, data.get("plots", ()))),
        champion=_champion(data["champion"]) if "champion" in data else None,
        notes=tuple(map(_note, data["notes"])),
    )


def _champion(data: Mapping[str, Any]) -> Champion:
    metrics = tuple(_built(ChampionMetric, one) for one in data["metrics"])
    return _built(Champion, {**data, "metrics": metrics})


def _note(data: Mapping[str, Any]) -> Note:
    concerns = tuple(map(_text, data.get("concerns", ())))
    return _built(Note, {**data, "concerns": concerns})


def _data(data: Mapping[str, Any]) -> DataChange:
    path = _text(data["path"])
    sides = {
        side: DataRef(path=path, **data[side]) for side in ("baseline", "candidate") if side in data
    }
    return DataChange(path=path, change=data["change"], **sides)


def _plot(data: Mapping[str, Any]) -> PlotChange:
    """Curves of which all points were written are drawn again; of others there is only the fact that they differ."""
    sides = [data.get(side) or {} for side in ("baseline", "candidate")]
    old, new = (_curve(side) for side in sides)
    drawn = data["kind"] == "curve" and all("points" in side for side in sides if side)
    return PlotChange(
        path=_text(data["path"]),
        kind="curve" if drawn else "other",
        change=data["change"],
        x=_text(data.get("x", "")),
        y=_text(data.get("y", "")),
        reason=_text(data.get("reason", "")),
        baseline=old if drawn else None,
        candidate=new if drawn else None,
        digests=(str(sides[0].get("digest", "")), str(sides[1].get("digest", ""))),
    )


def _curve(side: Mapping[str, Any]) -> Curve | None:
    if "points" not in side:
        return None
    points = tuple((float(x), float(y)) for x, y in side["points"])
    return Curve(points=points, count=len(points))


def _verdict(model: str, data: Mapping[str, Any]) -> Verdict:
    policy = data["policy"]
    return Verdict(
        model=model,
        result=data["result"],
        outcomes=tuple(map(_outcome, data["outcomes"])),
        policy_digest=_text(policy["digest"]),
        policy_rev=_text(policy["revision"]),
        profile=_text(policy.get("profile", "")),
    )


def _outcome(data: Mapping[str, Any]) -> Outcome:
    waiver = data.get("waiver")
    parts = tuple(map(_outcome, data.get("parts", ())))
    estimate = data.get("estimate")
    nested = ("parts", "waiver", "estimate")
    found = _built(Outcome, {key: value for key, value in data.items() if key not in nested})
    return dataclasses.replace(
        found,
        parts=parts,
        waiver=Waiver(**waiver) if waiver else None,
        estimate=_estimate(estimate) if estimate else None,
    )


def _estimate(data: Mapping[str, Any]) -> Estimate:
    ends = {name: float(data[name]) for name in ("change", "low", "high")}
    return _built(Estimate, {**data, **ends})
