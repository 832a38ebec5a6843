"""Findings as text, as JSON and as annotations of GitHub. What they hold is hostile text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.checks.run import Report
    from mlops_ci.finding import Finding

Style = Literal["text", "json", "github"]
STYLES: tuple[Style, ...] = ("text", "json", "github")
_MAX = 10_000
_LABELS = {"error": "", "warning": "warning: ", "note": "note: "}
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report, style: str) -> str:
    """Empty when there is nothing to say, but for JSON."""
    if style == "json":
        return _json(report)
    lines = _github(report.findings) if style == "github" else _text(report.findings)
    return "".join(f"{line}\n" for line in lines)


def summary(report: Report) -> str:
    """One line: what was checked, and how it went."""
    failing = [one for one in report.findings if one.level == "error"]
    undecided = sum(one.undecided for one in failing)
    remarks = len(report.findings) - len(failing)
    parts = [
        _count(len(failing) - undecided, "finding"),
        f"{undecided} undecided" if undecided else "",
        _count(remarks, "remark") if remarks else "",
    ]
    return f"{_count(report.checks, 'check')}, {report.scope}: {', '.join(filter(None, parts))}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _text(findings: Sequence[Finding]) -> Iterator[str]:
    why = ""
    for one in findings:
        yield f"{_place(one)}: [{visible(one.rule)}] {_what(one)}"
        if one.why != why:  # once for a row of findings that have it in common
            yield from (f"    {visible(line, _MAX)}" for line in one.why.splitlines())
        why = one.why
        yield from (f"    {line}" for line in _fix(one))


def _place(one: Finding) -> str:
    numbers = f":{one.line}" if one.line else ""
    numbers += f":{one.column}" if one.line and one.column else ""
    return (visible(one.path, _MAX) or "repository") + numbers


def _what(one: Finding) -> str:
    undecided = "undecided, because " if one.undecided else ""
    return f"{_LABELS[one.level]}{undecided}{visible(one.what, _MAX)}"


def _fix(one: Finding) -> Iterator[str]:
    label = "to decide" if one.undecided else "fix"
    for number, line in enumerate(one.fix.splitlines()):
        yield f"{f'{label}: ' if not number else ' ' * (len(label) + 2)}{visible(line, _MAX)}"
    if one.undecided and one.level == "error":
        yield f"or let it pass: checks.{one.check}.on_undecided: pass, in mlops-ci.yaml"


def _github(findings: Sequence[Finding]) -> Iterator[str]:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands"""
    for one in findings:
        properties = [f"title={_property(one.rule)}"]
        if one.path:
            properties.append(f"file={_property(one.path)}")
        if one.line:
            properties.append(f"line={one.line}")
        if one.line and one.column:
            properties.append(f"col={one.column}")
        message = "\n".join([_what(one), *one.why.splitlines(), *_fix(one)])
        yield f"::{_COMMANDS[one.level]} {','.join(properties)}::{_data(message)}"


def _data(text: str) -> str:
    lines = (visible(line, _MAX) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return visible(text, _MAX).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


def _json(report: Report) -> str:
    import json

    body = {
        "schema_version": 1,
        "checked": report.scope,
        "checks": report.checks,
        "exit_code": report.exit_code,
        "findings": [one._asdict() for one in report.findings],
    }
    return json.dumps(body, indent=2) + "\n"
