"""Real, noise or cannot tell: the words of every result, and the strip cell by cell."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from mlops_ci.estimate import Estimate
from mlops_ci.model import Baseline, Change, Comparison, ModelComparison, Origin, Outcome, Verdict
from mlops_ci.report import certainty, checks, html, markdown, spans, terminal


def outcome(
    change: float,
    low: float,
    high: float,
    result: Any = "pass",
    *,
    limit: float = 0.02,
    around: float | None = None,
    **more: Any,
) -> Outcome:
    """Of AUC, 0.9 before; ends as they are in the metric's unit. `around`: what the interval is of, else `change`."""
    given = {"method": "DeLong", "count": 1200, "units": 1200, "confidence": 0.9, **more}
    return Outcome(
        gate="no-worse",
        result=result,
        reason="r",
        metric="auc",
        rule=f"at most {limit:g} worse",
        kind="regression",
        limit=limit,
        value=0.9 + change,
        baseline=0.9,
        bound=0.9 - limit,
        headroom=limit + change,
        estimate=Estimate(change=change if around is None else around, low=low, high=high, **given),
    )


def loss(one: Outcome) -> Outcome:
    """The same where lower is better."""
    assert isinstance(one.value, float)
    assert one.estimate
    assert one.bound is not None
    flipped = replace(
        one.estimate, change=-one.estimate.change, low=-one.estimate.high, high=-one.estimate.low
    )
    return replace(one, value=1.8 - one.value, bound=1.8 - one.bound, estimate=flipped)


WORDS = [
    (outcome(0.03, 0.01, 0.05), "real gain: at least 0.01"),
    (outcome(-0.005, -0.012, 0.002), "noise: at most 0.012 lost, 0.02 allowed"),
    (
        outcome(-0.01, -0.015, -0.005),
        "real loss within the limit: at most 0.015 lost, 0.02 allowed",
    ),
    (outcome(0.0, 0.0, 0.0), "no change: the same of every example that counts"),
    (outcome(-0.06, -0.07, -0.05, "fail"), "real loss, 3 × the limit 0.02"),
    (outcome(-0.06, -0.07, -0.05, "warn"), "real loss, 3 × the limit 0.02, warning only"),
    (
        outcome(-0.01, -0.04, 0.02, "inconclusive", needed=3456),
        "cannot tell: needs 3,456 examples, has 1,200",
    ),
    (
        outcome(-0.01, -0.04, 0.02, "inconclusive", needed=9, units=4),
        "cannot tell: needs 9 independent units, has 4",
    ),
    (
        outcome(-0.01, -0.04, 0.02, "warn", needed=3456),
        "cannot tell: needs 3,456 examples, has 1,200, warning only",
    ),
    (
        outcome(-0.03, -0.05, -0.01, "inconclusive"),
        "cannot tell if beyond the limit 0.02; the estimate is: blocks",
    ),
    (
        outcome(-0.03, -0.05, -0.01, "warn"),
        "cannot tell if beyond the limit 0.02; the estimate is, warning only",
    ),
    (
        outcome(-0.018, -0.021, -0.015, "inconclusive", needed=900),
        "cannot tell: the loss is close to the limit 0.02",
    ),
    (outcome(0.01, 0.0, 0.02), "noise: nothing lost, 0.02 allowed"),
    (
        outcome(0.005, -0.012, 0.004, of="runs", around=-0.004, count=10),
        "noise: at most 0.012 lost, 0.02 allowed; −0.004 against the mean of 10 runs of main",
    ),
    (
        outcome(-0.06, -0.07, -0.05, "fail", of="seeds", around=-0.0601, count=5),
        "real loss, 3 × the limit 0.02; −0.0601 by the means of 5 seeds",
    ),
    (
        outcome(0.0, math.nan, math.nan, "inconclusive"),
        "cannot tell: 1,200 examples say too little",
    ),
]


@pytest.mark.parametrize(("one", "words"), WORDS)
def test_words(one: Outcome, words: str) -> None:
    for side in (one, loss(one)):
        found = spans.plain(checks.words_of(side)).replace("\u00a0", " ")
        assert found == (words if side is one else words.replace("−", "+"))


@pytest.mark.parametrize(
    ("one", "strip"),
    [
        # cell = 16 + 4 * change / limit; the limit is at 12, no change at 16.
        (outcome(-0.005, -0.015, 0.005), "            ┊━━╋│━           "[:13] + "━━╋┿━           "),
        (outcome(0.0, -0.01, 0.01), "            ┊ ━━╋━━          "),
        (outcome(-0.06, -0.07, -0.05, "fail"), "  ━━╋━━     ┊   │            "),
        (outcome(-0.2, -0.3, -0.1, "fail"), "<           ┊   │            "),
        (outcome(0.2, 0.05, 0.3), "            ┊   │         ━━>"),
        (outcome(0.0, -0.01, 0.01, limit=0.0), "            ━━━━╋━━━━        "),
    ],
)
def test_strip(one: Outcome, strip: str) -> None:
    assert len(strip) == 29
    assert certainty.strip(one) == strip
    if one.bound != 0.9:
        assert certainty.strip(loss(one)) == strip


def test_nothing_is_drawn_without_an_interval() -> None:
    assert certainty.strip(replace(WORDS[0][0], estimate=None)) == ""
    assert certainty.strip(WORDS[-1][0]) == ""


def told(one: Outcome) -> tuple[Comparison, dict[str, Verdict]]:
    row = Change(name="auc", source="m.json", baseline=0.9, candidate=one.value, change="worse")
    origin = Origin(rev="main", commit="1" * 40)
    comparison = Comparison(
        baseline=Baseline(origin=origin, how="", tip="1" * 40),
        candidate=origin,
        models=(ModelComparison(model="m", metrics=(row,)),),
    )
    result: Any = one.result
    verdict = Verdict(
        model="m", result=result, outcomes=(one,), policy_digest="", policy_rev="main"
    )
    return comparison, {"m": verdict}


def text_of(page: str) -> str:
    return re.sub(r"\*\*|</?(?:b|strong)[^>]*>", "", page).replace("\u00a0", " ")


@pytest.mark.parametrize("one", [one for one, _ in WORDS])
def test_every_renderer_says_it(one: Outcome) -> None:
    words = spans.plain(checks.words_of(one)).replace("\u00a0", " ")
    for page in (
        markdown.render(*told(one)),
        html.render(*told(one)),
        terminal.render(*told(one), everything=True),
    ):
        assert words in " ".join(text_of(page).split())  # a terminal breaks lines
    strip = certainty.strip(one)
    assert strip.rstrip() in terminal.render(*told(one), everything=True)
    assert f"`{strip}`".replace(" ", "\u00a0") in markdown.render(*told(one)) or not strip


def test_what_more_examples_would_settle_does_not_say_blocked() -> None:
    one = WORDS[6][0]
    assert one.estimate
    one = replace(one, estimate=replace(one.estimate, blocks=False))
    assert not told(one)[1]["m"].blocks
    page = text_of(markdown.render(*told(one)))
    assert ": cannot tell whether `auc` is worse\n" in page
    assert "blocked" not in page
    assert "evaluate on 3,456 examples to be sure; it does not block" in page
    assert (
        "between −0.040 and +0.020 in nine of ten such comparisons (DeLong, 1,200 examples)" in page
    )
    # Once where it is told, and once in its row.
    assert page.count("needs 3,456 examples, has 1,200") == 2


def test_units_are_not_called_examples() -> None:
    one = WORDS[7][0]
    assert one.estimate
    one = replace(one, estimate=replace(one.estimate, blocks=False))
    page = text_of(markdown.render(*told(one)))
    assert "(DeLong, 1,200 examples of 4 units)" in page
    assert "evaluate on 9 independent units to be sure" in page


def test_that_nothing_has_leaked_is_not_what_noise_is_told_of() -> None:
    comparison, verdicts = told(WORDS[1][0])
    leak = Outcome(gate="leak", result="pass", reason="none of 1,200", source="train.csv", value=0)
    both = {"m": replace(verdicts["m"], outcomes=(leak, *verdicts["m"].outcomes))}
    page = text_of(markdown.render(comparison, both))
    assert "one run on each side" not in page
    assert "noise: at most 0.012 lost" in page


def test_what_blocks_is_told_before_what_is_open_and_why() -> None:
    words = "needs 3,456 examples, has 1,200"
    one = replace(WORDS[6][0], reason=words)
    assert one.estimate
    open_ = replace(one, metric="f1", headroom=-0.1, estimate=replace(one.estimate, blocks=False))
    comparison, verdicts = told(one)
    both = {"m": replace(verdicts["m"], outcomes=(open_, one))}
    page = text_of(markdown.render(comparison, both))
    assert ": cannot tell whether `auc` is worse: blocked\n" in page
    assert "that alone does not; `on_inconclusive: fail` has it so." in page


def test_a_limit_of_nothing_asks_for_no_more_examples() -> None:
    one = outcome(-0.01, -0.04, 0.02, "inconclusive", limit=0.0, blocks=False)
    one = replace(one, estimate=replace(one.estimate, change=0.0))  # type: ignore[type-var]
    page = text_of(markdown.render(*told(one)))
    assert "allow a little, or live with it" in page
    assert "evaluate on" not in page


def test_a_limit_alone_says_why_it_is_alone() -> None:
    alone = replace(WORDS[1][0], estimate=None, reason="holds; uncalibrated: 7 runs of main")
    shown = spans.plain(checks.words_of(alone))
    assert shown == "uncalibrated: within the limit 0.02; 7 runs of main"


def test_noise_is_not_called_worse() -> None:
    page = text_of(markdown.render(*told(WORDS[1][0])))
    assert "### ✅ `m` is no worse: 1 check passed" in page


def test_a_warning_that_is_not_certain_says_so() -> None:
    page = text_of(markdown.render(*told(WORDS[8][0])))
    assert "`m`: cannot tell whether `auc` is worse: warning only" in page
