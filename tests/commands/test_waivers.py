"""Waivers end to end: what the gate, every form of the report and the checks say of one."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from mlops_ci.cli import run

BEFORE, LATER = "2020-12-31", "2999-12-31"
STYLES = ("term", "md", "html", "json")
HOSTILE = (
    "@all #1 \\n::error::pwn </table><script>alert(1)</script> `x` | [a](javascript:1) \\u202e"
)
GATES = """\
metrics: {auc: {direction: higher_is_better}}
gates:
- {id: no-worse, metric: auc, change: {max_regression: 0.01}}
"""


def waiver(
    *, until: str, cap: str = "null", text: str = HOSTILE, scope: str = "gate: no-worse"
) -> str:
    return (
        f"waivers:\n- {{{scope}, max_regression: {cap}, expires: {until},"
        f' reason: "{text}", approved_by: "@ml-leads {text}"}}\n'
    )


@pytest.fixture
def worse(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`worse(on_main, on_branch)`: the waivers there; the branch, checked out, loses 0.05."""
    monkeypatch.chdir(repo.path)

    def made(on_main: str = "", on_branch: str | None = None) -> None:
        repo.commit(
            **{
                "dvc.yaml": "stages: {t: {cmd: t, metrics: [m.json: {cache: false}]}}\n",
                "m.json": '{"auc": 0.9}',
                "mlops-ci.yaml": GATES + on_main,
            }
        )
        repo.git("switch", "-qc", "feature")
        more = {} if on_branch is None else {"mlops-ci.yaml": GATES + on_branch}
        repo.commit(**{"m.json": '{"auc": 0.85}', **more})

    return made


class _Page(HTMLParser):
    """Its text, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self._hidden = tag in ("style", "script")
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data


def report(capsys: Any, style: str) -> str:
    assert run(["report", "main", "HEAD", "--format", style]) == 0
    found: str = capsys.readouterr().out
    return found


def words(capsys: Any, style: str) -> str:
    """What a reader sees."""
    shown = report(capsys, style)
    if style == "html":
        shown = _Page(shown).text
    return " ".join(shown.replace("**", "").replace("`", "").split())


@pytest.mark.parametrize(
    ("until", "cap", "code", "said"),
    [
        (LATER, "null", 0, "waived until 2999-12-31"),
        (LATER, "0.06", 0, "waived until 2999-12-31"),
        (LATER, "10%", 0, "waived until 2999-12-31"),
        (LATER, "0.04", 1, "the cap CAP of its waiver"),
        (LATER, "5%", 1, "the cap CAP of its waiver"),
        (BEFORE, "null", 1, "waiver expired 2020-12-31"),
        (BEFORE, "0.06", 1, "waiver expired 2020-12-31"),
    ],
)
def test_until_its_day_and_within_its_cap(
    worse: Any, capsys: Any, until: str, cap: str, code: int, said: str
) -> None:
    worse(waiver(until=until, cap=cap))
    assert run(["gate", "main", "HEAD"]) == code
    capsys.readouterr()
    for style in ("term", "md", "html"):
        assert said.replace("CAP", cap) in words(capsys, style)
    verdict = json.loads(report(capsys, "json"))["models"][0]["verdict"]
    assert verdict["result"] == ("fail" if code else "waived")
    assert verdict["outcomes"][0]["waiver"]["until"] == until


@pytest.mark.parametrize("style", STYLES)
def test_a_change_cannot_waive_its_own_failure(worse: Any, capsys: Any, style: str) -> None:
    worse(on_branch=waiver(until=LATER))
    assert run(["gate", "main", "HEAD"]) == 1
    capsys.readouterr()
    said = words(capsys, style)
    assert said.count("waived until") == said.count("no-worse waived until") == 1  # what is looser
    verdict = json.loads(report(capsys, "json"))["models"][0]["verdict"]
    assert verdict["result"] == "fail"
    assert "waiver" not in verdict["outcomes"][0]


def test_a_change_cannot_take_a_cap_away(worse: Any) -> None:
    worse(waiver(until=LATER, cap="0.04"), waiver(until=LATER))
    assert run(["gate", "main", "HEAD"]) == 1


@pytest.mark.parametrize("until", [BEFORE, LATER])
def test_hostile_words_stay_words(worse: Any, capsys: Any, until: str) -> None:
    worse(waiver(until=until))
    for style in STYLES:
        shown = report(capsys, style)
        assert not [line for line in shown.splitlines() if line.lstrip().startswith("::")]
        assert "\u202e" not in shown
    page = _Page(report(capsys, "html"))
    assert ("<script>alert(1)</script>" in page.text) == (until == LATER)
    assert page.tags.isdisjoint({"img", "a", "iframe"})
    bare = re.sub(r"(`+).*?\1", "", report(capsys, "md"))
    assert not re.search(r"@(all|ml-leads)|<script|</table|\]\(", bare)


def findings(capsys: Any, *arguments: str) -> tuple[int, str]:
    code = run(["check", "environment-pinned", *arguments])
    return code, capsys.readouterr().out


@pytest.mark.parametrize(("until", "code"), [(BEFORE, 1), (LATER, 0)])
@pytest.mark.parametrize("style", ["text", "json", "github"])
def test_a_finding_is_waived_by_the_base(
    repo: Any, capsys: Any, monkeypatch: Any, until: str, code: int, style: str
) -> None:
    monkeypatch.chdir(repo.path)
    text = waiver(until=until, scope="rule: environment-pinned").replace(
        "max_regression: null,", ""
    )
    repo.commit(**{"mlops-ci.yaml": text, "requirements.txt": "a==1\n"})
    repo.git("switch", "-qc", "feature")
    repo.commit(**{"requirements.txt": "a\n"})
    found, shown = findings(capsys, "--from-ref", "main", "--format", style)
    assert found == code
    assert ("its waiver expired 2020-12-31" if code else "waived until 2999-12-31") in shown
    commands = [line for line in shown.splitlines() if line.startswith("::")]
    level = "error" if code else "notice"
    assert all(line.startswith(f"::{level} title=environment-pinned") for line in commands)
    assert bool(commands) == (style == "github")
    assert "\u202e" not in shown


def test_a_change_cannot_waive_its_own_finding(repo: Any, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(repo.path)
    repo.commit(**{"mlops-ci.yaml": GATES, "requirements.txt": "a==1\n"})
    repo.git("switch", "-qc", "feature")
    text = waiver(until=LATER, scope="rule: environment-pinned").replace(
        "max_regression: null,", ""
    )
    repo.commit(**{"requirements.txt": "a\n", "mlops-ci.yaml": text})
    code, shown = findings(capsys, "--from-ref", "main")
    assert code == 1
    assert "waive" not in shown
