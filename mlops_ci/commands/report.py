"""`mlops-ci report`: the comparison and the verdict as a page to read."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_ci.commands import options, step
from mlops_ci.commands.files import write

UNDECIDED = 3
_SUFFIXES = {".html": "html", ".htm": "html", ".json": "json", ".md": "md"}


@click.command()
@options.revisions
@click.option(
    "--format",
    "style",
    type=click.Choice(["term", "md", "html", "json"]),
    help="Without it, what the ending of FILE says; else term.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to FILE, whole or not at all. Without it, print.",
)
@options.judging
@options.github
def report(
    style: str | None,
    output: Path | None,
    policy: str | None,
    profile: str | None,
    github: bool,
    **chosen: options.Chosen,
) -> int:
    """Tell what a change did: better or worse, by how much, what may explain it, and what to do.

    BASE and HEAD are those of `mlops-ci diff`, the verdict is that of `mlops-ci gate`.

    \b
    Examples:
      mlops-ci report                    at the terminal
      mlops-ci report -o report.html     one page: no script, no request, prints well
      mlops-ci report -o report.md       a comment on GitHub, at most 60,000 characters
      mlops-ci report main HEAD -o report.json

    The report informs and blocks nothing: the exit code is 0 also when the verdict is fail (`mlops-ci gate` is
    the one that blocks), and 3 when something that should have been compared could not be read.
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    judged = options.judge(options.request(chosen, plots=True), policy, profile=profile)
    kind = style or (_SUFFIXES.get(output.suffix.lower(), "term") if output else "term")
    everything = chosen["everything"]
    if output is None:
        colour = options.wants_colour()
        shown = options.render(
            judged.comparison, judged.verdicts, kind, everything=everything, colour=colour
        )
        click.echo(shown, nl=False, color=True)
    else:
        shown = options.render(judged.comparison, judged.verdicts, kind, everything=everything)
        write(output, shown)
        click.echo(f"wrote {click.format_filename(output)}", err=True)
    if github:
        step.hand_over(judged, everything=everything)
    return UNDECIDED if judged.comparison.undecided else 0
