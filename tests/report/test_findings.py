"""Findings in the summary of a job, read by a parser of GitHub's markdown."""

from __future__ import annotations

import re

import pytest

from mlops_ci import text
from mlops_ci.finding import Finding
from mlops_ci.report import findings
from tests.report.test_markdown import OURS, PARSER, Tags, inline, read

FOUND = [
    Finding(rule="pins/loose", path="a.txt", what="is loose", level="warning"),
    Finding(rule="dvc/schema", path="dvc.yaml", what="unknown key", fix="edit it\nor not", line=6),
    Finding(rule="data/pushed", path="", what="no remote answers", fix="dvc push", undecided=True),
]


def test_the_worst_comes_first_with_its_place_and_what_to_do() -> None:
    shown = findings.render(FOUND, "index against 1a2b3c4: 3 files changed")
    assert shown.splitlines()[0] == "### ❌ 1 finding, 1 undecided, 1 remark"
    rows = [line for line in shown.splitlines() if line.startswith("| ")][1:]
    assert rows == [
        "| ❌ | `dvc.yaml:6`<br>`dvc/schema` | unknown key | `edit it`<br>`or not` |",
        "| ❔ | `data/pushed` | undecided, because no remote answers | `dvc push` |",
        "| ⚠️ | `a.txt`<br>`pins/loose` | is loose |  |",
    ]
    assert findings.counts(FOUND) == {"findings": 1, "undecided": 1, "remarks": 1}


def test_nothing_found_says_so() -> None:
    assert findings.render([], "all 3 files").startswith("### ✅ 0 findings\n")


def test_of_many_as_many_as_a_page_holds() -> None:
    many = [Finding(rule="a/b", path=f"f{at}", what="x" * 400) for at in range(5_000)]
    shown = findings.render(many, "all 5000 files")
    assert "And 4,800 more" in shown
    assert len(shown.encode()) < 1024 * 1024


@pytest.mark.parametrize("level", ["error", "note"])
def test_hostile_text_makes_no_markup(hostile: str, level: str) -> None:
    one = Finding(rule=hostile, path=hostile, what=hostile, fix=hostile, line=1)
    shown = findings.render([one._replace(level=level)], hostile)
    shown.encode()
    blocks = PARSER.parse(shown)
    harmless = FOUND[1]._replace(fix="\n".join(["a"] * len(hostile.splitlines())), level=level)
    assert [block.type for block in blocks] == [
        block.type for block in PARSER.parse(findings.render([harmless], "all"))
    ]
    html = [t.content for t in [*blocks, *inline(blocks)] if t.type.startswith("html_")]
    assert Tags("".join(html)).found <= OURS
    bare, code = read(blocks)
    assert not re.search(r"[@#$`<>\[\]\\]|://|www\.|:\w+:|[0-9a-f]{7}", bare)
    assert f"{text.visible(hostile, 400)}:1"[:300] in " ".join(code)
    assert not [line for line in shown.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in shown
