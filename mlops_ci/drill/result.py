"""What a drill found: data only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from mlops_ci.frozen import dataclass

SCHEMA_VERSION = 1
# In this order; what follows a phase that failed is skipped, but for what follows the registry.
Name = Literal[
    "resolve", "clean room", "environment", "restore", "verify", "registry", "evaluate",
]  # fmt: skip
Result = Literal["passed", "failed", "unknown", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One step. `seconds`: how long it took; `says`: what was found, a line each."""

    name: Name
    result: Result
    seconds: float = 0.0
    says: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Drilled:
    """`injected`: the fault that was put in on purpose, and the phase that has to notice it; "" for a real drill.

    `put_in`: that phase had passed without the fault: what failed then is the fault, and nothing else.
    """

    tag: str
    version: str
    commit: str
    phases: tuple[Phase, ...]
    injected: str = ""
    expected: str = ""
    put_in: bool = False

    @property
    def seconds(self) -> float:
        """From nothing to a model that is verified and evaluated: the recovery time."""
        return sum(one.seconds for one in self.phases)

    @property
    def failed(self) -> Phase | None:
        return next((one for one in self.phases if one.result == "failed"), None)

    @property
    def exit_code(self) -> int:
        """0: restored, or the fault was noticed where it has to be; 1: not; 3: something could not be decided."""
        if self.injected:
            noticed = self.failed and self.failed.name == self.expected
            return 0 if self.put_in and noticed else 1
        if self.failed:
            return 1
        return 3 if any(one.result == "unknown" for one in self.phases) else 0

    def as_json(self) -> dict[str, Any]:
        found = {key: value for key, value in asdict(self).items() if value != ""}
        if not self.injected:
            del found["put_in"]
        return {
            "schema_version": SCHEMA_VERSION,
            "exit_code": self.exit_code,
            "seconds": self.seconds,
            **found,
        }
