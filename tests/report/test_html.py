"""The report as a page: read back by a parser, nothing in it but what we wrote."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from mlops_ci import text
from mlops_ci.report import html

if TYPE_CHECKING:
    from mlops_ci.model import Comparison

# Every attribute that we write, and what it may hold.
ATTRIBUTES = {
    "html": {"lang": "en"},
    "meta": {"charset": ".*", "name": ".*", "content": ".*", "http-equiv": ".*"},
    "div": {"class": "scroll|pair", "tabindex": "0", "role": "group", "aria-label": "[A-Z][a-z ]+"},
    "dl": {"class": "is-[a-z]+"},
    "th": {"class": "[a-z]+", "scope": "row|col|rowgroup", "colspan": "5"},
    "tr": {"class": "group"},
    "td": {"class": "n|plot|file|n (gain|loss)[123]"},
    "table": {"class": "heat"},
    "img": {
        "src": "data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+", "alt": ".*, (base|head)",
        "width": r"\d+", "height": r"\d+",
    },
    "b": {"class": "loss|gain|none"},
    "p": {"class": "mut"},
    "ul": {"class": "notes"},
    "span": {"class": "hidden"},
    "svg": {
        "class": "[a-z ]+", "viewbox": "[0-9 ]+", "role": "img",
        "aria-label": "[a-z ]+|-?[0-9.e+-]+ times the limit",
    },
    "path": {"fill": "currentColor", "fill-rule": "evenodd", "d": "[-MmAaZzLlHhVv0-9. ]+"},
    "rect": {"class": "zone", "x": r"\d+%", "y": "0", "width": r"\d+%", "height": "100%"},
    "line": {
        "class": "limit|zero|rule", "x1": r"\d+%?", "x2": r"\d+%?", "y1": r"[\d.]+", "y2": r"100%|[\d.]+",
    },
    "circle": {"class": "dot|base|head", "cx": r"[\d.]+%?", "cy": r"50%|[\d.]+", "r": "5|4"},
    "text": {
        "class": "end|tick|end-base|end-head", "x": r"[\d.]+%?", "y": r"50%|[\d.]+", "dy": ".35em",
        "text-anchor": "end|start|middle",
    },
    "polyline": {"class": "base|head", "points": "[-0-9., ]+"},
}  # fmt: skip
BARE = {
    *("head", "title", "style", "body", "main", "section", "footer", "h1", "h2", "h3"),
    *(
        "figure",
        "figcaption",
        "desc",
        "table",
        "caption",
        "thead",
        "tbody",
        "dt",
        "dd",
        "li",
        "small",
        "code",
        "pre",
    ),
}
VOID = {"meta", "path", "rect", "line", "circle", "polyline", "img"}


class Page(HTMLParser):
    """Tags with their attributes in order, the text of each element, and whether all of them are closed."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, list[str]]] = []
        self.open: list[tuple[str, list[str]]] = []
        self.other: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append((tag, []))
            self.texts.append(self.open[-1])

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1][1].append(data)
        else:
            assert not data.strip()

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    unknown_decl = handle_pi = handle_comment

    def all(self, tag: str) -> list[str]:
        return ["".join(found) for name, found in self.texts if name == tag]


def shape(page: Page) -> list[str]:
    """What does not depend on how a name is quoted."""
    return [tag for tag, _ in page.tags if tag not in ("code", "b")]


def test_a_hostile_name_makes_no_markup(
    hostile_comparison, harmless_comparison, hostile_verdicts, harmless_verdicts
):
    shown = html.render(hostile_comparison, hostile_verdicts, everything=True)
    shown.encode()
    page = Page(shown)
    harmless = Page(html.render(harmless_comparison, harmless_verdicts, everything=True))
    assert (page.open, page.other) == ([], [])
    assert shape(page) == shape(harmless)
    for tag, attributes in page.tags:
        assert tag in ATTRIBUTES or tag in BARE
        for name, value in attributes.items():
            assert re.fullmatch(ATTRIBUTES[tag][name], value or "")


def test_a_hostile_name_is_read_as_it_is(hostile_comparison, hostile_verdicts):
    page = Page(html.render(hostile_comparison, hostile_verdicts, everything=True))
    hidden = text.visible(hostile_comparison.models[0].model, 400)
    assert hidden in page.all("code")
    assert any(found.startswith(hidden[:100]) for found in page.all("th"))
    for found in (*page.all("code"), *page.all("th")):
        for line in found.splitlines():
            assert text.visible(line, 10_000) == line


def test_no_request_is_made(hostile_comparison, hostile_verdicts):
    """Neither by an element nor by a style; and a browser would refuse to make one."""
    shown = html.render(hostile_comparison, hostile_verdicts)
    page = Page(shown)
    (style,) = page.all("style")
    assert not re.search(r"url\(|@import|image-set|expression", style)
    (policy,) = [attrs["content"] for _, attrs in page.tags if "http-equiv" in attrs]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "form", "base", "a", "use"}
    sources = [attrs["src"] or "" for _, attrs in page.tags if "src" in attrs]
    assert sources
    assert all(one.startswith("data:image/png;base64,") for one in sources)
    asked = {"href", "srcset", "action", "style", "data", "background"}
    assert not asked & {name for _, attrs in page.tags for name in attrs}


@pytest.fixture
def page(comparison: Comparison, failing) -> Page:
    return Page(html.render(comparison, failing))


def test_it_can_be_read_out(page):
    assert ("html", {"lang": "en"}) in page.tags
    headings = [tag for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1"
    assert headings.count("h1") == 1
    assert all(int(b[1]) - int(a[1]) <= 2 for a, b in itertools.pairwise(headings))
    assert all(attrs.get("scope") for tag, attrs in page.tags if tag == "th")
    assert all(attrs.get("aria-label") for tag, attrs in page.tags if tag == "svg")
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(page.all("caption"))
    (title,) = page.all("title")
    assert title == "churn is worse in loss: blocked"


def test_nothing_is_collapsed_and_all_is_there(page, comparison):
    assert not page.all("details")
    rows = [found.split(" ")[0].strip() for found in page.all("th")]
    assert {one.name for one in comparison.models[0].metrics if not one.hidden} <= set(rows)


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    digits = "".join(one * 2 for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(share * one for share, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_enough_in_light_dark_and_print(page):
    (style,) = page.all("style")
    themes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", one)) for one in
              re.findall(r":root \{(.*?)\}", style, re.DOTALL)]  # fmt: skip
    assert len(themes) == 3
    for theme in themes:
        for ground in ("bg", "soft"):
            for ink in ("fg", "mut"):
                assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
        for ink in ("red", "grn", "yel", "vio"):
            assert contrast(theme[ink], theme["bg"]) >= 4.5, ink
            assert contrast(theme["fg"], theme[f"{ink}-bg"]) >= 4.5, ink
        for ink in ("red", "grn"):
            assert contrast(theme[ink], theme["red-bg"]) >= 4.5, ink
