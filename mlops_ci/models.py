"""Which dvc.yaml files make up which model, so that one repository can hold one model or two hundred."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.config import Config, ModelConfig
    from mlops_ci.stack.data.dvc import Project

# DVCLive writes a dvc.yaml of its own beside its metrics. https://dvc.org/doc/dvclive/live/make_dvcyaml
_GENERATED = "dvclive"


@dataclass(kw_only=True)
class ModelFiles:
    """A model by name. `folders`: those of its dvc.yaml files. `defaults`: params files that DVC reads unasked."""

    name: str
    root: str
    folders: set[str] = field(default_factory=set)
    defaults: set[str] = field(default_factory=set)
    config: ModelConfig | None = None


def find_models(projects: Iterable[Project], config: Config | None, name: str) -> list[ModelFiles]:
    """The models of a repository, the same for both sides of a comparison. `name` is that of the repository."""
    projects = list(projects)
    if config and config.models:
        found = [
            ModelFiles(name=model_name, root=model.path, config=model)
            for model_name, model in config.models.items()
        ]
        _assign_configured(found, projects)
    else:
        found = _detect(projects, name)
    _assign_default_params(found, projects)
    return sorted(found, key=lambda model: model.name)


def _assign_configured(models: list[ModelFiles], projects: list[Project]) -> None:
    for project in projects:
        for pipeline in project.pipelines:
            folder = pipeline.folder
            holders = [model for model in models if inside(folder, model.root)]
            if holders:
                deepest = max(len(model.root) for model in holders)
                for model in holders:
                    if len(model.root) == deepest:
                        model.folders.add(folder)


def _detect(projects: list[Project], name: str) -> list[ModelFiles]:
    found: dict[str, ModelFiles] = {}
    for root, folders in _folders_by_root(projects).items():
        measured = {_owner(folder) for folder, metrics in folders.items() if metrics}
        for folder in folders:
            holder = root if len(measured) <= 1 else _nearest(_owner(folder), measured)
            # A lone model keeps the name that it will have beside others.
            called = next(iter(measured)) if len(measured) == 1 else holder
            model = found.setdefault(holder, ModelFiles(name=called or name, root=holder))
            model.folders.add(folder)
    return list(found.values())


def _folders_by_root(projects: list[Project]) -> dict[str, dict[str, bool]]:
    """DVC root to the folders of its dvc.yaml files, and whether they declare metrics on either side."""
    found: dict[str, dict[str, bool]] = {}
    for project in projects:
        for pipeline in project.pipelines:
            folders = found.setdefault(project.root_of(pipeline.path), {})
            known = folders.get(pipeline.folder, False)
            folders[pipeline.folder] = known or pipeline.declares_metrics
        for root in project.roots:
            if _has_default_params(project, root):
                found.setdefault(root, {}).setdefault(root, False)
    return found


def _has_default_params(project: Project, root: str) -> bool:
    return posixpath.join(root, "params.yaml") in project.tree.entries


def _owner(folder: str) -> str:
    return posixpath.dirname(folder) if posixpath.basename(folder) == _GENERATED else folder


def _nearest(folder: str, measured: set[str]) -> str:
    holder = folder
    while holder not in measured and holder:
        holder = posixpath.dirname(holder)
    return holder if holder in measured else folder


def _assign_default_params(models: list[ModelFiles], projects: list[Project]) -> None:
    """DVC shows the params.yaml of its root whether a stage names it or not; it goes to the model that holds it."""
    for project in projects:
        for root in project.roots:
            if _has_default_params(project, root):
                for model in models:
                    if root in model.folders or root == model.root:
                        model.defaults.add(posixpath.join(root, "params.yaml"))


def inside(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def repository_name(remote_url: str, folder: str) -> str:
    """`git@github.com:acme/churn.git` gives `churn`; without a remote, the name of the folder."""
    tail = remote_url.rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git")
    return tail or folder
