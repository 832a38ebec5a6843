"""Folders that tools write by themselves and that nobody means to commit: trackers, caches, DVC remotes."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple


class Written(NamedTuple):
    """`folder`: what to ignore, a folder with `/` at its end or a file. `what`: whose it is.

    `anywhere`: a line for .gitignore, where a tool writes into many folders; `folder` is empty then.
    """

    folder: str
    what: str
    rule: str
    anywhere: str = ""


# The pattern's first group is what to ignore.
_TRACKERS: tuple[tuple[str, str], ...] = (
    (r"((?:.*/)?mlruns/)(?:[^/]+/)*[^/]+", "runs of MLflow"),
    (r"((?:.*/)?mlartifacts/)(?:[^/]+/)*[^/]+", "artifacts of MLflow"),
    (r"((?:.*/)?mlflow\.db)(?:-journal|-wal|-shm)?", "the database of MLflow"),
    (r"((?:.*/)?wandb/)(?:(?:offline-)?run-|latest-run|debug|.*\.wandb$).*", "runs of Weights & Biases"),
    (r"((?:.*/)?lightning_logs/).*", "logs of Lightning"),
    (r"((?:.*/)?catboost_info/).*", "logs of CatBoost"),
    (r"((?:.*/)?\.aim/).*", "runs of Aim"),
    (r"((?:.*/)?\.neptune/).*", "runs of Neptune"),
)  # fmt: skip
_ANYWHERE: tuple[tuple[str, str, str], ...] = (
    (r"(?:.*/)?events\.out\.tfevents\.[^/]*", "events of TensorBoard", "events.out.tfevents.*"),
    (
        r"(?:.*/)?\.ipynb_checkpoints/.*",
        "copies that Jupyter makes of notebooks",
        ".ipynb_checkpoints/",
    ),
)
# https://dvc.org/doc/user-guide/project-structure/internal-files
_CACHES: tuple[tuple[str, str], ...] = (
    (r"((?:.*/)?\.dvc/(?:cache|tmp)/).*", "DVC's cache"),
    (r"((?:.*/)?)files/md5/[0-9a-f]{2}/[0-9a-f]{30}(?:\.dir)?", "a DVC cache or remote"),
    (r"((?:.*/)?)[0-9a-f]{2}/[0-9a-f]{30}(?:\.dir)?", "a DVC cache or remote (DVC 2)"),
)
# One of these is in every path that a pattern can match: most paths need no pattern.
_HINT = re.compile(
    r"mlruns/|mlartifacts/|mlflow\.db|wandb/|lightning_logs/|catboost_info/|\.aim/|\.neptune/"
    r"|tfevents|\.ipynb_checkpoints/|\.dvc/|/?[0-9a-f]{2}/[0-9a-f]{30}"
)


def written_by(path: str) -> Written | None:
    if not _HINT.search(path):
        return None
    for pattern, what, rule in _patterns():
        if match := pattern.fullmatch(path):
            return Written(folder=match[1], what=what, rule=rule)
    for expression, what, line in _ANYWHERE:
        if re.fullmatch(expression, path, re.DOTALL):
            return Written(folder="", what=what, rule="tracker", anywhere=line)
    return None


@cache
def _patterns() -> list[tuple[re.Pattern[str], str, str]]:
    return [
        (re.compile(pattern, re.DOTALL), what, rule)
        for rule, table in (("tracker", _TRACKERS), ("cache", _CACHES))
        for pattern, what in table
    ]
