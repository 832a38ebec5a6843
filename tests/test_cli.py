"""The command line itself."""

from __future__ import annotations

import pytest

from mlops_ci.cli import run


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("gaet", "did you mean mlops-ci gate?"),
        ("pubish", "did you mean mlops-ci publish?"),
        ("\x1b[2J", "mlops-ci --help lists them"),
    ],
)
def test_a_mistyped_command_is_one_line_and_what_was_meant(
    capsys: pytest.CaptureFixture[str], typed: str, hint: str
) -> None:
    assert run([typed]) == 2
    error = capsys.readouterr().err
    assert "there is no command" in error
    assert hint in error
    assert "\x1b" not in error
