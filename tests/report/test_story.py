"""What a report says, whatever the medium: order, headlines, the four lines, what is left out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mlops_ci.champion import Champion, ChampionMetric
from mlops_ci.config import MetricConfig
from mlops_ci.gate_config import ChangeConfig, ConditionConfig, GateConfig, ThresholdConfig
from mlops_ci.gates import Policy, judge
from mlops_ci.model import Change, CodeChange, ModelComparison, Note, PackageChange
from mlops_ci.report import html, machine, markdown, spans, story, terminal


def metric(name, before, after, direction="higher_is_better", **more):
    both = before is not None and after is not None
    delta = after - before if both else None
    gain = (delta or 0) > 0
    word = "added" if before is None else "removed" if after is None else "same"
    if delta:
        word = "better" if gain == (direction == "higher_is_better") else "worse"
    relative = delta / abs(before) if delta is not None and before else None
    return Change(
        name=name, source="metrics.json", baseline=before, candidate=after, delta=delta,
        relative=relative, direction=direction, change=word, **more,
    )  # fmt: skip


def regression(name, limit, **more):
    return GateConfig(
        id=f"{name}-holds", metric=name, change=ChangeConfig(max_regression=limit), **more
    )


def suspicious(name, limit):
    return GateConfig(id=f"{name}-gain", metric=name, change=ChangeConfig(max_improvement=limit))


def floor(name, least):
    return GateConfig(id=f"{name}-floor", metric=name, threshold=ThresholdConfig(min=least))


def judged(model, gates, **policy):
    metrics = {"[bg]*": MetricConfig(direction="higher_is_better")}
    return judge(model, Policy(rev="f" * 40, gates=tuple(gates), metrics=metrics, **policy))


def told(comparison, model, gates, **policy):
    verdict = judged(model, gates, **policy)
    return replace(comparison, models=(model,)), {model.model: verdict}


def headline(comparison, model, gates, **policy):
    return spans.plain(story.tell(*told(comparison, model, gates, **policy)).headline)


def line(comparison, model, gates, label, **policy):
    (one,) = story.tell(*told(comparison, model, gates, **policy)).stories
    return spans.plain(dict(one.alert)[label]).replace("\N{NO-BREAK SPACE}", " ")


def model(*metrics, **more):
    return ModelComparison(model="m", metrics=metrics, **more)


WORSE = metric("auc", 0.9, 0.8)
BETTER = metric("auc", 0.8, 0.9)
SLICE = metric("slices.8.recall", 0.9, 0.8)


@pytest.mark.parametrize(
    ("metrics", "gates", "expected"),
    [
        ([WORSE], [regression("auc", 0.01)], "m is worse in auc: blocked"),
        ([WORSE], [regression("auc", 0.01, level="warn")], "m is worse in auc: warning only"),
        ([WORSE], [floor("auc", 0.85)], "m breaks its bound of auc: blocked"),
        (
            [BETTER, SLICE],
            [regression("slices.*.recall", 0.01)],
            "m is better overall but worse in slice 8: blocked",
        ),
        (
            [WORSE, SLICE],
            [regression("slices.*.recall", 0.01)],
            "m is worse in slice 8: blocked",
        ),
        (
            [BETTER, metric("slices.region=EU.recall", 0.9, 0.8)],
            [regression("slices.*.recall", 0.01)],
            "m is better overall but worse in region=EU: blocked",
        ),
        ([metric("auc", 0.9, None)], [floor("auc", 0.5)], "m has no auc any more: blocked"),
        ([BETTER], [floor("acu", 0.5)], "m has no acu: blocked"),
        (
            [metric("auc", 0.0, 0.5)],
            [regression("auc", "1%")],
            "m: cannot tell whether auc is good enough: blocked",
        ),
        ([BETTER], [regression("auc", 0.01)], "m is better: 1 check passed"),
        (
            [BETTER, metric("f1", 0.9, 0.8)],
            [regression("auc", 0.01)],
            "m gains in auc and loses in f1: 1 check passed",
        ),
        ([metric("auc", 0.9, 0.9)], [regression("auc", 0.01)], "m is unchanged: 1 check passed"),
        ([WORSE], [], "m: no gates configured, not judged"),
        (
            [metric("auc", None, 0.9)],
            [regression("auc", 0.01)],
            "m is measured for the first time: not judged",
        ),
        (
            [metric("auc", None, 0.9)],
            [regression("auc", 0.01), floor("auc", 0.8)],
            "m is measured for the first time: 1 check passed, 1 not judged",
        ),
        (
            [metric("auc", 0.9, float("nan"))],
            [regression("auc", 0.01)],
            "m: auc is not a number: blocked",
        ),
    ],
)
def test_the_headline_says_what_is_so_and_what_follows(comparison, metrics, gates, expected):
    assert headline(comparison, model(*metrics), gates) == expected


def test_a_metrics_file_that_was_renamed_is_named(comparison):
    moved = [
        replace(metric("auc", 0.9, None), source="a.json"),
        replace(metric("auc", None, 0.9), source="b.json"),
    ]
    gates = [regression("auc", 0.01)]
    assert headline(comparison, model(*moved), gates) == "m has auc in another file now: blocked"
    said = line(comparison, model(*moved), gates, "How much")
    assert said.startswith("auc is gone from a.json and stands in b.json.")
    assert "name of the file" in line(comparison, model(*moved), gates, "Do")
    assert "it is in `b.json` now" in markdown.render(
        *told(comparison, model(*moved), gates)
    ).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("value", "said"),
    [("0.99", "text, no number: 0.99."), (True, "true or false, no number: true."),
     (float("inf"), "+∞."), ([1], "a list, no number: [1].")],
)  # fmt: skip
def test_what_only_looks_like_a_number_is_named(comparison, value, said):
    row = Change(name="auc", source="metrics.json", baseline=0.9, candidate=value, change="changed")
    found = line(comparison, model(row), [floor("auc", 0.8)], "How much")
    assert found == f"auc was 0.9 and is {said}"


@pytest.mark.parametrize(
    ("kind", "metrics", "said"),
    [
        ("unreadable", [], "unknown: the metrics cannot be read."),
        ("unread-same", [], "no metric changed: the file is the same on both sides"),
        ("unreadable", [replace(metric("auc", 0.9, None), change="unknown")], "unknown: 1 metric"),
        ("dirty", [], "no metrics on either side."),
    ],
)
def test_what_cannot_be_read_is_not_absent(comparison, kind, metrics, said):
    note = Note(kind=kind, message="m.json: not in the DVC cache", fix="dvc fetch --all-commits")
    found = model(*metrics, notes=(note,))
    assert line(comparison, found, [], "How much").startswith(said)
    assert line(comparison, found, [], "Do").startswith("dvc fetch") == (kind == "unreadable")


def test_gates_that_are_not_merged_judge_nothing(comparison):
    found = model(WORSE)
    assert headline(comparison, found, [regression("auc", 0.01)], armed=False).startswith(
        "m: not judged, gates unarmed"
    )
    shown = markdown.render(*told(comparison, found, [regression("auc", 0.01)], armed=False))
    assert "❌" not in shown
    assert "nothing failed; 1 check would block." in shown
    assert "would fail: loss" in shown.replace("\N{NO-BREAK SPACE}", " ")
    assert "is not a pass" in shown


def test_numbers_that_are_in_doubt_are_no_plain_success(comparison):
    note = Note(
        kind="nothing-retrained", message="nothing was retrained: lr changed", fix="dvc repro"
    )
    doubted = model(BETTER, notes=(note,))
    assert "in doubt" in headline(comparison, doubted, [regression("auc", 0.01)])
    assert line(comparison, doubted, [regression("auc", 0.01)], "Do").startswith("dvc repro")
    shown = markdown.render(*told(comparison, doubted, [regression("auc", 0.01)]))
    assert "[!WARNING]" in shown
    assert "[!TIP]" not in shown
    assert "✅ `m`" not in shown


@pytest.mark.parametrize(
    ("kind", "headed", "why"),
    [
        ("nothing-retrained", "m was not judged, its numbers are not its own", "lr changed"),
        ("evaluation-differs", "m was not compared, its evaluation is another", "lr changed"),
    ],
)
def test_numbers_that_cannot_be_relied_on_are_not_judged(comparison, kind, headed, why):
    note = Note(kind=kind, message=why, fix="dvc repro", untrusted=True)
    other = Note(kind="lock-mismatch", message="the baseline", fix="x", side="baseline")
    doubted = model(BETTER, notes=(other, note))
    gates = [regression("auc", 0.01)]
    assert headline(comparison, doubted, gates) == f"{headed}: blocked"
    assert line(comparison, doubted, gates, "How much").startswith("unknown: the files say auc ")
    assert line(comparison, doubted, gates, "Real or noise") == f"no answer: {why}."
    assert line(comparison, doubted, gates, "Why it blocks").startswith(f"{why}. This change did")
    assert line(comparison, doubted, gates, "Do").startswith("dvc repro, then judge again")
    page = markdown.render(*told(comparison, doubted, gates)).replace("\N{NO-BREAK SPACE}", " ")
    row = page.partition("| ⚠️ |")[2]
    assert f"**not {'trusted' if kind == 'nothing-retrained' else 'comparable'}**: {why}" in row


def test_a_suspicious_gain_says_how_much_is_believed_and_where_to_look(comparison):
    gates = [suspicious("auc", 0.05)]
    assert "gains suspiciously much in auc: blocked" in headline(comparison, model(BETTER), gates)
    assert "0.05 believed" in line(comparison, model(BETTER), gates, "How much")
    assert "training has seen what evaluates it" in line(comparison, model(BETTER), gates, "Do")
    shown = markdown.render(*told(comparison, model(BETTER), [suspicious("auc", 0.5)]))
    assert "**believable**: up to 0.5 better is" in shown.replace("\N{NO-BREAK SPACE}", " ")


def test_among_several_models_those_in_doubt_are_not_fine(comparison):
    note = Note(kind="nothing-retrained", message="nothing was retrained", fix="dvc repro")
    models = [
        replace(model(BETTER, notes=(note,)), model="a"),
        replace(model(BETTER), model="b"),
    ]
    shown = markdown.render(*several(comparison, models, [regression("auc", 0.01)]))
    assert shown.startswith("### ⚠️ 2 models: 1 fine; 1 in doubt\n")
    page = html.render(*several(comparison, models, [regression("auc", 0.01)]))
    assert page.count(", in doubt</td>") == shown.count(", in doubt |") == 1


def test_the_four_lines_of_a_failure(comparison):
    params = (
        Change(name="depth", source="params.yaml", baseline=6, candidate=12, change="changed"),
    )
    found = model(WORSE, params=params, code=(CodeChange(path="train.py", change="same"),))
    gates = [regression("auc", 0.02)]
    assert line(comparison, found, gates, "How much") == "auc −0.1 (0.9 → 0.8), 0.02 allowed."
    assert "one run" in line(comparison, found, gates, "Real or noise")
    assert line(comparison, found, gates, "Why, perhaps") == "depth 6 → 12."
    assert line(comparison, found, gates, "Do").endswith("dvc exp run -S depth=6")


@pytest.mark.parametrize("name", ["x; rm -rf ~", "$(id)", "a b", "-S", "`id`", "a\nb"])
def test_no_name_from_a_repository_gets_into_a_command(comparison, name):
    params = (Change(name=name, source="params.yaml", baseline=1, candidate=2, change="changed"),)
    found = model(WORSE, params=params, code=(CodeChange(path=name, change="changed"),))
    shown = line(comparison, found, [regression("auc", 0.02)], "Do")
    assert name not in shown


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        ([regression("auc", 0.02)], "loss, 5 × the limit 0.02"),
        ([regression("auc", 0.08)], "loss, 1.3 × the limit 0.08"),
        ([regression("auc", 0.099)], "loss, just beyond the limit 0.099"),
        ([regression("auc", 0.0)], "loss, none allowed"),
        ([regression("auc", "5%")], "loss, 2 × the limit 0.045 (5 %)"),
        ([regression("auc", 0.2)], "uncalibrated: within the limit 0.2"),
        ([floor("auc", 0.85)], "below its bound 0.85 by 0.05"),
        ([floor("auc", 0.7)], "one run, at least 0.7 holds, 0.1 to spare"),
        ([floor("auc", 0.8)], "one run, at least 0.8 holds, nothing to spare"),
        ([floor("auk", 0.7)], "missing, did you mean auc?"),
    ],
)
def test_a_row_says_how_it_stands_against_its_limit(comparison, gates, words):
    (one,) = story.tell(*told(comparison, model(WORSE), gates)).stories
    assert spans.plain(one.checks[0].words).replace("\N{NO-BREAK SPACE}", " ") == words


def test_a_group_shows_its_conditions(comparison):
    conditions = [
        ConditionConfig(metric="auc", threshold=ThresholdConfig(min=0.95)),
        ConditionConfig(metric="f1", threshold=ThresholdConfig(min=0.95)),
    ]
    gates = [GateConfig(id="either", any=conditions)]
    shown = markdown.render(*told(comparison, model(WORSE, metric("f1", 0.9, 0.9)), gates))
    plain = shown.replace("\N{NO-BREAK SPACE}", " ")
    assert "`auc`: **below its bound** 0.95 by 0.15" in plain
    assert "`f1`: **below its bound** 0.95 by 0.05" in plain


def rows_of(shown: str) -> list[str]:
    """The icons of the first table."""
    table = re.search(r"(?:^\|.*\n)+", shown, re.MULTILINE)
    assert table
    return [row.split("|")[1].strip() for row in table[0].splitlines()[2:]]


def test_what_fails_comes_first_and_passes_are_few(comparison):
    metrics = [metric(f"good{number}", 0.8, 0.9) for number in range(30)]
    metrics += [metric(f"bad{number}", 0.9, 0.8 - number / 100) for number in range(12)]
    gates = [regression("good*", 0.01), regression("bad*", 0.01, level="warn")]
    gates += [
        regression("bad1", 0.01),
        floor("bad2", 0.99),
        regression("none", 0.1, on_missing_metric="skip"),
    ]
    shown = markdown.render(*told(comparison, model(*metrics), gates))
    icons = rows_of(shown)
    assert icons == ["❌"] * 2 + ["⚠️"] * 12 + ["✅"] * 4
    assert "**27 more checks**" in shown
    assert "Not judged: `none`" in shown.replace("\N{NO-BREAK SPACE}", " ")


def test_a_pass_is_short(comparison):
    metrics = [metric(f"good{number}", 0.8, 0.9) for number in range(30)]
    shown = markdown.render(*told(comparison, model(*metrics), [regression("good*", 0.01)]))
    visible = re.sub(r"<details>.*?</details>", "", shown, flags=re.DOTALL)
    assert len([line for line in visible.splitlines() if line.strip()]) <= 13
    assert "**Do:** nothing." in shown


def failing(count: int, prefix: str = "bad") -> list[Change]:
    return [metric(f"{prefix}_{number}_of_a_model", 0.9, 0.8) for number in range(count)]


def several(comparison, models, gates):
    verdicts = {one.model: judged(one, gates) for one in models}
    return replace(comparison, models=tuple(models)), verdicts


@pytest.mark.parametrize("count", [300, 600])
def test_over_the_limit_detail_goes_and_no_failing_row(comparison, count):
    packages = tuple(
        PackageChange(name=f"p{n}", source="uv.lock", change="changed", baseline="1", candidate="2")
        for n in range(5000)
    )
    found = model(
        *failing(count), *[metric(f"g{n}", 0.8, 0.9) for n in range(2000)], environment=packages
    )
    shown = markdown.render(
        *told(comparison, found, [regression("bad*", 0.01), regression("g*", 0.01)])
    )
    assert len(shown) <= markdown.LIMIT
    assert shown.count("❌") == count + 1
    assert all(f"**bad_{number}_of_a_model**" in shown for number in range(count))
    assert re.search(r"<sub>Shortened: [\d,]+ rows left out\.", shown)
    assert "**Do:**" in shown


def test_what_cannot_be_judged_gives_way_to_what_fails(comparison):
    unknown = [metric(f"unheard_of_{number}", 0.9, 0.8) for number in range(2000)]
    gates = [regression("bad*", 0.01), regression("unheard*", 0.01)]
    shown = markdown.render(*told(comparison, model(*failing(200), *unknown), gates))
    assert len(shown) <= markdown.LIMIT
    assert shown.count("❌") == 201
    assert re.search(r"\*\*and [\d,]+ more\*\*", shown)


def test_only_what_cannot_fit_at_all_is_counted(comparison):
    shown = markdown.render(*told(comparison, model(*failing(9000)), [regression("bad*", 0.01)]))
    assert len(shown) <= markdown.LIMIT
    assert shown.count("❌") > 250
    assert re.search(r"\*\*and [\d,]+ more\*\*", shown)


def test_a_report_that_fits_is_whole(comparison):
    shown = markdown.render(*told(comparison, model(*failing(3)), [regression("bad*", 0.01)]))
    assert "Shortened" not in shown


def test_many_models_fit_the_failing_ones_first(comparison):
    models = [replace(model(metric("auc", 0.8, 0.9)), model=f"good-{n:03}") for n in range(400)]
    models += [replace(model(*failing(3)), model=f"worse-{n}") for n in range(20)]
    shown = markdown.render(*several(comparison, models, [regression("*", 0.01)]))
    assert len(shown) <= markdown.LIMIT
    assert shown.startswith("### ❌ 20 of 420 models are blocked: `worse-0`,")
    assert rows_of(shown)[:20] == ["❌"] * 20
    for number in range(20):
        assert f"#### ❌ `worse-{number}` is worse in" in shown
    assert shown.count("**bad_1_of_a_model**") >= 20


def test_when_all_models_fail_each_failing_row_stays(comparison):
    models = [replace(model(*failing(2)), model=f"worse-{n:03}") for n in range(200)]
    shown = markdown.render(*several(comparison, models, [regression("bad*", 0.01)]))
    assert len(shown) <= markdown.LIMIT
    table, *sections = shown.split("\n#### ")
    assert len(sections) >= 20
    for number in range(200):
        found = len(re.findall(rf"❌ \| \*\*worse-{number:03}\*\*<br>`bad_\d", table))
        own = [one for one in sections if one.startswith(f"❌ `worse-{number:03}`")]
        assert found == (1 if own else 2)
        assert all(one.count("❌ | **bad_") == 2 for one in own)


def test_models_that_are_fine_are_one_line_each_and_keep_their_notes(comparison):
    note = Note(kind="dirty", message="the work tree differs")
    models = [
        replace(model(WORSE), model="a"),
        replace(model(BETTER, notes=(note,)), model="b"),
    ]
    shown = markdown.render(*several(comparison, models, [regression("auc", 0.01)]))
    visible = re.sub(r"<details>.*?</details>", "", shown, flags=re.DOTALL)
    assert "the work tree differs" in visible
    assert "### ❌ 1 of 2 models is blocked: `a`; 1 fine" in shown
    assert "model: a" in shown
    assert "<details><summary>✅ <code>b</code> is better: 1 check passed</summary>" in shown


@pytest.mark.parametrize("render", [markdown.render, html.render, terminal.render])
def test_all_renderers_say_the_same(comparison, render):
    found = told(comparison, model(BETTER, SLICE), [regression("slices.*.recall", 0.02)])
    shown = re.sub(r"<[^>]+>|[`*]", "", render(*found)).replace("\N{NO-BREAK SPACE}", " ")
    shown = re.sub(r"\s+", " ", shown)
    assert "m is better overall but worse in slice 8: blocked" in shown
    assert "recall in slice 8 −0.1 (0.9 → 0.8), 0.02 allowed. Overall auc +0.1." in shown
    assert "loss, 5 × the limit 0.02" in shown


def promoted(**changes):
    """`v1.1.0` in production: by metric what it has, what the candidate has, and how that is called."""
    metrics = tuple(
        ChampionMetric(
            name=name, source="metrics.json", value=there, candidate=here, change=change,
            relative=(here - there) / there,
        )
        for name, (there, here, change) in changes.items()
    )  # fmt: skip
    return Champion(version="v1.1.0", stage="prod", commit="a" * 40, metrics=metrics)


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({"auc": (0.9, 0.85, "worse")}, ", but worse than prod v1.1.0"),
        (
            {"auc": (0.9, 0.85, "worse"), "f1": (0.7, 0.75, "better")},
            ", but worse than prod v1.1.0 in auc",
        ),
        ({"auc": (0.85, 0.85, "same"), "f1": (0.7, 0.75, "better")}, ""),
        ({"auc": (0.85, 0.85, "same"), "speed": (9.0, 8.0, "worse")}, ""),  # no gate asks for it
    ],
)
def test_better_than_the_base_but_worse_than_what_is_in_production(comparison, changes, ending):
    gates = [regression("auc", 0.01), regression("f1", 0.01)]
    both = (metric("auc", 0.8, 0.85), metric("f1", 0.7, 0.75))
    found = headline(comparison, model(*both, champion=promoted(**changes)), gates)
    assert found == f"m is better: 2 checks passed{ending}"


def test_what_blocks_is_said_alone_and_production_below_it(comparison):
    champion = promoted(auc=(0.9, 0.75, "worse"))
    one = model(metric("auc", 0.8, 0.75), champion=champion)
    gates = [regression("auc", 0.01)]
    assert headline(comparison, one, gates) == "m is worse in auc: blocked"
    assert line(comparison, one, gates, "In production") == (
        "prod v1.1.0: auc −0.15 (0.90 → 0.75)."
    )


def test_every_renderer_has_the_champion_and_none_without_one(comparison):
    one = model(metric("auc", 0.8, 0.85))
    gates = [regression("auc", 0.01)]
    for renderer in (terminal, markdown, html, machine):
        shown = renderer.render(*told(comparison, one, gates))
        assert "v1.1.0" not in shown
        champion = promoted(auc=(0.9123, 0.85, "worse"))
        beside = renderer.render(*told(comparison, replace(one, champion=champion), gates))
        assert "v1.1.0" in beside
        assert "0.9123" in beside.split("etrics", 1)[1]
