"""`mlops-ci.yaml` as frozen dataclasses. All its errors are reported at once, each with line and column.

Every field has its description in `doc`: the JSON Schema that editors use is generated from it (schema.py).
"""

from __future__ import annotations

import dataclasses
import fnmatch
import math
import posixpath
import typing
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci import yaml
from mlops_ci.checks_config import ChecksConfig
from mlops_ci.directions import Direction  # noqa: TC001 - the loader reads it from the annotations
from mlops_ci.errors import ConfigError, UnreadableError
from mlops_ci.evaluation import EvaluationConfig
from mlops_ci.frozen import dataclass
from mlops_ci.gate_config import BaselineConfig, DefaultsConfig, GateConfig, refuse_twice
from mlops_ci.predictions import PredictionsConfig  # noqa: TC001 - as above
from mlops_ci.profile_config import ProfileConfig, refuse_broken, unfit
from mlops_ci.promote_config import PromoteConfig
from mlops_ci.train_config import TrainConfig
from mlops_ci.typed import Builder, doc
from mlops_ci.waivers import WaiverConfig  # noqa: TC001 - as above

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE = "mlops-ci.yaml"


@dataclass(frozen=True, kw_only=True)
class MetricConfig:
    """What is known of a metric."""

    direction: Direction | None = doc(
        "Which way is better. Without it, well-known names are recognised and all others are neutral.",
        default=None,
    )
    tolerance: float = doc(
        "A change up to this much, in the metric's own unit, counts as the same.",
        schema={"minimum": 0},
        default=0.0,
    )
    aliases: list[str] = doc("Other names of the same metric.", default_factory=list)
    range: list[float | None] = doc(
        "The least and the most the metric can be, null for no bound; a value outside fails its gates.",
        default_factory=list,
    )

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < math.inf:
            raise ValueError("tolerance", "needs a number of 0 or more")
        if self.range and len(self.range) != 2:
            raise ValueError("range", "needs two bounds: [least, most]")
        bounds = [one for one in self.range if one is not None]
        if any(map(math.isnan, bounds)) or bounds != sorted(bounds):
            raise ValueError("range", "needs the least before the most: no value is within it")


_DEFAULT = MetricConfig()


def settings_for(name: str, settings: Mapping[str, MetricConfig]) -> MetricConfig:
    """The settings of a metric: an exact name, then an alias, then the pattern that says most of the name."""
    if name in settings:
        return settings[name]
    aliased = (one for one in sorted(settings) if name in settings[one].aliases)
    patterns = [one for one in settings if fnmatch.fnmatchcase(name, one)]
    # The order of keys in a file decides nothing.
    closest = iter(sorted(patterns, key=lambda one: (-len(one.replace("*", "")), one)))
    found = next(aliased, None) or next(closest, None)
    return settings[found] if found else _DEFAULT


@dataclass(frozen=True, kw_only=True)
class MLflowConfig:
    """Where runs are tracked."""

    tracking_uri: str | None = doc(
        "Where runs are: sqlite:///path (relative to this repository) or http(s)://host. "
        "Default: the MLFLOW_TRACKING_URI of the environment, else mlflow.db in the root when it exists.",
        default=None,
    )
    experiment: str | None = doc("Only runs of the experiment of this name.", default=None)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One model: its files, metrics and gates."""

    path: str = doc(
        "The folder of the model: every dvc.yaml below it belongs to the model. Default: the folder of "
        "the file this is written in.",
        default="",
    )
    metrics_files: list[str] = doc(
        "More metrics files (JSON, YAML, TOML) than dvc.yaml declares, relative to `path`; * and ** match.",
        default_factory=list,
    )
    params_files: list[str] = doc(
        "More params files (JSON, YAML, TOML, Python) than dvc.yaml declares, relative to `path`.",
        default_factory=list,
    )
    metrics: dict[str, MetricConfig] = doc(
        "Settings by metric name, for this model alone; they stand before those at the top level.",
        default_factory=dict,
    )
    gates: list[GateConfig] = doc(
        "Gates of this model, beside those for all.", default_factory=list
    )
    predictions: PredictionsConfig | None = doc(
        "What the model said of each example of the evaluation data.", default=None
    )
    evaluation: EvaluationConfig = doc(
        "What the metrics are evaluated on and by: two sides that differ in it are not compared.",
        default_factory=EvaluationConfig,
    )
    mlflow: MLflowConfig = doc("Where this model's runs are.", default_factory=MLflowConfig)
    include: str | None = doc(
        "Read this model from a file of its own, which has these same keys: its owners need not own this file.",
        default=None,
    )

    def __post_init__(self) -> None:
        refuse_twice(self.gates)


Forks = Literal["declared", "trust"]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """How data is fetched."""

    dvc: str | None = doc(
        "The dvc program to use. Default: that of $VIRTUAL_ENV, of .venv, of PATH.", default=None
    )


@dataclass(frozen=True, kw_only=True)
class Config:
    """The whole of `mlops-ci.yaml`."""

    version: Literal[1] = doc("The version of this format.", default=1)
    models: dict[str, ModelConfig] = doc(
        "The models of this repository by name. Default: what the dvc.yaml files declare.",
        default_factory=dict,
    )
    metrics: dict[str, MetricConfig] = doc(
        "Settings by metric name: dotted, as `mlops-ci diff` prints it; * matches.",
        default_factory=dict,
    )
    gates: list[GateConfig] = doc("Gates of every model.", default_factory=list)
    defaults: DefaultsConfig = doc("Defaults of all gates.", default_factory=DefaultsConfig)
    profiles: dict[str, ProfileConfig] = doc(
        "Gates for one occasion, by its name. Where none is named, `merge` judges a change and `production` a "
        "promotion, when they are here.",
        default_factory=dict,
    )
    waivers: list[WaiverConfig] = doc(
        "Failures that are accepted until a day. Read with the gates: a change cannot waive its own failure.",
        default_factory=list,
    )
    mlflow: MLflowConfig = doc("Where runs are, for all models.", default_factory=MLflowConfig)
    baseline: BaselineConfig = doc(
        "What a change is compared with.", default_factory=BaselineConfig
    )
    data: DataConfig = doc("How versioned data is read.", default_factory=DataConfig)
    train: TrainConfig = doc("How the model is trained.", default_factory=TrainConfig)
    promote: PromoteConfig = doc("How a version takes a stage.", default_factory=PromoteConfig)
    checks: ChecksConfig = doc("The checks, by their ids.", default_factory=ChecksConfig)
    forks: Forks = doc(
        "Numbers that a run of a fork has made: declared, they never set a status to success; trust: as those of a "
        "run of this repository.",
        default="declared",
    )

    def __post_init__(self) -> None:
        refuse_twice(self.gates)
        refuse_broken(self.profiles, self.defaults)

    @property
    def every_gate(self) -> list[GateConfig]:
        return [*self.gates, *(gate for model in self.models.values() for gate in model.gates)]

    @property
    def slice_columns(self) -> tuple[str, ...]:
        """The columns of predictions that any gate slices by."""
        sliced = (gate.slices.by for gate in self.every_gate if gate.slices)
        return tuple(sorted({name for columns in sliced for name in columns}))

    @property
    def asks_records(self) -> bool:
        """Whether any gate is on what a Record tells."""
        names = (name for gate in self.every_gate for name in gate.metrics)
        return any(name.startswith("record.") for name in names)


def load(read: Callable[[str], bytes | None], path: str = FILE) -> Config | None:
    """The config at `path` and the files it includes; None when there is no such file.

    `read` gives the content of a path from the root of the repository. Raises ConfigError with all errors.
    """
    content = read(path)
    if content is None:
        return None
    loader = _Loader(read)
    config = loader.file(path, content, Config)
    if config is not None:
        config = loader.with_includes(config, posixpath.dirname(path))
        own = [model.gates for model in config.models.values()]
        problems = unfit(config.gates, own, config.defaults, config.profiles)
        loader.errors += [f"{path}: {problem}" for problem in problems]
    else:
        loader.check_includes(path, content)
    if loader.errors:
        raise ConfigError("\n".join(sorted(loader.errors, key=_position)))
    return typing.cast("Config", config)


def _position(line: str) -> tuple[str, int, int]:
    path, row, column, *_ = [*line.split(":", 3), "", "", ""]
    return path, int(row) if row.isdigit() else 0, int(column) if column.isdigit() else 0


class _Loader:
    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self.errors: list[str] = []

    def file(self, path: str, content: bytes, kind: type[Any]) -> Any:
        try:
            value, marks = yaml.load_marked(content.decode("utf-8-sig"), path)
        except UnicodeDecodeError as error:
            self.errors.append(f"{path}: not UTF-8 text (byte {error.start})")
        except UnreadableError as error:
            self.errors.append(str(error))
        else:
            builder = Builder(path, marks)
            built = builder.build(kind, {} if value is None else value, ())
            self.errors += builder.errors
            return None if builder.errors else built
        return None

    def with_includes(self, config: Config, folder: str) -> Config:
        models = {name: self._model(name, model, folder) for name, model in config.models.items()}
        return dataclasses.replace(config, models=models)

    def check_includes(self, path: str, content: bytes) -> None:
        """Where the file itself is wrong, what it includes may be too: say all at once."""
        try:
            raw = yaml.load(content.decode("utf-8-sig"), path)
        except (UnicodeDecodeError, UnreadableError):
            return
        models = raw.get("models") if isinstance(raw, dict) else None
        for name, model in models.items() if isinstance(models, dict) else ():
            include = model.get("include") if isinstance(model, dict) else None
            if isinstance(include, str):
                self._model(str(name), ModelConfig(include=include), posixpath.dirname(path))

    def _model(self, name: str, model: ModelConfig, folder: str) -> ModelConfig:
        if model.include is None:
            return dataclasses.replace(model, path=_below(folder, model.path))
        if dataclasses.replace(model, include=None) != ModelConfig():
            self.errors.append(
                f"models.{name}: with include, all other keys belong into {model.include}"
            )
        path = _below(folder, model.include)
        try:
            content = self._read(path)
        except UnreadableError as error:
            content = None
            self.errors.append(str(error))
        else:
            if content is None:
                self.errors.append(f"{path}: does not exist, but models.{name}.include names it")
        included = self.file(path, content, ModelConfig) if content is not None else None
        if included is None:
            return model
        if included.include:
            self.errors.append(f"{path}: an included file cannot include another")
        folder = posixpath.dirname(path)
        return typing.cast(
            "ModelConfig", dataclasses.replace(included, path=_below(folder, included.path))
        )


def _below(folder: str, path: str) -> str:
    joined = posixpath.normpath(posixpath.join(folder, path or "."))
    return "" if joined == "." else joined
