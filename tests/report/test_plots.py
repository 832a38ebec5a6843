"""What a plot says, in every renderer."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.plots import Curve, Matrix, Picture, PlotChange
from mlops_ci.report import curve, html, machine, markdown, mermaid, plots, spans, terminal

if TYPE_CHECKING:
    from mlops_ci.model import Comparison


def curve_of(*values: float, start: float = 1) -> Curve:
    points = tuple((float(start + at), float(value)) for at, value in enumerate(values))
    return Curve(points=points, count=len(points))


def change(old: Any, new: Any, x: str = "epoch", y: str = "val_loss", **more: Any) -> PlotChange:
    return PlotChange(
        path="log.csv", kind="curve", change="changed", x=x, y=y, baseline=old, candidate=new, **more
    )  # fmt: skip


LOSSES = change(curve_of(0.5, 0.4, 0.3, 0.35), curve_of(0.5, 0.25, 0.3, 0.4))
OLD = Matrix(
    labels=("7", "8"), counts={("8", "8"): 90, ("8", "7"): 10, ("7", "7"): 80, ("7", "8"): 20}
)
NEW = Matrix(
    labels=("7", "8"), counts={("8", "8"): 80, ("8", "7"): 20, ("7", "7"): 99, ("7", "8"): 1}
)
CONFUSION = PlotChange(
    path="c.csv", kind="confusion", change="changed", baseline=OLD, candidate=NEW
)


def words(one: PlotChange) -> str:
    return spans.plain(plots.words(one)).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (LOSSES, "lowest at epoch 3 → 2 of 4: 0.30 → 0.25"),
        (replace(LOSSES, y="accuracy"), "highest at epoch 1 of 4: 0.5 → 0.5"),
        (
            change(curve_of(1, 2, 3), curve_of(1, 2, 4), x="share", y="gain"),
            "differs most at share 3: 3 → 4; head is higher at 1 of 3 points, nowhere lower",
        ),
        (
            change(curve_of(1, 2, 3), curve_of(2, 2, 2.5), x="share", y="gain"),
            "differs most at share 1: 1 → 2; head is higher at 1 of 3 points, lower at 1",
        ),
        (
            change(curve_of(1, 2), curve_of(3, 4, start=9), x="share", y="gain"),
            "the two sides share no stretch of share",
        ),
        (
            change(replace(curve_of(1, 2), skipped=1), curve_of(1, 2), x="t", y="gain"),
            "differs most at t 1: 1 → 1; the same at all points compared; 1 row without a number left out",
        ),
        (replace(LOSSES, baseline=None, change="added"), "added"),
        (
            CONFUSION,
            "right on 8 90 → 80; 8 taken for 7 10 → 20; right overall 170 → 179 of 200",
        ),
        (
            PlotChange(path="x", kind="other", change="changed", reason="is no PNG and no JPEG"),
            "changed, not drawn: is no PNG and no JPEG",
        ),
    ],
)
def test_the_result_in_words(one, said):
    assert words(one) == said


def test_values_between_points_are_on_the_line():
    old, new = ((0.0, 0.0), (10.0, 10.0)), ((2.0, 0.0), (4.0, 8.0), (20.0, 8.0))
    xs = plots.grid(old, new)
    assert (xs[0], xs[-1], len(xs)) == (2, 10, 24)
    assert plots.along(old, xs) == pytest.approx(xs)
    assert plots.along(new, [3.0, 4.0, 9.0]) == [4.0, 8.0, 8.0]


def test_a_step_of_two_values_at_one_place():
    points = ((0.0, 0.0), (0.0, 0.6), (1.0, 1.0))
    assert plots.along(points, [0.0, 0.5, 1.0]) == [0.0, 0.8, 1.0]


def test_sparklines_share_one_scale():
    assert plots.sparklines(curve_of(0, 1), curve_of(1, 7)) == ("▁▂", "▂█")
    assert plots.sparklines(curve_of(3, 3), curve_of(3, 3)) == ("▁▁", "▁▁")
    assert plots.sparklines(curve_of(3), curve_of(4)) == ("", "")


NUMBER = r"-?\d+(\.\d+)?"
CHART = re.compile(
    rf"""```mermaid
%%\{{init: \{{"xyChart": .*\}}\}}%%
xychart-beta
  title "([\w./() -]+: )?base \(grey\), head \(orange\)"
  x-axis ("[\w./() -]+" )?{NUMBER} --> {NUMBER}
  y-axis {NUMBER} --> {NUMBER}
  line \[{NUMBER}(, {NUMBER})+\]
  line \[{NUMBER}(, {NUMBER})+\]
```""",
    re.ASCII,
)


def chart(one: PlotChange) -> str:
    return "\n".join(mermaid.chart(one))


def test_a_chart_of_hostile_names_is_a_chart(hostile):
    for name in (hostile, f"a{hostile}", "end", '"]\n```', "%%{init: {}}%%", "a --> b"):
        shown = chart(replace(LOSSES, x=name, y=name))
        assert CHART.fullmatch(shown), shown


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6, -1e9])
def test_a_chart_of_any_numbers_mermaid_reads(size):
    one = change(curve_of(*(at * size for at in range(300))), curve_of(size, size))
    shown = chart(one)
    assert CHART.fullmatch(shown), shown
    low, high = map(float, re.findall(rf"y-axis ({NUMBER}) --> ({NUMBER})", shown)[0][::2])
    assert low < high
    long = chart(change(curve_of(*range(300)), curve_of(*range(1, 301))))
    assert long.count(",") - long[: long.index("line")].count(",") == 2 * (plots.GRID - 1)


@pytest.mark.parametrize("size", [1e-30, 1e30, 1e308])
def test_numbers_that_mermaid_cannot_read_are_a_sparkline(comparison, size):
    one = change(curve_of(0, size, size / 2), curve_of(size / 3, 0, 0))
    assert chart(one) == ""
    shown = markdown.render(with_plots(comparison, one))
    assert "`▁█▅` → `▃▁▁`" in shown or "`▁█▄` → `▃▁▁`" in shown
    assert "mermaid" not in shown
    html.render(with_plots(comparison, one)).encode()


def with_plots(comparison: Comparison, *found: PlotChange) -> Comparison:
    (model,) = comparison.models
    return replace(comparison, models=(replace(model, plots=found),))


def test_markdown_folds_them_and_says_the_result(comparison):
    shown = markdown.render(with_plots(comparison, LOSSES, CONFUSION)).replace(
        "\N{NO-BREAK SPACE}", " "
    )
    opened = (
        "<details><summary><b>Curve</b> <code>val_loss</code> by <code>epoch</code>: lowest at "
    )
    assert opened in shown
    assert "| `8` | `7` | 10 → 20 | **+10** |" in shown
    assert "| `8` | `8` |" not in shown
    assert shown.count("```mermaid") == 1


def test_a_curve_that_is_longer_on_one_side_says_so(comparison):
    longer = replace(LOSSES, baseline=curve_of(5, 4, 3, 2, 1, 0))
    shown = markdown.render(with_plots(comparison, longer))
    assert '"epoch" 1 --> 4\n' in shown
    assert "as far as both go" in shown
    assert "as far as both go" not in markdown.render(with_plots(comparison, LOSSES))


def test_curves_of_the_same_name_are_told_apart_by_their_file(comparison):
    found = with_plots(comparison, LOSSES, replace(LOSSES, path="test.csv"))
    named = "<code>val_loss</code> by <code>epoch</code> in <code>test.csv</code>"
    assert named in markdown.render(found)
    assert named in html.render(found)
    assert "val_loss by epoch in test.csv  █" in terminal.render(found)


def test_markdown_lists_pictures_and_what_is_not_drawn(comparison):
    png = Picture(media="image/png", content=b"x", width=1, height=1)
    picture = PlotChange(path="roc.png", kind="picture", change="changed", candidate=png)
    broken = PlotChange(path="b.csv", kind="other", change="changed", reason="holds no rows")
    shown = markdown.render(with_plots(comparison, picture, broken))
    assert "<summary><b>Other plots</b> changed: 2</summary>" in shown
    assert "- `roc.png` changed\n- `b.csv` changed, not drawn: holds no rows\n" in shown


def test_charts_go_first_when_a_report_is_too_long(comparison, failing):
    found = with_plots(comparison, *([LOSSES] * 6))
    whole = markdown.render(found, failing)
    shown = markdown.render(found, failing, limit=len(whole) - 1)
    assert "mermaid" not in shown
    assert "Shortened: plots left out." in shown
    assert markdown.render(comparison, failing).splitlines() == shown.splitlines()[:-2]


def test_only_some_are_drawn_and_the_rest_is_named(comparison):
    found = with_plots(comparison, *(replace(LOSSES, path=f"{at}.csv") for at in range(40)))
    shown = markdown.render(found)
    assert shown.count("```mermaid") == 6
    assert "<b>Other plots</b> changed: 34</summary>" in shown
    assert "- and 14 more" in shown
    page = html.render(found)
    assert page.count("<polyline") == 2 * 24
    assert page.count("<li><code>val_loss</code>") == 16


def test_the_page_draws_both_sides_and_tells_them_apart(comparison):
    page = html.render(with_plots(comparison, LOSSES))
    assert '<polyline class="base"' in page
    assert '<polyline class="head"' in page
    assert re.search(r'class="end-base"[^>]*>base 0.35</text>', page)
    assert re.search(r'class="end-head"[^>]*>head 0.40</text>', page)
    assert re.search(r"<desc>val_loss by epoch: lowest at epoch", page)
    assert "img-src" not in page


@pytest.mark.parametrize(
    "values",
    [(0.3,), (0.3, 0.3), (0.0, 0.0), (1e-9, 2e-9), (1e15, 1e15 + 2), (-5, 5), (5e-324, 0), (1e299, -1e299)],
)  # fmt: skip
def test_every_curve_stays_within_its_frame(values):
    drawn = curve.draw(change(curve_of(*values), curve_of(*reversed(values))), "d")
    numbers = re.findall(r'(?:[xy][12]?|c[xy]|points)="([-\d., ]+)"', drawn)
    places = [float(one) for group in numbers for one in re.split("[, ]", group)]
    assert places
    assert all(0 <= place <= 720 for place in places)


def test_a_curve_beyond_all_numbers_is_not_drawn():
    assert curve.draw(change(curve_of(1e308, -1e308), curve_of(0, 1)), "d") == ""


def test_labels_at_the_ends_do_not_cover_each_other():
    drawn = curve.draw(change(curve_of(1, 5), curve_of(1, 5.001)), "d")
    base, head = (float(one) for one in re.findall(r'class="end-\w+" x="\d+" y="([\d.]+)"', drawn))
    assert abs(base - head) >= 20


def test_a_large_matrix_is_a_list_of_its_largest_changes(comparison):
    labels = tuple(str(at) for at in range(60))
    old = Matrix(labels=labels, counts={(one, one): 5 for one in labels})
    new = Matrix(labels=labels, counts={(one, "0"): 5 for one in labels})
    page = html.render(with_plots(comparison, replace(CONFUSION, baseline=old, candidate=new)))
    assert "The 40 largest of 118 changes." in page
    assert "heat" not in page.partition("</style>")[2]


def test_colours_say_what_is_a_loss(comparison):
    page = html.render(with_plots(comparison, CONFUSION))
    cells = re.findall(r'<td class="n (\w+)">(\d+)<small>(.\d+)</small>', page)
    assert cells == [
        ("gain3", "99", "+19"), ("gain3", "1", "−19"), ("loss2", "20", "+10"), ("loss2", "80", "−10"),
    ]  # fmt: skip


def test_images_beyond_the_limit_of_a_page_are_named(comparison):
    large = Picture(media="image/png", content=b"x" * 3_000_000, width=1, height=1)
    one = PlotChange(
        path="a.png", kind="picture", change="changed", baseline=large, candidate=large
    )
    page = html.render(with_plots(comparison, one, replace(one, path="b.png")))
    assert page.count("<img ") == 2
    assert "<li><code>b.png</code> changed</li>" in page


def test_a_terminal_has_one_line_a_curve(comparison):
    found = with_plots(comparison, LOSSES, CONFUSION)
    before = set(terminal.render(comparison).splitlines())
    new = [line for line in terminal.render(found).splitlines() if line not in before]
    assert new == ["  plots", "    val_loss by epoch  █▅▂▄ → █▁▂▅"]


def test_json_has_small_ones_whole(comparison):
    long = change(replace(curve_of(*range(300)), count=5000), curve_of(1.5), digests=("a", "b"))
    data = machine.as_data(with_plots(comparison, long, replace(CONFUSION, digests=("", "c"))))
    one, other = data["models"][0]["plots"]
    assert one["baseline"] == {"digest": "a", "rows": 5000}
    assert one["candidate"] == {"digest": "b", "rows": 1, "points": [[1, 1.5]]}
    assert other["candidate"]["counts"][0] == ["7", "7", 99]
    assert "baseline" not in other
    assert "plots" not in machine.as_data(comparison)["models"][0]
