"""What decides a verdict: gates, metric settings, defaults and waivers, with a digest and where they were read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

from mlops_ci.evaluation import EvaluationConfig
from mlops_ci.frozen import dataclass
from mlops_ci.gate_config import DefaultsConfig
from mlops_ci.profile_config import profiled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_ci.config import Config, MetricConfig
    from mlops_ci.gate_config import GateConfig, OnMissingBaseline
    from mlops_ci.predictions import PredictionsConfig
    from mlops_ci.waivers import WaiverConfig


@dataclass(frozen=True, kw_only=True)
class Policy:
    """`rev`: where it was read; `profile`: which of its profiles it is, "" for none. `armed` is False where a policy
    exists only in the change under review.
    """

    rev: str
    gates: tuple[GateConfig, ...] = ()
    metrics: Mapping[str, MetricConfig] = dataclasses.field(default_factory=dict)
    defaults: DefaultsConfig = dataclasses.field(default_factory=DefaultsConfig)
    on_missing_baseline: OnMissingBaseline = "bootstrap"
    waivers: tuple[WaiverConfig, ...] = ()
    predictions: PredictionsConfig | None = None
    profile: str = ""
    evaluation: EvaluationConfig = dataclasses.field(default_factory=EvaluationConfig)
    armed: bool = True

    @property
    def judges(self) -> bool:
        """Whether it has anything to judge by."""
        return bool(self.gates) or bool(self.predictions and self.predictions.train)

    @property
    def digest(self) -> str:
        """`sha256:…` of all that decides, whatever the order of keys; not of where it was read."""
        parts: dict[str, Any] = {
            "gates": [dataclasses.asdict(gate) for gate in self.gates],
            "metrics": {name: dataclasses.asdict(one) for name, one in self.metrics.items()},
            "defaults": dataclasses.asdict(self.defaults),
            "on_missing_baseline": self.on_missing_baseline,
            "waivers": [dataclasses.asdict(waiver) for waiver in self.waivers],
        }
        if self.predictions:
            parts["predictions"] = dataclasses.asdict(self.predictions)
        if self.evaluation != EvaluationConfig():
            parts["evaluation"] = dataclasses.asdict(self.evaluation)
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def policy_of(
    config: Config | None, model: str, *, rev: str, armed: bool = True, profile: str = ""
) -> Policy:
    """The Policy of one model in a config: its own settings stand before the shared ones. `profile`: one of it."""
    if config is None:
        return Policy(rev=rev, armed=armed)
    own = config.models.get(model)
    written = (*(own.gates if own else ()), *config.gates)
    gates, defaults = profiled(written, config.defaults, config.profiles, profile)
    return Policy(
        rev=rev,
        gates=gates,
        metrics={**config.metrics, **(own.metrics if own else {})},
        defaults=defaults,
        on_missing_baseline=config.baseline.on_missing,
        waivers=tuple(one for one in config.waivers if one.gate and one.model in (None, model)),
        predictions=own.predictions if own else None,
        profile=profile,
        evaluation=own.evaluation if own else EvaluationConfig(),
        armed=armed,
    )
