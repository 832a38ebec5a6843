"""The report on GitHub, read by a parser of GitHub's markdown."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from mlops_ci.model import CodeChange, ModelComparison
from mlops_ci.report import markdown, text

if TYPE_CHECKING:
    from markdown_it.token import Token

    from mlops_ci.model import Comparison

PARSER = MarkdownIt("gfm-like")
# The HTML that we write ourselves.
OURS = re.compile(r"</?(?:sub|code)>|<br>|</?details>|<summary>\w+: [\d,]+</summary>")


def inline(blocks: list[Token]) -> list[Token]:
    return [child for block in blocks for child in block.children or ()]


def read(blocks: list[Token]) -> tuple[str, list[str]]:
    """What a reader sees: the text outside of code, and what stands in code or in bold."""
    bare, code, inside = "", [], ""
    for token in inline(blocks):
        if token.content in ("<code>", "</code>") or token.type.startswith("strong_"):
            inside = token.content or token.type
            code += [""] if inside in ("<code>", "strong_open") else []
        elif token.type == "code_inline":
            code.append(token.content)
        elif inside in ("<code>", "strong_open"):
            code[-1] += token.content
        elif token.type == "text":
            bare += token.content
    return bare, code


def test_a_usual_report(comparison):
    shown, _, footer = markdown.render(comparison).rpartition("<sub>")
    _, (origins,) = read(PARSER.parse(f"<sub>{footer}"))
    assert origins == (
        "main 1a2b3c4 (merge base with main, 3 commits behind main) → work tree on 5d6e7f8"
    )
    assert shown.replace("\N{NO-BREAK SPACE}", " ") == (
        """\
### **churn**: 1 worse, 1 better, 1 added, 1 unknown

| | metric | baseline → candidate | change |
|:-:|:--|:--|:--|
| 🔴 | **loss** ↓<br>`metrics.json` | 0.25 → 0.50 | +0.25 (+100 %) |
| ❔ | **mae**<br>`m.json` | 3 → – | unknown |
| 🟢 | **auc** ↑<br>`metrics.json` | 0.9123 → 0.9310 | +0.0187 (+2.0 %) |
| ➕ | **note**<br>`m.json` | – → `first \\| run` | added |

<sub>Not shown: 1 unchanged, 1 bookkeeping.</sub>

> ❔ candidate: `m.json: broken` → `dvc pull`
>

| | param | baseline → candidate | change |
|:-:|:--|:--|:--|
| 🔵 | `train.lr` | 0.001 → 0.010 | +0.009 (+900 %) |

<details><summary>data: 1</summary>

- `data/train.csv  md5 01234567, 10 rows, 1.2 kB → md5 98765432, 20 rows, 2.4 kB`

</details>

<details><summary>packages: 1</summary>

- `numpy  1.0 → 2.0`

</details>

<details><summary>code: 1</summary>

- `src/train.py  (added)`

</details>


"""
    )


def test_a_hostile_name_makes_no_markup(hostile_comparison, harmless_comparison):
    shown = markdown.render(hostile_comparison, everything=True)
    shown.encode()
    blocks = PARSER.parse(shown)
    harmless = PARSER.parse(markdown.render(harmless_comparison, everything=True))
    assert [block.type for block in blocks] == [block.type for block in harmless]
    tokens = inline(blocks)
    allowed = {"text", "softbreak", "code_inline", "strong_open", "strong_close", "html_inline"}
    assert {token.type for token in tokens} <= allowed
    html = [token for token in [*blocks, *tokens] if token.type.startswith("html_")]
    assert not [token.content for token in html if OURS.sub("", token.content).strip()]
    bare, _ = read(blocks)
    # Nothing that GitHub turns into a link, a mention, an emoji or a formula stands outside of code.
    assert not re.search(r"[@#$`<>\[\]\\]|://|www\.|:\w+:|[0-9a-f]{7}", bare)


def names(comparison: Comparison) -> list[str]:
    """The text of every cell, entry and note that holds a name, as a reader should see it."""
    found = []
    for model in comparison.models:
        shown = [model.model, *(one.name for one in (*model.metrics, *model.params))]
        shown += [one.source for one in model.metrics]
        shown += [part for note in model.notes for part in (note.message, note.fix) if part]
        found += [text.visible(one, 400) for one in shown]
    return found


def test_a_hostile_name_is_read_as_it_is(hostile_comparison):
    _, code = read(PARSER.parse(markdown.render(hostile_comparison, everything=True)))
    for name in names(hostile_comparison):
        assert name in code


def test_entries_and_origins_are_read_as_they_are(hostile, hostile_comparison):
    _, code = read(PARSER.parse(markdown.render(hostile_comparison, everything=True)))
    name = text.visible(hostile)
    assert [one for one in code if one.startswith(f"{name}  md5 ")]
    assert code[-1].startswith(
        text.visible(f"{text.visible(hostile, 60)} 1a2b3c4 (merge base with")
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("auc", "**auc**"),
        ("val_loss", "**val_loss**"),
        ("f1-score", "**f1-score**"),
        ("eval.auc", "`eval.auc`"),
        ("_x", "`_x`"),
        ("a__b", "`a__b`"),
        ("1", "`1`"),
        ("a b", "`a b`"),
        ("größe", "`größe`"),
        ("deadbeef", "`deadbeef`"),
        ("DEADBEEF", "`DEADBEEF`"),
        ("gh-12", "`gh-12`"),
        ("GH-12", "`GH-12`"),
        ("a`b", "`` a`b ``"),
    ],
)
def test_only_a_name_that_cannot_mean_more_stands_bare(name, shown):
    assert markdown.name(name) == shown


def test_everything_is_shown_on_request(comparison):
    whole = markdown.render(comparison, everything=True)
    assert re.search(r"\| ⚪ \| \*\*f1\*\*", whole)
    assert re.search(r"\*\*step\*\*", whole)
    assert "Not shown" not in whole


def test_a_long_list_is_cut_and_says_by_how_much(comparison):
    code = tuple(CodeChange(path=f"f{number:04}", change="changed") for number in range(1300))
    shown = markdown.render(replace(comparison, models=(ModelComparison(model="m", code=code),)))
    assert "<summary>code: 1,300</summary>" in shown
    assert "- `f0199`\n- and 1,100 more\n" in shown
    assert "f0200" not in shown
