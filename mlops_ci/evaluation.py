"""How the metrics of one model were evaluated: two numbers are comparable only where that is the same."""

from __future__ import annotations

from dataclasses import field

from mlops_ci.frozen import dataclass
from mlops_ci.typed import doc

# Where `metric_version` names nothing that is there.
NO_VERSION = "none"


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """What the metrics of a model were evaluated on."""

    data: list[str] | None = doc(
        "Files and folders with the evaluation data, relative to the model's `path`. Default: what the stages that "
        "write the metrics read, and training does not.",
        default=None,
    )
    code: list[str] | None = doc(
        "Files and folders with the code that computes the metrics, likewise.", default=None
    )
    metric_version: str | None = doc(
        "The name of a metric or param that says which version of the metrics it is. Values of two versions are not "
        "compared.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """`data`, `code`: content ids by path, of what served evaluation alone; "" where a path is not there.

    `unsure`: data that the metrics were computed on and that training reads as well. `named`: the config says what is
    evaluation, so one side without it differs. `version`: that of the metrics, "" where none is named. `files`: the
    metrics files that a path of data or code serves; all where it has none.
    """

    data: dict[str, str] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    unsure: dict[str, str] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    version: str = ""
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the content of the data, whatever the names of its files; "" without any."""
        import hashlib  # which loads OpenSSL, and every hook that reads the config loads this module
        import json

        ids = sorted({one for one in (*self.data.values(), *self.unsure.values()) if one})
        return hashlib.sha256(json.dumps(ids).encode()).hexdigest() if ids else ""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What the numbers of one side are bound to. `lock`: the `lock_digest` of its Snapshot; `evaluation`: the digest of
    its evaluation data. "" where there is none.
    """

    lock: str = ""
    evaluation: str = ""
