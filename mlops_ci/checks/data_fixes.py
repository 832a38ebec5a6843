"""The commands that take a file out of Git and give it to the tool that should have it."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_ci.git.index import IndexTree
from mlops_ci.text import ignore_pattern, pathspec, shell_word

if TYPE_CHECKING:
    from mlops_ci.checks.base import Scope
    from mlops_ci.checks.file_kinds import Kind

_HISTORY = "Git keeps every version for good, and every clone downloads them all."
_OUTPUTS = (
    "Its bytes are stored output: they change with every run, and every clone downloads them all."
)
_STRIP = "for good: pip install nbstripout && nbstripout --install"
WHY: dict[Kind, str] = {
    "model": f"{_HISTORY} A model belongs into DVC or Git LFS.",
    "data": f"{_HISTORY} Data belongs into DVC or Git LFS.",
    "notebook": _OUTPUTS,
    "media": _HISTORY,
    "binary": _HISTORY,
    "text": _HISTORY,
}
WHY_TOOLS = (
    "A tool writes these by itself; in Git they grow with every run and conflict in every merge."
)


class Fixes:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._initialised = False

    @cached_property
    def _tools(self) -> tuple[bool, bool]:
        """Whether the repository uses DVC, and Git LFS."""
        entries = self._scope.tree.entries
        attributes = (
            self._scope.tree.read(".gitattributes") if ".gitattributes" in entries else None
        )
        dvc = any(path.startswith(".dvc/") or "/.dvc/" in path for path in entries)
        return dvc, b"filter=lfs" in (attributes or b"")

    def file(self, kind: Kind, path: str) -> str:
        if kind == "notebook":
            word = shell_word(path)
            return f"nbstripout {word} && git add {pathspec(path)}\n{_STRIP}"
        return self._with_history(self._give(path, posixpath.dirname(path), recursive=False))

    def folder(self, kind: Kind, folder: str, paths: list[str]) -> str:
        if kind == "notebook":
            word = shell_word(folder)
            return f"nbstripout {word}/*.ipynb && git add {pathspec(folder)}\n{_STRIP}"
        whole = len(paths) == len(self._scope.tree.below(folder))
        if whole:
            return self._with_history(self._give(folder, posixpath.dirname(folder), recursive=True))
        return self._with_history(
            f"git rm --cached -- {' '.join(map(pathspec, paths[:3]))} …\n"
            f"dvc add {shell_word(folder)}/…, only what is data; each file gets a .dvc file to commit"
        )

    def _give(self, path: str, parent: str, *, recursive: bool) -> str:
        dvc, lfs = self._tools
        word, ours = shell_word(path), pathspec(path)
        flag = "-r " if recursive else ""
        if lfs and not dvc:
            pattern = f"{word}/**" if recursive else word
            return (
                f"git lfs track {pattern} && git add .gitattributes && "
                f"git rm {flag}--cached --quiet {ours} && git add {ours}"
            )
        ignore = pathspec(posixpath.join(parent, ".gitignore"))
        start = "" if dvc or self._initialised else "dvc init && "
        self._initialised = True
        pointer = pathspec(f"{path}.dvc")
        return f"{start}git rm {flag}--cached --quiet {ours} && dvc add {word} && git add {pointer} {ignore}"

    def ignore_anywhere(self, line: str) -> str:
        """`line`: of .gitignore, without a folder."""
        remove = f"git rm -r --cached --quiet -- {shell_word(f'*{line}*' if line.endswith('/') else f'*{line}')}"
        return self._with_history(
            f"{remove} && echo {shell_word(line)} >> .gitignore && git add .gitignore"
        )

    def ignore(self, where: str, paths: list[str]) -> str:
        """`where`: a folder with `/` at its end, or a file."""
        target = where if where.endswith("/") else (where or paths[0])
        flag = "-r " if target.endswith("/") else ""
        rule = shell_word(f"/{ignore_pattern(target)}")
        remove = f"git rm {flag}--cached --quiet {pathspec(target)}"
        return self._with_history(f"{remove} && echo {rule} >> .gitignore && git add .gitignore")

    def untrack(self, path: str) -> str:
        return self._with_history(
            f"git rm -r --cached --quiet {pathspec(path)}\nor, to keep it in Git, say cache: false of it"
        )

    def _with_history(self, command: str) -> str:
        if isinstance(self._scope.tree, IndexTree):
            return command
        base = self._scope.base.label if self._scope.base else "--root"
        return f"{command}\nit is in commits already: git rebase -i {base}, and take it out where it comes in"
