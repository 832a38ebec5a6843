"""The report at a terminal."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest

from mlops_ci.model import Change, CodeChange, ModelComparison, Note
from mlops_ci.report import terminal

OURS = re.compile(r"\x1b\[(?:[12]|3[0-7])m|\x1b\[0m")


def test_a_usual_report(comparison):
    assert terminal.render(comparison).replace("\N{NO-BREAK SPACE}", " ") == (
        """\
main 1a2b3c4 (merge base with main, 3 commits behind main) → work tree on 5d6e7f8

churn  1 worse, 1 better, 1 added, 1 unknown
  metrics.json
  ✗ loss ↓    0.25 → 0.50      +0.25  +100 %  worse
  ✓ auc ↑   0.9123 → 0.9310  +0.0187  +2.0 %  better
  m.json
  ? mae   3 → –                unknown
  + note  – → first | run      added
    1 unchanged, 1 bookkeeping (--all shows them)
  params
  ~ train.lr  0.001 → 0.010  +0.009  +900 %  changed
  data
    data/train.csv  md5 01234567, 10 rows, 1.2 kB → md5 98765432, 20 rows, 2.4 kB
  packages
    numpy  1.0 → 2.0
  code
    src/train.py  (added)
  ? candidate: m.json: broken
    dvc pull
"""
    )


def test_everything_is_shown_on_request(comparison):
    usual = terminal.render(comparison)
    whole = terminal.render(comparison, everything=True)
    for words in ("· f1 ", "· train.seed "):
        assert words in whole
        assert words not in usual
    assert "--all" not in whole
    assert re.search("step .* changed", whole)


def test_colour_adds_only_colour(comparison):
    coloured = terminal.render(comparison, colour=True)
    assert OURS.sub("", coloured) == terminal.render(comparison)
    assert "\x1b[31m✗\x1b[0m" in coloured
    assert coloured.count("\x1b[0m") * 2 == coloured.count("\x1b[")
    for line in coloured.splitlines():
        assert line.count("\x1b[0m") * 2 == line.count("\x1b[")


def test_a_hostile_name_is_text_and_nothing_else(
    hostile, hostile_comparison, harmless_comparison, hostile_verdicts, harmless_verdicts
):
    shown = terminal.render(hostile_comparison, hostile_verdicts, everything=True)
    shown.encode()
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not hidden & {unicodedata.category(one) for one in shown.replace("\n", "")}
    harmless = terminal.render(harmless_comparison, harmless_verdicts, everything=True)
    if not hostile_verdicts and len(hostile) < 70:  # sentences are wrapped
        assert shown.count("\n") == harmless.count("\n")
    coloured = terminal.render(hostile_comparison, hostile_verdicts, everything=True, colour=True)
    assert OURS.sub("", coloured) == shown


def test_no_line_is_a_workflow_command(hostile_comparison, hostile_verdicts):
    # https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs: `::` after any
    # white space, and the older `##[` anywhere.
    shown = terminal.render(hostile_comparison, hostile_verdicts, everything=True)
    assert not [line for line in shown.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in shown


def test_sentences_are_wrapped_at_80_columns(comparison, failing):
    (model,) = comparison.models
    note = Note(kind="dirty", message="the work tree differs from " + "what is committed " * 6)
    waiting = replace(failing["churn"], model="a-model-with-a-name-that-is-very-long-" + "x" * 20)
    model = replace(model, model=waiting.model, notes=(note,))
    shown = terminal.render(replace(comparison, models=(model,)), {model.model: waiting})
    sentences = shown.partition("  metrics")[0].splitlines()[2:] + shown.splitlines()[-3:]
    assert max(map(len, sentences)) <= 80
    assert "    committed what is committed" in shown


def changed(*names: str, **options: object) -> tuple[Change, ...]:
    fields = {"source": "m", "baseline": 1, "candidate": 2, "change": "changed", **options}
    return tuple(Change(name=name, **fields) for name in names)


def lines_of(comparison, *models: ModelComparison, **options: bool) -> list[str]:
    return terminal.render(replace(comparison, models=models), **options).splitlines()[2:]


def test_the_worst_comes_first(comparison):
    words = ("same", "added", "better", "changed", "unknown", "removed", "worse")
    metrics = tuple(replace(changed(word)[0], change=word) for word in words)
    model = ModelComparison(model="m", metrics=metrics)
    lines = lines_of(comparison, model, everything=True)
    assert [line.split()[1] for line in lines[1:]] == list(reversed(words))


def test_each_file_has_a_table_of_its_own_the_worst_first(comparison):
    (one,) = changed("a", source="one.json", change="better")
    (two,) = changed("a", source="two.json", change="worse")
    lines = lines_of(comparison, ModelComparison(model="m", metrics=(one, two)))
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["two.json"],
        ["✗", "a"],
        ["one.json"],
        ["✓", "a"],
    ]
    alone = terminal.render(
        replace(comparison, models=(ModelComparison(model="m", metrics=(one,)),))
    )
    assert "one.json" not in alone


def test_models_without_a_change_are_counted_and_those_with_a_note_are_not(comparison):
    quiet = [ModelComparison(model=name, metrics=changed("a", change="same")) for name in "abc"]
    note = Note(kind="dirty", message="not committed")
    told = replace(quiet[0], model="told", notes=(note,))
    shown = "\n".join(lines_of(comparison, *quiet, told))
    assert "3 models unchanged" in shown
    assert "told" in shown
    assert "! not committed" in shown
    (alone,) = [terminal.render(replace(comparison, models=(quiet[0],)))]
    assert "no metric changed (1 unchanged; --all shows them)" in alone


def test_a_model_without_metrics_says_so_unless_they_could_not_be_read(comparison):
    empty = ModelComparison(model="m")
    lost = replace(empty, notes=(Note(kind="unreadable", message="m.json: broken"),))
    assert "no metrics on either side" in "\n".join(lines_of(comparison, empty))
    assert "no metrics on either side" not in "\n".join(lines_of(comparison, lost))


def test_a_long_list_is_cut_and_says_by_how_much(comparison):
    code = tuple(CodeChange(path=f"f{number:04}", change="changed") for number in range(1025))
    model = ModelComparison(model="m", code=code)
    short = lines_of(comparison, model)
    assert short[-1].strip() == "and 1,005 more (--all shows them)"
    assert sum(line.startswith("    f") for line in short) == 20
    assert (
        sum(line.startswith("    f") for line in lines_of(comparison, model, everything=True))
        == 1025
    )


@pytest.mark.parametrize("length", [40, 41, 200])
def test_a_long_name_keeps_its_two_ends(comparison, length):
    name = "start" + "x" * (length - 8) + "end"
    (line,) = [
        line
        for line in lines_of(comparison, ModelComparison(model="m", metrics=changed(name)))
        if "start" in line
    ]
    shown = line.split()[1]
    assert len(shown) == 40
    assert shown.startswith("start")
    assert shown.endswith("end")
    assert ("…" in shown) == (length > 40)
