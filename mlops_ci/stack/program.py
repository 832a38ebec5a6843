"""The programs that a project uses, from its own environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def find_program(
    name: str, root: Path, is_tracked: Callable[[str], bool], configured: str | None = None
) -> str | None:
    """As configured, else of the active environment, of `.venv`, of PATH.

    An environment that lies in Git is never used, nor one behind a link that does (`is_tracked`): nobody commits
    an environment, and a pull request could bring any program under that name.
    """
    import shutil

    def outside(file: str | None) -> str | None:
        lies_in_git = file is not None and any(
            map(is_tracked, _inside(root, Path(file).parent, Path(file)))
        )
        return None if lies_in_git else file

    if configured:
        return outside(shutil.which(str(root / configured)) or shutil.which(configured))
    environments = [Path(os.environ["VIRTUAL_ENV"])] if os.environ.get("VIRTUAL_ENV") else []
    for environment in [*environments, root / ".venv"]:
        for place in (f"bin/{name}", f"Scripts/{name}.exe"):
            file = environment / place
            if file.is_file() and not any(map(is_tracked, _inside(root, environment, file))):
                return str(file)
    return outside(shutil.which(name))


def _inside(root: Path, *files: Path) -> set[str]:
    """What of these files, and of what they lead to, is in the repository."""
    both = {path for file in files for path in (file.absolute(), file.resolve())}
    bases = (root, root.resolve())
    return {
        path.relative_to(base).as_posix()
        for path in both
        for base in bases
        if path.is_relative_to(base) and path != base
    }
