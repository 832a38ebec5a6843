"""How old a version is: evidence that was good once says little of what is to be predicted today."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from mlops_ci.errors import RefusedError

if TYPE_CHECKING:
    from mlops_ci.git import Repository
    from mlops_ci.promote.artifacts import ModelAt
    from mlops_ci.record import Provenance

_DAY = 24 * 60 * 60


def check(repository: Repository, model: ModelAt, trained: Provenance, days: int) -> None:
    """Raises RefusedError for a version that is older than so many days, or whose age cannot be told.

    Nothing signs the time of a Record. A commit has the results of the training, which so was before it: a Record of a
    later time is as old as its commit.
    """
    again = f"train again, commit, and tag a new version: mlops-ci train --force ({model.name})"
    ended = _seconds(trained.finished)
    if ended is None:
        what = f"the Record of {model.name} does not say when its training ended, and promote.max_age asks for that"
        raise RefusedError(what, hint=again)
    made = int(repository.git("show", "-s", "--format=%ct", model.commit).stdout or 0)
    oldest, now = min(ended, made), datetime.now(timezone.utc).timestamp()
    if oldest > now + _DAY:
        what = (
            f"the training of {model.name} and its commit are of a time to come: {trained.finished}"
        )
        raise RefusedError(what, hint="set the clock, and train again")
    if now - oldest > days * _DAY:
        since = datetime.fromtimestamp(oldest, timezone.utc)
        age = f"{int((now - oldest) / _DAY)} days old ({since:%Y-%m-%d})"
        what = f"what speaks for {model.name} at {model.commit[:7]} is {age}, and promote.max_age is {days}"
        raise RefusedError(what, hint=again)


def _seconds(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
