"""What the stages of a pipeline would run on now, and whether the numbers are of such a run."""

from __future__ import annotations

from mlops_ci.frozen import dataclass


@dataclass(frozen=True, kw_only=True)
class StageInputs:
    """What a stage would run on now, by name (its command, params, code and input data), and its entry in dvc.lock.

    `stale`: params that are not what dvc.lock says the stage ran with. `trains`: it makes a model, or what a
    model is made from.
    """

    name: str
    inputs: dict[str, str]
    lock_digest: str | None
    stale: tuple[str, ...] = ()
    trains: bool = False
