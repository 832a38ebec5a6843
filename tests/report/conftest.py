"""What every renderer is given: hostile text in every place where text comes from a repository."""

from __future__ import annotations

import pytest

from mlops_ci.champion import Champion, ChampionMetric
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
from mlops_ci.plots import Curve, Matrix, Picture, PlotChange

OLD, NEW = "1a2b3c4" + "0" * 33, "5d6e7f8" + "0" * 33


PNG = Picture(media="image/png", content=b"\x89PNG", width=2, height=1)


def plots_of(one: str) -> tuple[PlotChange, ...]:
    """One of each kind, with `one` wherever a drawing holds text from a file; and a long one, cut into a list."""
    rising = tuple((float(at), at / 7) for at in range(8))
    curve = {"path": one, "kind": "curve", "change": "changed"}
    matrix = {
        size: Matrix(
            labels=(one, *(f"{one}{at}" for at in range(size))),
            counts={(one, one): 5, (one, f"{one}0"): 2, (f"{one}0", one): 1},
        )
        for size in (1, 40)
    }
    other = Matrix(labels=(one,), counts={(one, one): 3})
    old, new = Curve(points=rising, count=8), Curve(points=rising[::2], count=4, skipped=1)
    confused = {"path": one, "kind": "confusion", "change": "changed"}
    return (
        PlotChange(**curve, x=one, y=one, baseline=old, candidate=new),
        PlotChange(**curve, x="epoch", y=f"{one}.loss", baseline=old, candidate=new),
        PlotChange(**curve | {"change": "added"}, x=one, y=one, candidate=new),
        PlotChange(**confused, baseline=other, candidate=matrix[1]),
        PlotChange(**confused, baseline=matrix[40], candidate=other),
        PlotChange(path=one, kind="picture", change="changed", baseline=PNG, candidate=PNG),
        PlotChange(path=one, kind="other", change="removed", reason=one),
    )


def filled(one: str) -> Comparison:
    """A Comparison with `one` in every field that holds text from a repository."""
    number = {"delta": 0.25, "relative": 0.5, "direction": "higher_is_better"}
    metrics = (
        Change(name=one, source=one, baseline=0.5, candidate=0.75, change="better", **number),
        Change(name=one, source=f"{one}2", baseline=0.5, candidate=0.75, change="worse", **number),
        Change(name=one, source=f"{one}3", baseline=one, candidate=f"{one}2", change="changed"),
        Change(name=one, source=f"{one}4", candidate=[one, {one: one}], change="added"),
        Change(name=one, source=f"{one}5", baseline=1, change="unknown", reason=one),
    )
    ref = DataRef(path=one, id=f"md5:{one}", size=1, files=2, rows=3)
    model = ModelComparison(
        model=one,
        metrics=metrics,
        params=metrics[2:4],
        data=(
            DataChange(path=one, change="changed", baseline=ref, candidate=ref),
            DataChange(path=one, change="added", candidate=DataRef(path=one, id=one)),
        ),
        environment=(
            PackageChange(name=one, source=one, change="changed", baseline=one, candidate="2"),
        ),
        code=(CodeChange(path=one, change="changed"),),
        plots=plots_of(one),
        champion=Champion(
            version=one,
            stage=one,
            commit=OLD,
            metrics=(
                ChampionMetric(name=one, source=one, value=0.9, change="worse", candidate=0.75),
                ChampionMetric(
                    name=one, source=f"{one}3", value=one, change="worse", candidate=one
                ),
            ),
        ),
        notes=(
            Note(kind="unreadable", message=one, fix=one, side="baseline", path=one),
            Note(kind="dirty", message=one, path=one),
        ),
    )
    return Comparison(
        baseline=Baseline(
            origin=Origin(rev=one, commit=OLD),
            how=f"merge base with {one}",
            tip=NEW,
            behind=2,
            behind_of=one,
        ),
        candidate=Origin(rev=one, commit=NEW),
        models=(model, model),
    )


def judged(one: str) -> dict[str, Verdict]:
    """A Verdict with `one` wherever an Outcome can hold text from a repository, and every result and rule."""
    base = {"gate": one, "metric": one, "source": one, "reason": one}
    bound = {"value": 0.75, "baseline": 0.5, "bound": 0.4, "headroom": -0.35}
    part = f"slices.{one}.{one}"
    meant = f"there is no such metric, did you mean {one}?"
    outcomes = (
        Outcome(
            **base, result="fail", rule="at most 0.1 worse", kind="regression", limit=0.1, **bound
        ),
        Outcome(
            **base | {"metric": part},
            result="fail",
            rule="at least 0.9",
            kind="least",
            limit=0.9,
            **bound,
        ),
        Outcome(**base | {"reason": meant}, result="fail"),
        Outcome(**base | {"reason": f"cannot be judged: {one}"}, result="inconclusive"),
        Outcome(**base, result="inconclusive", rule=one, value=one, baseline=[one]),
        Outcome(
            **base,
            result="warn",
            rule="at most 20% better, more is suspicious",
            kind="improvement",
            limit="20%",
            **bound,
        ),
        Outcome(**base, result="waived", value=float("nan")),
        Outcome(
            **base,
            result="pass",
            rule="at most 0.1 worse",
            kind="regression",
            limit=0.1,
            **bound | {"headroom": 0.1},
        ),
        Outcome(**base, result="skipped"),
    )
    group = Outcome(gate=one, result="fail", reason=one, rule="one of 9 conditions", parts=outcomes)
    return {
        one: Verdict(
            model=one,
            result="fail",
            outcomes=(*outcomes, group),
            policy_digest=f"sha256:{64 * '0'}",
            policy_rev=one,
        )
    }


@pytest.fixture
def hostile_comparison(hostile: str) -> Comparison:
    return filled(hostile)


@pytest.fixture(params=["with a verdict", "without"])
def hostile_verdicts(request: pytest.FixtureRequest, hostile: str) -> dict[str, Verdict] | None:
    return judged(hostile) if request.param == "with a verdict" else None


@pytest.fixture
def harmless_verdicts(hostile_verdicts: dict[str, Verdict] | None) -> dict[str, Verdict] | None:
    return judged("plain") if hostile_verdicts else None


@pytest.fixture
def harmless_comparison() -> Comparison:
    """Of the same shape."""
    return filled("plain")


@pytest.fixture
def comparison() -> Comparison:
    """A usual one, for what a report looks like."""
    metrics = (
        Change(
            name="auc",
            source="metrics.json",
            baseline=0.9123,
            candidate=0.931,
            delta=0.0187,
            relative=0.0204976,
            direction="higher_is_better",
            change="better",
        ),
        Change(
            name="loss",
            source="metrics.json",
            baseline=0.25,
            candidate=0.5,
            delta=0.25,
            relative=1.0,
            direction="lower_is_better",
            change="worse",
        ),
        Change(name="f1", source="metrics.json", baseline=0.5, candidate=0.5, delta=0.0),
        Change(
            name="step", source="m.json", baseline=1, candidate=2, change="changed", hidden=True
        ),
        Change(name="mae", source="m.json", baseline=3, change="unknown", reason="m.json: broken"),
        Change(name="note", source="m.json", candidate="first | run", change="added"),
    )
    params = (
        Change(
            name="train.lr",
            source="params.yaml",
            baseline=0.001,
            candidate=0.01,
            delta=0.009,
            relative=9.0,
            change="changed",
        ),
        Change(name="train.seed", source="params.yaml", baseline=1, candidate=1, delta=0),
    )
    model = ModelComparison(
        model="churn",
        metrics=metrics,
        params=params,
        data=(
            DataChange(
                path="data/train.csv",
                change="changed",
                baseline=DataRef(path="data/train.csv", id="md5:0123456789", size=1200, rows=10),
                candidate=DataRef(path="data/train.csv", id="md5:9876543210", size=2400, rows=20),
            ),
        ),
        environment=(
            PackageChange(
                name="numpy", source="uv.lock", change="changed", baseline="1.0", candidate="2.0"
            ),
        ),
        code=(CodeChange(path="src/train.py", change="added"),),
        notes=(
            Note(
                kind="unreadable",
                message="m.json: broken",
                fix="dvc pull",
                side="candidate",
                path="m.json",
            ),
        ),
    )
    return Comparison(
        baseline=Baseline(
            origin=Origin(rev="main", commit=OLD),
            how="merge base with main",
            tip=NEW,
            behind=3,
            behind_of="main",
        ),
        candidate=Origin(rev="work tree", commit=None, head=NEW),
        models=(model,),
    )


@pytest.fixture
def failing() -> dict[str, Verdict]:
    """A Verdict on the usual Comparison."""
    base = {"source": "metrics.json", "reason": ""}
    regression = {"rule": "at most 0.1 worse", "kind": "regression", "limit": 0.1}
    outcomes = (
        Outcome(**base, gate="floor", metric="auc", result="pass", rule="at least 0.9", kind="least", limit=0.9,
                value=0.931, baseline=0.9123, bound=0.9, headroom=0.031),
        Outcome(**base, **regression, gate="no-regression", metric="loss", result="fail",
                value=0.5, baseline=0.25, bound=0.35, headroom=-0.15),
        Outcome(**base, **regression, gate="no-regression", metric="auc", result="pass",
                value=0.931, baseline=0.9123, bound=0.8123, headroom=0.1187),
    )  # fmt: skip
    verdict = Verdict(
        model="churn",
        result="fail",
        outcomes=outcomes,
        policy_digest=f"sha256:{64 * '0'}",
        policy_rev=NEW,
    )
    return {"churn": verdict}
