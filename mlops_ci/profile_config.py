"""Profiles as `mlops-ci.yaml` writes them: which gates judge at one occasion, and how strictly."""

from __future__ import annotations

import fnmatch
import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from mlops_ci.errors import UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.gate_config import Level, alpha_problem
from mlops_ci.suggestions import closest
from mlops_ci.typed import doc

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mlops_ci.gate_config import DefaultsConfig, GateConfig, NoiseConfig

# What judges when none is named: a change that is to be merged, and a version that is to be promoted.
AT_MERGE = ("merge",)
AT_PROMOTION = ("production",)


@dataclass(frozen=True, kw_only=True)
class ProfileConfig:
    """In what "inconclusive" does, and in alpha, a profile can only be stricter than what it stands on."""

    extends: str | None = doc(
        "The profile that this one stands on: what it does not say itself is as there.",
        default=None,
    )
    include: list[str] = doc(
        "The ids of the gates that judge; * matches. Default: those of the profile that it extends, else all.",
        default_factory=list,
    )
    levels: dict[str, Level] = doc(
        "By the id of a gate, what a failure of it is: error, warn or off.", default_factory=dict
    )
    on_inconclusive: Literal["fail"] | None = doc(
        "fail: a loss within the limit that more examples would settle blocks, whatever gates and defaults say.",
        default=None,
    )
    alpha: float | None = doc(
        "Stricter than defaults.alpha: how often chance alone may decide.",
        schema={"exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
        default=None,
    )

    def __post_init__(self) -> None:
        if self.alpha is not None and (problem := alpha_problem(self.alpha)):
            raise ValueError("alpha", problem)


def profiled(
    gates: Sequence[GateConfig],
    defaults: DefaultsConfig,
    profiles: Mapping[str, ProfileConfig],
    name: str,
) -> tuple[tuple[GateConfig, ...], DefaultsConfig]:
    """Gates and their defaults as a profile has them; as they stand where `name` is empty."""
    if not name:
        return tuple(gates), defaults
    profile = _whole(profiles, name)
    found = [gate for gate in gates if _matches(gate.id, profile.include or ["*"])]
    if profile.on_inconclusive:
        defaults = replace(defaults, on_inconclusive="fail")
        found = [replace(gate, on_inconclusive=None) for gate in found]
    if profile.alpha is not None:
        defaults = replace(defaults, alpha=profile.alpha)
    levels = profile.levels
    return tuple(replace(one, level=levels.get(one.id, one.level)) for one in found), defaults


def _whole(profiles: Mapping[str, ProfileConfig], name: str) -> ProfileConfig:
    """With all that it extends. A chain that ends where it began is refused when the config is read."""
    own = profiles[name]
    if own.extends is None:
        return own
    below = _whole(profiles, own.extends)
    return ProfileConfig(
        include=own.include or below.include,
        levels={**below.levels, **own.levels},
        on_inconclusive=own.on_inconclusive or below.on_inconclusive,
        alpha=below.alpha if own.alpha is None else own.alpha,
    )


def choose(
    profiles: Mapping[str, ProfileConfig], named: str | None, usual: Sequence[str], where: str
) -> str:
    """The profile that was named, else the first usual one that is there; "" for the gates as they stand.

    `where` it should be, for the UsageError on a name that is not there.
    """
    if named is None:
        return next((one for one in usual if one in profiles), "")
    if named not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise UsageError(
            f"there is no profile {named!r} {where}", hint=f"the profiles there: {known}"
        )
    return named


def refuse_broken(profiles: Mapping[str, ProfileConfig], defaults: DefaultsConfig) -> None:
    """Raises ValueError, with the key, for a profile that extends nothing or itself, or is laxer than it can be."""
    if None in profiles.values() or defaults is None:
        return  # what is wrong with them has been said
    for name, profile in profiles.items():
        chain = list(_chain(profiles, name))
        if chain[-1] not in profiles:
            known = _meant(chain[-1], profiles)
            raise ValueError(
                "profiles", chain[-2], "extends", f"there is no profile {chain[-1]!r}{known}"
            )
        if len(set(chain)) < len(chain):
            raise ValueError("profiles", name, "extends", f"a circle: {' → '.join(chain)}")
        least = min([defaults.alpha, *(profiles[one].alpha or 1.0 for one in chain[1:])])
        if profile.alpha is not None and profile.alpha > least:
            what = f"{profile.alpha:g} is laxer than {least:g}: a profile can only be stricter"
            raise ValueError("profiles", name, "alpha", what)


def _chain(profiles: Mapping[str, ProfileConfig], name: str) -> Iterator[str]:
    """The profile and what it extends, up to the first that is not there or comes again."""
    seen: set[str] = set()
    following: str | None = name
    while following is not None:
        yield following
        if following in seen or following not in profiles:
            return
        seen.add(following)
        following = profiles[following].extends


def unfit(
    shared: Sequence[GateConfig],
    own: Sequence[Sequence[GateConfig]],
    defaults: DefaultsConfig,
    profiles: Mapping[str, ProfileConfig],
) -> list[str]:
    """What is wrong between parts of a config, seen only when all of its files are read. `own`: gates of each model."""
    everything = [*shared, *(gate for gates in own for gate in gates)]
    found = list(_names_no_gate(profiles, {gate.id for gate in everything}))
    for gates, profile in itertools.product(((), *own), ("", *profiles)):
        judging = profiled((*gates, *shared), defaults, profiles, profile)
        where = f" in profile {profile}" if profile else ""
        found += [f"gate {name!r}{where}: {what}" for name, what in _never_significant(*judging)]
    return list(dict.fromkeys(found))


def _names_no_gate(profiles: Mapping[str, ProfileConfig], ids: Collection[str]) -> Iterator[str]:
    """Each key of a profile that names no gate, and what is wrong: misspelt, a gate would be judged as before."""
    for name, profile in profiles.items():
        for key, wanted in (("include", profile.include), ("levels", profile.levels)):
            for one in wanted:
                is_there = one in ids or (key == "include" and any(_matches(i, [one]) for i in ids))
                if not is_there and one != "*":
                    yield f"profiles.{name}.{key}: there is no gate {one!r}{_meant(one, ids)}"


def _never_significant(
    gates: Sequence[GateConfig], defaults: DefaultsConfig
) -> Iterator[tuple[str, str]]:
    """Gates that no loss could fail, however large: id, and what would do. By Holm the first of m needs alpha / m.

    Random signs of n pairs give no p-value below 2^-n. More losses than gates may be found, so this is the least.
    """
    judging = [one for one in gates if (one.level or defaults.level) == "error" and _limits(one)]
    losses = sum(_limits(one) for one in judging if _over_seeds(one, defaults))
    for gate in judging:
        noise = _over_seeds(gate, defaults)
        if noise and noise.test == "sign_flip" and 0.5**noise.least * losses > defaults.alpha:
            wanted = math.ceil(math.log2(losses / defaults.alpha))
            what = f"{noise.least} seeds give no p-value below {0.5**noise.least:.2g}"
            many = f", and with {losses} losses to tell by Holm one" if losses > 1 else ", and one"
            yield (
                gate.id,
                f"{what}{many} of {defaults.alpha / losses:.2g} is needed: min_runs: {wanted}, or test: t",
            )


def _limits(gate: GateConfig) -> int:
    """How many losses a gate can fail by, at least."""
    changes = [gate.change, *(one.change for one in (*gate.all, *gate.any))]
    return sum(one is not None and one.max_regression is not None for one in changes)


def _over_seeds(gate: GateConfig, defaults: DefaultsConfig) -> NoiseConfig | None:
    noise = None if gate.slices else gate.noise or defaults.noise
    return noise if noise and noise.source == "seeds" else None


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(name == one or fnmatch.fnmatchcase(name, one) for one in patterns)


def _meant(name: str, names: Collection[str]) -> str:
    close = closest(name, sorted(names))
    return f", did you mean {close}?" if close else ""
