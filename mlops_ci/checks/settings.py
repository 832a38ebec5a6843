"""Settings of a check that are given on the command line, `--set KEY=VALUE`, by the same rules as in the config."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlops_ci import yaml
from mlops_ci.errors import ConfigError
from mlops_ci.typed import Builder

if TYPE_CHECKING:
    from mlops_ci.checks_config import ChecksConfig


def with_pairs(settings: ChecksConfig, check: str, pairs: list[str]) -> ChecksConfig:
    """Raises ConfigError for an unknown key or an impossible value."""
    raw = {}
    for pair in pairs:
        key, is_pair, value = pair.partition("=")
        if not is_pair:
            raise ConfigError(f"--set {pair}: needs KEY=VALUE")
        raw[key] = yaml.load(value, f"--set {key}")
    own = settings.of(check)
    builder = Builder("--set", {})
    built = builder.build(type(own), raw, ())
    if builder.errors:
        raise ConfigError("\n".join(builder.errors))
    changed: Any = {check.replace("-", "_"): replace(own, **{k: getattr(built, k) for k in raw})}
    return replace(settings, **changed)
