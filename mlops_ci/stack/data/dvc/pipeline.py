"""dvc.yaml at one origin: stages with their deps, outs, params and metrics, and the top-level lists.

https://dvc.org/doc/user-guide/project-structure/dvcyaml-files
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_ci import formats
from mlops_ci.errors import UnreadableError
from mlops_ci.stack.data.dvc.lock import join
from mlops_ci.stack.data.dvc.templates import Scope, TemplateError, expand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.model import Artifact, Unknown
    from mlops_ci.plots import Plot

DEFAULT_PARAMS = "params.yaml"
_STAGE = "stage "
# None: the whole file.
ParamKeys = dict[str, "list[str] | None"]


class Stage(NamedTuple):
    """One stage, resolved. All paths are relative to the root of the repository."""

    name: str
    folder: str
    cmd: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    metrics: tuple[str, ...]
    plots: tuple[Plot, ...]
    params: ParamKeys
    # Outputs of any kind that DVC leaves to Git: `cache: false`.
    uncached: frozenset[str]
    # Outputs that stay out of remotes: `push: false`.
    unpushed: frozenset[str]
    # The remote of an output where it names one.
    remotes: dict[str, str]
    # Values that `${…}` took from a file: {file: {dotted key: value}}.
    variables: dict[str, dict[str, Any]]
    frozen: bool
    always_changed: bool

    @property
    def all_outs(self) -> tuple[str, ...]:
        return self.outs + self.metrics + tuple(plot.path for plot in self.plots)


class Pipeline:
    """One dvc.yaml. `problems` says what of it could not be read; the rest stands.

    `unresolved`: stages, or what generates them, that could not be resolved, and why.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.folder = posixpath.dirname(path)
        self.stages: list[Stage] = []
        self.metrics: list[str] = []
        self.params: list[str] = []
        self.plots: list[Plot] = []
        self.artifacts: list[Artifact] = []
        self.problems: list[Unknown] = []
        self.unresolved: dict[str, str] = {}

    @property
    def declares_metrics(self) -> bool:
        return bool(self.metrics) or any(stage.metrics for stage in self.stages)


def read_pipeline(path: str, read: Callable[[str], bytes | None]) -> Pipeline:
    """The dvc.yaml at `path`; `read` gives the content of a file at this origin, None when there is none."""
    return _Reader(path, read).pipeline()


class _Reader:
    def __init__(self, path: str, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._pipeline = Pipeline(path)
        self._folder = posixpath.dirname(path)

    def pipeline(self) -> Pipeline:
        try:
            content = self._read(self._pipeline.path) or b""
            body = formats.parse(self._pipeline.path, content)
        except UnreadableError as error:
            self._problem("", error)
            return self._pipeline
        if not isinstance(body, dict):
            self._problem("", TemplateError("is not a mapping"))
            return self._pipeline
        self._check_shapes(body)
        scope = self._top_scope(body) if b"${" in content or b"vars" in content else Scope()
        self._top_level(body, scope)
        for name, definition in _mapping(body.get("stages")).items():
            self._stages(str(name), _mapping(definition), scope)
        return self._pipeline

    def _check_shapes(self, body: dict[str, Any]) -> None:
        """What is of the wrong kind reads as empty; that must not look as if it had been removed."""
        lists = {
            key: (list, dict) if key == "plots" else list
            for key in ("metrics", "params", "plots", "vars")
        }
        for key, kind in {**lists, "stages": dict, "artifacts": dict}.items():
            if body.get(key) is not None and not isinstance(body[key], kind):
                wanted = "a mapping" if kind is dict else "a list"
                self._problem(key, TemplateError(f"needs {wanted}"))
        for name, definition in _mapping(body.get("stages")).items():
            if not isinstance(definition, dict):
                self._problem(f"{_STAGE}{name}", TemplateError("needs a mapping"))

    def _top_scope(self, body: dict[str, Any]) -> Scope:
        """Without the variables of a file that cannot be read, what needs none of them can still be."""
        scope = Scope()
        self._attempt(
            "vars",
            lambda: self._load(scope, join(self._folder, DEFAULT_PARAMS), None, required=False),
        )
        self._attempt("vars", lambda: self._load_vars(scope, body.get("vars"), self._folder))
        return scope

    def _load_vars(self, scope: Scope, variables: Any, folder: str) -> None:
        for entry in _list(variables):
            if isinstance(entry, dict):
                scope.add(entry, "vars")
            else:
                file, _, keys = str(entry).partition(":")
                self._load(scope, join(folder, file), [key for key in keys.split(",") if key])

    def _load(
        self, scope: Scope, path: str, keys: list[str] | None, *, required: bool = True
    ) -> None:
        content = self._read(path)
        if content is None:
            if required:
                raise TemplateError(f"vars file {path} does not exist")
            return
        values = formats.parse(path, content)
        if keys:
            values = {key: _mapping(values).get(key) for key in keys}
        scope.load(path, values)

    def _top_level(self, body: dict[str, Any], scope: Scope) -> None:
        for key, add in (
            ("metrics", self._add_metric),
            ("params", self._add_params),
            ("plots", self._add_plot),
        ):
            for entry in _entries(body.get(key)):
                self._attempt(key, lambda entry=entry, add=add: add(scope.resolve(entry)))  # type: ignore[misc]
        for name, entry in _mapping(body.get("artifacts")).items():
            self._attempt(
                "artifacts",
                lambda name=name, entry=entry: self._add_artifact(  # type: ignore[misc]
                    scope.resolve(name), scope.resolve(_mapping(entry))
                ),
            )

    def _add_metric(self, entry: Any) -> None:
        self._pipeline.metrics.extend(join(self._folder, path) for path, _ in _paths([entry]))

    def _add_params(self, entry: Any) -> None:
        self._pipeline.params.extend(join(self._folder, path) for path, _ in _paths([entry]))

    def _add_plot(self, entry: Any) -> None:
        self._pipeline.plots.extend(_plots([entry], self._folder))

    def _add_artifact(self, name: Any, entry: dict[str, Any]) -> None:
        from mlops_ci.model import Artifact

        path = join(self._folder, str(entry.get("path") or ""))
        self._pipeline.artifacts.append(
            Artifact(name=str(name), path=path, type=str(entry.get("type") or ""))
        )

    def _stages(self, name: str, definition: dict[str, Any], scope: Scope) -> None:
        def generate() -> None:
            for full_name, body, stage_scope in expand(name, definition, scope):
                self._attempt(
                    _STAGE + full_name,
                    lambda: self._add_stage(full_name, body, stage_scope),  # noqa: B023
                )

        self._attempt(_STAGE + name, generate)

    def _add_stage(self, name: str, body: dict[str, Any], scope: Scope) -> None:
        wdir = scope.resolve(body.get("wdir") or ".", "wdir")
        if isinstance(wdir, (list, dict)):
            raise TemplateError("wdir needs a path")
        folder = join(self._folder, str(wdir))
        self._load_vars(scope, body.get("vars"), folder)
        resolved = {key: scope.resolve(value, key) for key, value in body.items() if key != "vars"}
        for key in ("deps", "outs", "metrics", "plots", "params"):
            if not isinstance(resolved.get(key), (list, type(None))):
                raise TemplateError(f"{key} needs a list")
        self._pipeline.stages.append(
            Stage(
                name=name,
                folder=folder,
                deps=tuple(join(folder, path) for path, _ in _paths(resolved.get("deps"))),
                outs=tuple(join(folder, path) for path, _ in _paths(resolved.get("outs"))),
                metrics=tuple(join(folder, path) for path, _ in _paths(resolved.get("metrics"))),
                plots=tuple(_plots(resolved.get("plots"), folder)),
                cmd=repr(resolved.get("cmd")),
                params=_param_keys(resolved.get("params"), folder),
                uncached=frozenset(
                    p for p, one in _props(resolved, folder, "cache") if one is False
                ),
                unpushed=frozenset(
                    p for p, one in _props(resolved, folder, "push") if one is False
                ),
                remotes={p: str(one) for p, one in _props(resolved, folder, "remote") if one},
                variables=scope.used,
                frozen=bool(resolved.get("frozen")),
                always_changed=bool(resolved.get("always_changed")),
            )
        )

    def _attempt(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except (UnreadableError, TemplateError) as error:
            self._problem(what, error)

    def _problem(self, what: str, error: Exception) -> None:
        from mlops_ci.model import Unknown

        path = self._pipeline.path
        reason = str(error).removeprefix(f"{path}: ")
        if what.startswith(_STAGE):
            self._pipeline.unresolved[what.removeprefix(_STAGE)] = reason
        self._pipeline.problems.append(
            Unknown(kind="pipeline", subject=path, reason=f"{what}: {reason}" if what else reason)
        )


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _entries(value: Any) -> list[Any]:
    """A list; a mapping stands for a list of its single entries."""
    return (
        [{key: child} for key, child in value.items()] if isinstance(value, dict) else _list(value)
    )


def _paths(entries: Any) -> Iterator[tuple[str, Any]]:
    """`[a, {b: props}]` as pairs of path and props."""
    for entry in _entries(entries):
        if isinstance(entry, dict):
            yield from ((str(path), props) for path, props in entry.items())
        elif isinstance(entry, list):
            raise TemplateError(f"a path is needed, not {entry!r}")
        elif entry is not None:
            yield str(entry), None


def _props(stage: dict[str, Any], folder: str, name: str) -> Iterator[tuple[str, Any]]:
    """Outputs of any kind with one of their properties."""
    for key in ("outs", "metrics", "plots"):
        for path, props in _paths(stage.get(key)):
            yield join(folder, path), _mapping(props).get(name)


def _plots(entries: Any, folder: str) -> Iterator[Plot]:
    for path, props in _paths(entries):
        for one in props if isinstance(props, list) else [props]:
            from mlops_ci.plots import Plot

            yield Plot(path=join(folder, path), folder=folder, props=_mapping(one))


def _param_keys(entries: Any, folder: str) -> ParamKeys:
    """`[lr, {other.json: [a, b]}, {whole.toml:}]` as files and keys."""
    found: ParamKeys = {}
    for entry in _list(entries):
        named = entry if isinstance(entry, dict) else {DEFAULT_PARAMS: [entry]}
        for file, keys in named.items():
            if not isinstance(keys, (list, type(None))):
                raise TemplateError(f"params of {file} need a list of keys")
            add_params(found, join(folder, str(file)), [str(k) for k in keys] if keys else None)
    return found


def add_params(into: ParamKeys, file: str, keys: list[str] | None) -> None:
    """Ask for more keys of a file; once the whole file is asked for, it stays the whole file."""
    known = into.get(file, [])
    into[file] = None if keys is None or known is None else known + keys
