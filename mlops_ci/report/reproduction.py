"""A reproduction for a terminal, and as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report import machine
from mlops_ci.report.paint import Paint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.reproduction import Level, ReproducedMetric, Reproduction

_LEVELS: dict[Level, str] = {
    "bytes": "byte for byte",
    "predictions": "equal predictions",
    "metrics": "equal metrics",
    "different": "different",
    "unknown": "cannot tell",
}
_COLOURS: dict[Level, str] = {
    "bytes": "32",
    "predictions": "32",
    "metrics": "33",
    "different": "31",
    "unknown": "33",
}
_LEVEL_MARKS: dict[Level, str] = {"different": "✗", "unknown": "?"}
_MARKS = {"equal": "✓", "within": "✓", "different": "✗", "unknown": "?"}
_CODES = {"equal": "32", "within": "32", "different": "31", "unknown": "33"}


def as_json(found: Reproduction, exit_code: int) -> str:
    """The contract: the fields of `mlops_ci.reproduction`, and `snippet`, the proposal as text."""
    data = dataclasses.asdict(found)
    return machine.strict_json({
        "schema_version": 1, "exit_code": exit_code, **data, "snippet": snippet(found),
    })  # fmt: skip


def render(found: Reproduction, *, colour: bool = False) -> str:
    return "\n".join(_lines(found, Paint(colour))) + "\n"


def _lines(found: Reproduction, paint: Paint) -> Iterator[str]:
    yield f"{paint.bold(text.visible(found.rev))} {found.commit[:7]}  {_headline(found, paint)}"
    for output in found.outputs:
        mark = paint(_COLOURS[output.level], _LEVEL_MARKS.get(output.level, "✓"))
        reason = f"  ({text.visible(output.reason, 200)})" if output.reason else ""
        name = text.visible(output.path, 200)
        yield f"  {mark} {output.kind:<11} {name}  {_LEVELS[output.level]}{reason}"
    for metric in found.metrics:
        yield from _metric(metric, paint)
    if found.causes:
        yield paint.bold("  why, perhaps")
    for cause in found.causes:
        stage = f"{text.visible(cause.stage)}: " if cause.stage else ""
        known = "shown here" if cause.measured else "differs"
        yield f"    {cause.kind} ({known})  {stage}{text.visible(cause.message, 300)}"
    if found.tolerances:
        yield paint.bold(
            f"  tolerances, from {text.plural(found.runs, 'run')} here and the recorded one"
        )
        yield from (f"    {line}" for line in snippet(found).splitlines())
    for remark in found.remarks:
        yield paint.dim(f"  ! {text.visible(remark, 300)}")
    if found.record:
        yield paint.dim(f"  Record {text.visible(found.record, 200)}")
    yield paint.dim(f"  {found.seconds:,.0f} s, {text.size(found.disk)} on the disk")


def _headline(found: Reproduction, paint: Paint) -> str:
    if found.different:
        return paint("31", "not reproduced")
    if found.undecided:
        return paint("33", "cannot tell")
    least = max((list(_LEVELS).index(one.level) for one in found.outputs), default=0)
    words = list(_LEVELS.values())[least]
    return paint("32", f"reproduced, {words}")


def _metric(metric: ReproducedMetric, paint: Paint) -> Iterator[str]:
    if metric.result == "equal":
        return
    mark = paint(_CODES[metric.result], _MARKS[metric.result])
    was = text.value(metric.recorded)
    now = ", ".join(map(text.value, metric.found)) or "none"
    words = {"within": "within", "different": "beyond"}.get(metric.result, "not compared with")
    limit = f"{words} {text.number(metric.limit)}" if metric.limit else ""
    name = text.visible(f"{metric.source}:{metric.name}", 200)
    yield f"  {mark} {'metric':<11} {name}  recorded {was}, found {now}  {limit}".rstrip()


def snippet(found: Reproduction) -> str:
    """For mlops-ci.yaml: JSON strings are YAML."""
    if not found.tolerances:
        return ""
    lines = (
        f"  {json.dumps(name)}: {{tolerance: {value!r}}}"
        for name, value in found.tolerances.items()
    )
    return "metrics:\n" + "\n".join(lines) + "\n"
