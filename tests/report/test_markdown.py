"""The report on GitHub, read by a parser of GitHub's markdown."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import mlops_ci
from mlops_ci import text
from mlops_ci.model import CodeChange, ModelComparison
from mlops_ci.report import gfm, markdown, spans, tables

if TYPE_CHECKING:
    from mlops_ci.model import Comparison

PARSER = MarkdownIt("gfm-like")
SPACE = Token("space", "", 0, content=" ")
OURS = {"sub", "code", "br", "details", "summary", "b"}


class Tags(HTMLParser):
    """All that is markup to a browser; a comment or a declaration is."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag} {name}" for name, _ in attrs)}

    def handle_comment(self, data: str) -> None:
        self.found.add("comment")

    def handle_decl(self, decl: str) -> None:
        self.found.add("declaration")

    unknown_decl = handle_pi = handle_decl


def inline(blocks: list[Token]) -> list[Token]:
    return [child for block in blocks for child in block.children or ()]


def read(blocks: list[Token]) -> tuple[str, list[str]]:
    """What a reader sees: the text outside of code, and what stands in code or in bold."""
    bare, code, inside = "", [], ""
    for token in (child for block in blocks for child in (*(block.children or ()), SPACE)):
        if token.content in ("<code>", "</code>") or token.type.startswith("strong_"):
            inside = token.content or token.type
            code += [""] if inside in ("<code>", "strong_open") else []
        elif token.type == "code_inline":
            code.append(token.content)
        elif inside in ("<code>", "strong_open"):
            code[-1] += token.content
        elif token.type in ("text", "space"):
            bare += token.content
    return bare, code


def plain(shown: str) -> str:
    return shown.replace("\N{NO-BREAK SPACE}", " ")


def test_a_usual_comparison(comparison):
    assert plain(markdown.render(comparison)) == (
        f"""\
### `churn`: 1 worse, 1 better, 1 added, 1 unknown

| | metric | base → head | change |
|:-:|:--|:--|:--|
| 🔴 | **loss** ↓<br>`metrics.json` | 0.25 → 0.50 | +0.25 (+100 %) |
| ❔ | **mae**<br>`m.json` | 3 → – | unknown |
| 🟢 | **auc** ↑<br>`metrics.json` | 0.9123 → 0.9310 | +0.0187 (+2.0 %) |
| ➕ | **note**<br>`m.json` | – → `first \\| run` | added |

<sub>Not shown: 1 unchanged, 1 bookkeeping.</sub>

- ❔ candidate: `m.json:` broken → `dvc pull`

#### What changed with it

- **Data** `data/train.csv` 10 → 20 rows (+100 %)
- **Params** `train.lr` 0.001 → 0.010
- **Packages** `numpy` 1.0 → 2.0
- **Code** `src/train.py` added

These moved together; nothing here proves which one moved the metric.

<sub>base `main` `1a2b3c4` (merge base with main, 3 commits behind `main`) · head: work tree on `5d6e7f8` · \
mlops-ci {mlops_ci.__version__}</sub>
"""
    )


def test_a_hostile_name_makes_no_markup(
    hostile_comparison, harmless_comparison, hostile_verdicts, harmless_verdicts
):
    whole = {"everything": True, "limit": 10**9}
    shown = markdown.render(hostile_comparison, hostile_verdicts, **whole)
    shown.encode()
    blocks = PARSER.parse(shown)
    harmless = PARSER.parse(markdown.render(harmless_comparison, harmless_verdicts, **whole))
    assert [block.type for block in blocks] == [block.type for block in harmless]
    tokens = inline(blocks)
    allowed = {
        *("text", "softbreak", "hardbreak", "code_inline", "html_inline"),
        *("strong_open", "strong_close"),
    }
    assert {token.type for token in tokens} <= allowed
    html = [token.content for token in [*blocks, *tokens] if token.type.startswith("html_")]
    assert Tags("".join(html)).found <= OURS
    bare, _ = read(blocks)
    # Nothing that GitHub turns into a link, a mention, an emoji or a formula stands outside of code.
    bare = bare.replace("[!CAUTION]", "")
    assert not re.search(r"[@#$`<>\[\]\\]|://|www\.|:\w+:|[0-9a-f]{7}", bare)


def test_no_line_is_a_workflow_command(hostile_comparison, hostile_verdicts):
    shown = markdown.render(hostile_comparison, hostile_verdicts, everything=True)
    assert not [line for line in shown.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in shown


def names(comparison: Comparison) -> list[str]:
    """What stands in a code span of its own, as a reader should see it."""
    found = []
    for model in comparison.models:
        found += [model.model, *(one.name for one in (*model.metrics, *model.params))]
        found += [one.source for one in model.metrics]
        found += [one.path for one in (*model.data, *model.code)]
        found += [one.name for one in model.environment]
    return [*found, comparison.baseline.origin.rev, comparison.baseline.behind_of]


def test_a_hostile_name_is_read_as_it_is(hostile_comparison):
    _, code = read(PARSER.parse(markdown.render(hostile_comparison, everything=True)))
    for name in names(hostile_comparison):
        shown = text.visible(name, 400)
        assert shown in code or gfm.shortened(name) in code


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
    assert gfm.name(name) == shown


def test_bookkeeping_is_shown_on_request(comparison):
    assert "**step**" not in markdown.render(comparison)
    whole = markdown.render(comparison, everything=True)
    assert "**step**" in whole
    assert "Not shown" not in whole


def test_a_long_list_is_cut_and_says_by_how_much(comparison):
    code = tuple(CodeChange(path=f"f{number:04}", change="changed") for number in range(1300))
    shown = markdown.render(replace(comparison, models=(ModelComparison(model="m", code=code),)))
    assert "<summary><b>Code</b>: 1,300</summary>" in shown
    assert "- `f0199` changed\n- and 1,100 more\n" in shown
    assert "f0200" not in shown


def test_a_cell_breaks_every_few_words_also_between_names():
    """Else the part of it that says what is wrong is out of sight, at the end of a table that has to be scrolled."""
    line = (
        spans.Strong("not trusted"),
        ": nothing was retrained: ",
        spans.Code("churn/dvc.lock"),
        " changed, and ",
        spans.Code("churn/dvc.yaml:train"),
        " did not run",
    )
    steady = tables._steady(line)
    assert steady.replace("\u00a0", " ") == gfm.line(line, cell=True)
    assert 3 <= len(steady.split(" ")) <= 5
