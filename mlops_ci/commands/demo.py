"""`mlops-ci demo`: see it work, on real input, before it is set up anywhere."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_ci.commands import options


@click.command()
@click.argument("folder", metavar="[DIR]", default="mlops-ci-demo", type=click.Path(path_type=Path))
def demo(folder: Path) -> int:
    """Train a small model for real, and see what is let through, to main and to production.

    Makes a Git and DVC repository in DIR (default: mlops-ci-demo), trains handwritten digits on `main` and on two
    branches, judges both by the same gates and writes their reports. One is better. One is better in every figure
    that is usually looked at, but worse on the digit 8, and is blocked. Then tags ask for production: the better one
    is promoted, the other is refused, and what its tag did is rolled back. Every command is printed as it runs.

    It takes about a minute, needs `pip install 'mlops-ci[demo]'` and no network, and writes nothing outside DIR. Run
    again, it replaces DIR; a folder that no demo has made is refused.

    Exit code 70: the demo did not show what it promises.
    """
    from mlops_ci.demo import story
    from mlops_ci.demo.screen import Screen

    story.run(folder, Screen(_write, colour=options.wants_colour()))
    return 0


def _write(text: str) -> None:
    click.echo(text, nl=False, color=True)
