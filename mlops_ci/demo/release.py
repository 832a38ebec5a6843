"""The demo's second half: tags ask for production, one is refused, and the way back is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.errors import MlopsCiError
from mlops_ci.git import Repository
from mlops_ci.promote.status import status

if TYPE_CHECKING:
    from mlops_ci.demo.shell import Shell

_MODEL = "digits"
_STAGE = "prod"


def run(sh: Shell) -> None:
    """Raises MlopsCiError when the demo does not show what it promises."""
    sh.screen.heading("4  v1.0.0: a tag registers, a tag asks, and what is found decides")
    sh("git", "switch", "main")
    _ask(sh, "v1.0.0", 1, "main")
    _keep_promise(sh, "v1.0.0", verified=True)
    sh.screen.heading("5  v1.1.0: `better` is merged, and judged against v1.0.0 once more")
    sh("git", "merge", "--ff-only", "better")
    sh("dvc", "checkout")
    _ask(sh, "v1.1.0", 2, "better")
    _keep_promise(sh, "v1.1.0", verified=True)
    sh.screen.heading("6  v1.2.0: someone tags `worse-on-8` by hand")
    _ask(sh, "v1.2.0", 3, "worse-on-8", code=1)
    sh.screen.line("  The tag stands, and whoever reads tags alone believes it:")
    _show(sh, "status")
    _keep_promise(sh, "v1.2.0", verified=False)
    sh.screen.heading("7  The way back, and why this is in production")
    _show(sh, "rollback", _MODEL, "--local", "--reason", "v1.2.0 was tagged by hand")
    _show(sh, "why", _MODEL)
    _keep_promise(sh, "v1.1.0", verified=True)


def _ask(sh: Shell, version: str, number: int, rev: str, *, code: int = 0) -> None:
    asked = f"{_MODEL}#{_STAGE}#{number}"
    sh("git", "tag", "--message", f"digits of {rev}", f"{_MODEL}@{version}", rev)
    sh("git", "tag", "--message", f"{version} to {_STAGE}, please", asked, rev)
    _show(sh, "promote", "--local", asked, code=code)


def _show(sh: Shell, *words: str, code: int = 0) -> None:
    sh("mlops-ci", *words, show=sh.screen.quote, code=code)


def _keep_promise(sh: Shell, version: str, *, verified: bool) -> None:
    found = status(Repository.discover(sh.folder))
    (model,) = found.models
    holder = model.holder(_STAGE)
    held = holder.version if holder else "nothing"
    if (held, (_MODEL, _STAGE) in found.verified) != (version, verified):
        raise MlopsCiError(
            f"{version} should hold {_STAGE}, verified: {verified}, but {held} does",
            hint="please report it with the output of: pip freeze",
        )
