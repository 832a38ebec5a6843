"""`mlops-ci.yaml` as frozen dataclasses. All its errors are reported at once, each with line and column.

Every field has its description in `doc`: the JSON Schema that editors use is generated from it (schema.py).
"""

from __future__ import annotations

import dataclasses
import posixpath
import types
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci import yaml
from mlops_ci.errors import ConfigError, UnreadableError
from mlops_ci.model import Direction  # noqa: TC001 - the loader reads it from the annotations

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "mlops-ci.yaml"


def doc(text: str, **options: Any) -> Any:
    return field(metadata={"doc": text}, **options)


@dataclass(frozen=True, kw_only=True)
class MetricConfig:
    direction: Direction | None = doc(
        "Which way is better. Without it, well-known names are recognised and all others are neutral.",
        default=None,
    )
    tolerance: float = doc(
        "A change up to this much, in the metric's own unit, counts as the same.", default=0.0
    )


@dataclass(frozen=True, kw_only=True)
class MLflowConfig:
    tracking_uri: str | None = doc(
        "Where runs are: sqlite:///path (relative to this repository) or http(s)://host. "
        "Default: the MLFLOW_TRACKING_URI of the environment, else mlflow.db in the root when it exists.",
        default=None,
    )
    experiment: str | None = doc("Only runs of the experiment of this name.", default=None)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
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
    mlflow: MLflowConfig = doc("Where this model's runs are.", default_factory=MLflowConfig)
    include: str | None = doc(
        "Read this model from a file of its own, which has these same keys: its owners need not own this file.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class BaselineConfig:
    ref: str | None = doc(
        "The branch that changes are merged into. Default: the base of the pull request, else origin's "
        "default branch, else main or master.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    dvc: str | None = doc(
        "The dvc program to use. Default: that of $VIRTUAL_ENV, of .venv, of PATH.", default=None
    )


@dataclass(frozen=True, kw_only=True)
class Config:
    version: Literal[1] = doc("The version of this format.", default=1)
    models: dict[str, ModelConfig] = doc(
        "The models of this repository by name. Default: what the dvc.yaml files declare.",
        default_factory=dict,
    )
    metrics: dict[str, MetricConfig] = doc(
        "Settings by metric name: dotted, as `mlops-ci diff` prints it; * matches.",
        default_factory=dict,
    )
    mlflow: MLflowConfig = doc("Where runs are, for all models.", default_factory=MLflowConfig)
    baseline: BaselineConfig = doc(
        "What a change is compared with.", default_factory=BaselineConfig
    )
    data: DataConfig = doc("How versioned data is read.", default_factory=DataConfig)


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
            checker = _Checker(path, marks)
            built = checker.build(kind, {} if value is None else value, ())
            self.errors += checker.errors
            return None if checker.errors else built
        return None

    def with_includes(self, config: Config, folder: str) -> Config:
        models = {name: self._model(name, model, folder) for name, model in config.models.items()}
        return dataclasses.replace(config, models=models)

    def _model(self, name: str, model: ModelConfig, folder: str) -> ModelConfig:
        if model.include is None:
            return dataclasses.replace(model, path=_below(folder, model.path))
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


class _Checker:
    """Builds a value of a given type; what is wrong goes to `errors` and the rest is checked on."""

    def __init__(self, path: str, marks: dict[tuple[Any, ...], tuple[int, int]]) -> None:
        self._path = path
        self._marks = marks
        self.errors: list[str] = []

    def build(self, kind: Any, value: Any, at: tuple[Any, ...]) -> Any:
        origin = typing.get_origin(kind)
        if dataclasses.is_dataclass(kind):
            return self._object(typing.cast("type[Any]", kind), value, at)
        if origin in (typing.Union, types.UnionType):
            inner = next(one for one in typing.get_args(kind) if one is not type(None))
            return None if value is None else self.build(inner, value, at)
        if origin is Literal:
            return self._choice(typing.get_args(kind), value, at)
        if origin is dict:
            return self._mapping(typing.get_args(kind)[1], value, at)
        if origin is list:
            return self._list(typing.get_args(kind)[0], value, at)
        return self._scalar(kind, value, at)

    def _object(self, kind: type[Any], value: Any, at: tuple[Any, ...]) -> Any:
        if not isinstance(value, dict):
            return self._wrong(at, f"needs a mapping, not {_show(value)}")
        hints = typing.get_type_hints(kind)
        names = [one.name for one in dataclasses.fields(kind)]
        built = {}
        for key, child in value.items():
            if key in names:
                built[key] = self.build(hints[key], child, (*at, key))
            else:
                self._wrong((*at, key), _unknown_key(str(key), names))
        return kind(**built)

    def _mapping(self, kind: Any, value: Any, at: tuple[Any, ...]) -> Any:
        if not isinstance(value, dict):
            return self._wrong(at, f"needs a mapping of names, not {_show(value)}")
        return {
            str(key): self.build(kind, {} if child is None else child, (*at, key))
            for key, child in value.items()
        }

    def _list(self, kind: Any, value: Any, at: tuple[Any, ...]) -> Any:
        if not isinstance(value, list):
            return self._wrong(at, f"needs a list, not {_show(value)}: write [{_show(value)}]")
        return [self.build(kind, child, (*at, index)) for index, child in enumerate(value)]

    def _choice(self, choices: tuple[Any, ...], value: Any, at: tuple[Any, ...]) -> Any:
        if value in choices:
            return value
        close = _close(str(value), [str(one) for one in choices])
        one_of = ", ".join(str(choice) for choice in choices)
        meant = f"did you mean {close[0]}? " if close else ""
        return self._wrong(at, f"{_show(value)} is not possible, {meant}one of: {one_of}")

    def _scalar(self, kind: type[Any], value: Any, at: tuple[Any, ...]) -> Any:
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, kind) and not (kind is not bool and isinstance(value, bool)):
            return value
        wanted = {str: "text", float: "a number", int: "a whole number", bool: "true or false"}[
            kind
        ]
        fix = f': write "{value}"' if kind is str and not isinstance(value, (dict, list)) else ""
        return self._wrong(at, f"needs {wanted}, not {_show(value)}{fix}")

    def _wrong(self, at: tuple[Any, ...], what: str) -> None:
        line, column = self._marks.get(at, (1, 1))
        name = ".".join(str(part) for part in at)
        self.errors.append(f"{self._path}:{line}:{column}: {f'{name}: ' if name else ''}{what}")


def _close(word: str, words: list[str]) -> list[str]:
    import difflib

    return difflib.get_close_matches(word, words, n=1, cutoff=0.5)


def _unknown_key(key: str, names: list[str]) -> str:
    close = _close(key, names)
    return (
        f"unknown key, did you mean {close[0]}?"
        if close
        else f"unknown key, one of: {', '.join(names)}"
    )


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)
