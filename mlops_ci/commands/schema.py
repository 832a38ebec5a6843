"""`mlops-ci schema`: JSON Schemas for config files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mlops_ci.errors import UsageError
from mlops_ci.text import shell_word


@click.group()
def schema() -> None:
    """JSON Schemas for params and config files, which the check config-schema enforces.

    \b
    Examples:
      mlops-ci schema infer params.yaml -o params.schema.json
      mlops-ci schema infer configs/*.yaml -o configs.schema.json
      mlops-ci schema config               that of mlops-ci.yaml, for editors
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines


@schema.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write it there, not to the terminal."
)
@click.option(
    "--history",
    default=50,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="How many older versions of each file in Git to read.",
)
def infer(files: tuple[Path, ...], output: Path | None, history: int) -> int:
    """Write a first schema from FILE and its versions in Git; several files share one.

    It says the types, the keys that were always there, and that there are no others; choices and ranges only where
    they are safe. Read it, tighten it, and name it in mlops-ci.yaml under checks.config-schema.schemas.
    """
    from mlops_ci.commands.files import write
    from mlops_ci.git.history import path_in_repository, versions
    from mlops_ci.infer import infer as inferred

    if output and output.resolve() in {file.resolve() for file in files}:
        raise UsageError(
            f"{output} is what the schema is made from, and would be overwritten",
            hint=f"-o {shell_word(f'{output.stem}.schema.json')}",
        )
    found = [one for file in files for one in versions(file, history)]
    title = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
    text = json.dumps(inferred(found, title), indent=2) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return 0
    write(output, text)
    count = f"{len(found)} version{'' if len(found) == 1 else 's'}"
    shown = click.format_filename(output)
    click.echo(f"{shown}: from {count}. To enforce it, in mlops-ci.yaml:")
    schema_path = path_in_repository(output)
    pairs = json.dumps({path_in_repository(file): schema_path for file in files})
    click.echo(f"  checks: {{config-schema: {{schemas: {pairs}}}}}")
    return 0


@schema.command()
def config() -> int:
    """Print the schema of mlops-ci.yaml."""
    from mlops_ci.schema import config_schema

    click.echo(json.dumps(config_schema(), indent=2))
    return 0
