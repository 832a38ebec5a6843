"""What `mlops-ci gate calibrate` and `selftest` have in common: which revision, and which gates are tried out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlops_ci.commands import options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_ci.diff import Request

_F = TypeVar("_F", bound="Callable[..., Any]")


def tried(command: _F) -> _F:
    """Give a command the argument REV and the options that say which gates and models."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return options.judging(command)


_OPTIONS = (
    click.argument("rev", required=False, shell_complete=options.complete_revision),
    options.MODELS,
    options.CONFIG,
    options.FETCH,
    click.option("--json", "as_json", is_flag=True, help="For machines."),
)


def request(chosen: Mapping[str, options.Chosen], head: str | None) -> Request:
    from mlops_ci.diff import Request

    names = ("config", "models", "fetch")
    return Request(start=Path.cwd(), head=head, **{name: chosen[name] for name in names})
