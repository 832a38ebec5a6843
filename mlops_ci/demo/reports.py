"""The reports of one branch: on the terminal, and as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.report import html, machine, markdown, terminal

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_ci.gate import Judged


def on_terminal(judged: Judged, *, colour: bool) -> str:
    return terminal.render(judged.comparison, judged.verdicts, colour=colour)


def write(judged: Judged, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        "report.md": markdown.render(judged.comparison, judged.verdicts),
        "report.html": html.render(judged.comparison, judged.verdicts),
        "report.json": machine.render(judged.comparison, judged.verdicts),
    }
    for name, content in found.items():
        (folder / name).write_bytes(content.encode())
