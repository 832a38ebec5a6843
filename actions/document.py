"""Writes the tables of inputs and outputs in docs/actions.md from the action.yml files: python actions/document.py"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/actions.md"


def actions() -> dict[str, dict[str, Any]]:
    """By the word after `mlops-ci/mlops-ci/actions/`; that of the root is the empty one."""
    paths = sorted(ROOT.glob("actions/*/action.yml"))
    named = {path.parent.name: path for path in paths}
    if (ROOT / "action.yml").exists():
        named = {"": ROOT / "action.yml", **named}
    return {name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in named.items()}


def tables(action: dict[str, Any]) -> str:
    return "\n".join(
        f"| {kind} | |\n|:--|:--|\n{_rows(action[f'{kind}s'])}"
        for kind in ("input", "output")
        if f"{kind}s" in action
    )


def _rows(entries: dict[str, dict[str, str]]) -> str:
    return "".join(f"| `{name}` | {entry['description']} |\n" for name, entry in entries.items())


def page(text: str) -> str:
    """The page with every table made anew."""
    for name, action in actions().items():
        begin, end = (f"<!-- {name or 'root'}: {which} -->" for which in ("begin", "end"))
        before, after = text.split(begin, maxsplit=1)[0], text.split(end)[1]
        text = f"{before}{begin}\n{tables(action)}{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
