"""Which changes of a policy loosen it."""

from __future__ import annotations

import pytest

from mlops_ci import config
from mlops_ci.gates.loosened import loosened
from mlops_ci.gates.loosened_config import in_config
from mlops_ci.gates.policy import Policy, policy_of

BASE = """
gates:
- {id: floor, metric: auc, threshold: {min: 0.9, max: 1}}
- {id: worse, metric: auc, change: {max_regression: 0.01}}
- {id: both, all: [{metric: a, threshold: {max: 4}}, {metric: b, threshold: {max: 5}}]}
- {id: one, any: [{metric: a, threshold: {max: 4}}]}
metrics: {auc: {direction: higher_is_better, range: [0, 1]}}
"""


def policy(text: str) -> Policy:
    return policy_of(config.load(lambda _: text.encode()), "m", rev="r")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("min: 0.9", "min: 0.8", "floor: min 0.9 → 0.8"),
        ("min: 0.9, ", "", "floor: min 0.9 → none"),
        ("max: 1}", "max: 2}", "floor: max 1 → 2"),
        ("max_regression: 0.01", "max_regression: 0.02", "worse: max_regression 0.01 → 0.02"),
        ("max_regression: 0.01", "max_regression: 1%", "worse: max_regression 0.01 → 1%"),
        ("id: floor, metric: auc", "id: floor, metric: acc", "floor: metric auc → acc"),
        ("{id: floor", "{level: warn, id: floor", "floor: level error → warn"),
        (
            "{id: floor",
            "{on_missing_metric: skip, id: floor",
            "floor: on_missing_metric fail → skip",
        ),
        ("{id: floor", "{id: roof", "floor: removed"),
        ("{metric: b, threshold: {max: 5}}", "", "both: b removed"),
        (
            "{metric: b, threshold: {max: 5}}",
            "{metric: b, threshold: {max: 6}}",
            "both: b: max 5 → 6",
        ),
        (
            "any: [{metric: a, threshold: {max: 4}}]",
            "any: [{metric: a, threshold: {max: 4}}, {metric: z, threshold: {max: 9}}]",
            "one: one more way to pass: z",
        ),
        (
            "any: [{metric: a, threshold: {max: 4}}]",
            "any: [{metric: a, threshold: {max: 4}}, {metric: a, threshold: {min: 4}}]",
            "one: one more way to pass: a",
        ),
        (
            "any: [{metric: a, threshold: {max: 4}}]",
            "any: [{metric: a, threshold: {max: 5}}]",
            "one: a: max 4 → 5",
        ),
        (
            "max_regression: 0.01}",
            "max_regression: 0.01}, noise: {from: history}",
            "worse: noise changed",
        ),
        ("higher_is_better", "lower_is_better", "direction higher_is_better → lower_is_better"),
        ("range: [0, 1]", "range: [0, 9]", "metrics.auc.range changed"),
        (
            "range: [0, 1]}",
            "range: [0, 1], aliases: [best]}",
            "metrics.auc.aliases and best",
        ),
        ("gates:", "defaults: {alpha: 0.1}\ngates:", "alpha 0.05 → 0.1"),
        ("gates:", "baseline: {on_missing: skip}\ngates:", "on_missing bootstrap → skip"),
        (
            "gates:",
            "waivers: [{gate: floor, reason: r, approved_by: a, expires: 2026-12-31}]\ngates:",
            "floor: waived until 2026-12-31",
        ),
    ],
)
def test_a_looser_policy_is_said(old: str, new: str, what: str) -> None:
    assert old in BASE
    (one,) = loosened(policy(BASE), policy(BASE.replace(old, new, 1)))
    assert what in f"{one.gate}: {one.what}"


def test_a_direction_that_a_name_has_by_itself_is_not_turned_unsaid() -> None:
    text = "gates: [{id: g, metric: accuracy, change: {max_regression: 0}}]"
    turned = policy(text + "\nmetrics: {accuracy: {direction: lower_is_better}}")
    (found,) = loosened(policy(text), turned)
    assert found.what == "metrics.accuracy.direction higher_is_better → lower_is_better"
    same = policy(text + "\nmetrics: {accuracy: {direction: higher_is_better}}")
    assert loosened(policy(text), same) == loosened(same, policy(text)) == []
    of_another = policy(text + "\nmetrics: {latency: {aliases: [wait]}}")
    assert loosened(policy(text), of_another) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("min: 0.9", "min: 0.95"),
        ("max_regression: 0.01", "max_regression: 0"),
        (
            "{metric: b, threshold: {max: 5}}",
            "{metric: b, threshold: {max: 5}}, {metric: c, threshold: {max: 1}}",
        ),
        ("gates:", "gates:\n- {id: new, metric: x, threshold: {min: 0}}"),
        ("gates:", "baseline: {on_missing: fail}\ngates:"),
        ("max_regression: 0.01}", "max_regression: 0.01}, noise: {from: seeds}"),
    ],
)
def test_a_stricter_one_is_not(old: str, new: str) -> None:
    assert loosened(policy(BASE), policy(BASE.replace(old, new, 1) if old else BASE)) == []


WHOLE = """
models: {m: {metrics_files: [a.json]}}
gates: [{id: floor, metric: auc, threshold: {min: 0.9}}]
profiles:
  merge: {levels: {floor: warn}}
  production: {on_inconclusive: fail}
"""


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("[a.json]", "[b.json]", "models.m.metrics_files without a.json"),
        ("{metrics_files: [a.json]}", "{path: x, metrics_files: [../a.json]}", "models.m.path"),
        ("[a.json]", "[a.json], mlflow: {experiment: best}", "models.m.mlflow changed"),
        ("models:", "mlflow: {experiment: best}\nmodels:", "mlflow changed"),
        ("models:", "train: {seed_metrics: s.json}\nmodels:", "train.seed_metrics changed"),
        ("models:", "baseline: {ref: old}\nmodels:", "baseline.ref changed"),
        ("models:", "forks: trust\nmodels:", "forks declared → trust"),
        ("{on_inconclusive: fail}", "{levels: {floor: off}, on_inconclusive: fail}",
         "level error → off in profile production"),
        ("  production: {on_inconclusive: fail}\n", "",
         "on_inconclusive fail → warn in profile production"),
        ("profiles:\n", "profiles:\n  canary: {on_inconclusive: fail, levels: {floor: off}}\n",
         "level error → off in profile canary"),
    ],
)  # fmt: skip
def test_what_another_occasion_and_other_numbers_loosen_is_said(
    old: str, new: str, what: str
) -> None:
    assert old in WHOLE
    before, after = (
        config.load(lambda _, one=one: one.encode()) for one in (WHOLE, WHOLE.replace(old, new, 1))
    )
    assert before
    assert after
    (one,) = in_config(before, after, "m")
    assert what in one.what
    assert in_config(before, before, "m") == []
