"""JSON back to what it was written from; and what is refused, in one line."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from mlops_ci.errors import UsageError
from mlops_ci.estimate import Estimate
from mlops_ci.report import machine, markdown
from mlops_ci.report.parse import FOREIGN, OURS, parse


def written(comparison: Any, verdicts: Any, **fields: Any) -> bytes:
    data = json.loads(machine.render(comparison, verdicts, everything=True))
    return json.dumps(data | fields).encode()


@pytest.mark.parametrize("limits", [OURS, FOREIGN])
def test_nothing_is_lost(comparison: Any, failing: Any, limits: Any) -> None:
    found = parse(written(comparison, failing), "gate.json", limits)
    assert found.comparison == comparison
    assert found.verdicts == failing
    assert found.complete


@pytest.mark.parametrize("limits", [OURS, FOREIGN])
@pytest.mark.parametrize("high", [-0.1, float("inf")])
def test_how_sure_a_change_is_comes_back(
    comparison: Any, failing: Any, limits: Any, high: float
) -> None:
    estimate = Estimate(
        change=-0.2, low=-0.3, high=high, confidence=0.9, method="paired", count=9, units=8, needed=70, p=0.01
    )  # fmt: skip
    verdict = failing["churn"]
    outcomes = (replace(verdict.outcomes[0], estimate=estimate), *verdict.outcomes[1:])
    verdicts = {"churn": replace(verdict, outcomes=outcomes)}
    found = parse(written(comparison, verdicts), "gate.json", limits)
    assert found.verdicts == verdicts
    assert markdown.render(found.comparison, found.verdicts) == markdown.render(
        comparison, verdicts
    )


def test_numbers_that_are_not_finite(comparison: Any, failing: Any) -> None:
    (model,) = comparison.models
    odd = [replace(model.metrics[0], candidate=value) for value in (float("inf"), -float("inf"))]
    comparison = replace(comparison, models=(replace(model, metrics=tuple(odd)),))
    assert parse(written(comparison, failing), "gate.json", FOREIGN).comparison == comparison


def test_hostile_text_looks_the_same(hostile_comparison: Any, hostile_verdicts: Any) -> None:
    """Bytes that are no UTF-8 are escaped in JSON; drawings of which JSON has a digest only are left out."""
    model = replace(hostile_comparison.models[0], plots=())
    one = replace(hostile_comparison, models=(model,))
    found = parse(written(one, hostile_verdicts), "gate.json", FOREIGN)
    again = parse(written(found.comparison, found.verdicts or None), "gate.json", FOREIGN)
    assert again == found
    before = markdown.render(one, hostile_verdicts)
    if "U+DC80" not in before and "U+D800" not in before:
        assert markdown.render(found.comparison, found.verdicts or None) == before


def test_curves_are_drawn_again(harmless_comparison: Any) -> None:
    plots = parse(written(harmless_comparison, None, models=[
        json.loads(machine.render(harmless_comparison, everything=True))["models"][0]
    ]), "gate.json", FOREIGN).comparison.models[0].plots  # fmt: skip
    kinds = [one.kind for one in plots]
    assert kinds.count("curve") == 3
    assert set(kinds) == {"curve", "other"}


def test_without_all_it_says_so(comparison: Any, failing: Any) -> None:
    raw = machine.render(comparison, failing).encode()
    assert not parse(raw, "gate.json").complete


@pytest.mark.parametrize("limits", [OURS, FOREIGN])
@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"3", b"null", b"{", b"\xff", b'{"schema_version": 2}', b'{"schema_version": 1}',
        b'{"schema_version": 1, "schema_version": 1}', b'{"schema_version": NaN}', b"[" * 100_000,
        b'{"a":' * 100_000, b'"' + b'\\"' * 500_000, b'{"schema_version": 1, "models": {}, "baseline": 1}',
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused_in_one_line(raw: bytes, limits: Any) -> None:
    started = time.process_time()
    with pytest.raises(UsageError) as caught:
        parse(raw, "x\n.json", limits)
    assert len(str(caught.value).splitlines()) == 1
    assert time.process_time() - started < 5  # quadratic time would be minutes


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("models", 0, "name"), 3),
        (("models", 0, "name"), None),
        (("models", 0, "metrics", 0, "name"), ["x"]),
        (("models", 0, "metrics", 0, "baseline"), {"a": 1}),
        (("models", 0, "metrics", 0, "direction"), "up"),
        (("models", 0, "metrics", 0, "extra"), 1),
        (("models", 0, "metrics"), {"a": 1}),
        (("models", 0, "notes", 0, "message"), 5),
        (("models", 0, "verdict", "result"), "fine"),
        (("baseline", "commit"), "HEAD"),
        (("baseline", "behind"), "3"),
        (("candidate", "commit"), "../../x"),
        (("models",), "x"),
        (("more",), 1),
    ],
)  # fmt: skip
def test_what_breaks_the_schema_is_refused(
    comparison: Any, failing: Any, path: tuple[Any, ...], value: Any
) -> None:
    data = json.loads(written(comparison, failing))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(UsageError, match=r"gate\.json"):
        parse(json.dumps(data).encode(), "gate.json", FOREIGN)


def test_too_much_is_refused(comparison: Any, failing: Any) -> None:
    data = json.loads(written(comparison, failing))
    (model,) = data["models"]
    many = [model | {"name": str(at)} for at in range(201)]
    long = [model | {"metrics": model["metrics"][:1] * 20_001}]
    for models, said in ((many, "201 models"), (long, "rows"), ([model, model], "one name")):
        with pytest.raises(UsageError, match=said):
            parse(json.dumps(data | {"models": models}).encode(), "gate.json", FOREIGN)
    with pytest.raises(UsageError, match="bytes"):
        parse(b" " * (FOREIGN.size + 1), "gate.json", FOREIGN)
