"""The gates that a pull request brings along, read through the API as those of its base are."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci.errors import MlopsCiError
from mlops_ci.github import pulls
from mlops_ci.model import Note
from mlops_ci.proposed_policy import policy_in, remarked

if TYPE_CHECKING:
    from mlops_ci.config import Config
    from mlops_ci.github.client import Client
    from mlops_ci.publish.shown import Shown


def shown_too(
    shown: Shown,
    client: Client,
    base: Config | None,
    tip: str,
    head: str,
    profile: str | None = None,
) -> Shown:
    """`base`: the config at `tip`, by which `shown` was judged, in `profile`.

    What cannot be read is told: it is no agreement.
    """
    try:
        own = configuration.load(pulls.reader(client, head))
        if own == base:
            return shown
        start = pulls.merge_base(client, tip, head)
        before = base if start == tip else configuration.load(pulls.reader(client, start))
    except MlopsCiError as error:
        return _with(shown, str(error).partition("\n")[0])
    comparison = remarked(
        shown.comparison,
        before,
        own,
        partial(policy_in, profile=profile),
        seen={},
        today=datetime.now(timezone.utc).date(),
    )
    return replace(shown, comparison=comparison)


def _with(shown: Shown, reason: str) -> Shown:
    message = f"whether this change also changes the gates cannot be told: {reason}"
    note = Note(kind="policy-changed", message=message, path=configuration.FILE)
    models = (replace(one, notes=(*one.notes, note)) for one in shown.comparison.models)
    return replace(shown, comparison=replace(shown.comparison, models=tuple(models)))
