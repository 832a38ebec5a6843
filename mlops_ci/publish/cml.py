"""The same report through the user's own `cml`: for GitLab and Bitbucket, and where it is in use already.

https://github.com/iterative/cml. What it does on its own accord is turned off: it uploads every file that a link of the
report leads to, and takes any comment with its default mark for its own.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.errors import PublishError
from mlops_ci.process import run
from mlops_ci.publish import comment

if TYPE_CHECKING:
    from mlops_ci.publish.shown import Shown

_TIMEOUT = 120
# What is not one of these could be read as another mark, or as none.
_SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."


def hand_over(shown: Shown, key: str) -> None:
    """Raises PublishError when cml fails, ToolError when there is none. Its own words may hold a token: not quoted."""
    mark = "".join(sign if sign in _SAFE else "-" for sign in key)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.md")
        page = comment.page(shown)
        file.write_text(page, encoding="utf-8", errors="backslashreplace", newline="\n")
        command = [
            "cml",
            "comment",
            "update",
            "--publish=false",
            f"--watermark-title=mlops-ci-{mark}",
        ]
        done = run([*command, str(file)], timeout=_TIMEOUT)
    if done.returncode:
        raise PublishError(
            f"cml comment update failed with exit code {done.returncode}",
            hint="see what it says: mlops-ci report -o report.md && cml comment update --publish=false report.md",
        )
