"""MLflow's model registry on a server.

https://mlflow.org/docs/latest/rest-api.html. MLflow makes two versions of one source without a word, and keeps no
history of aliases: what makes calls repeatable here is the version's tag `mlops_ci.git_tag`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_ci.errors import UnreadableError
from mlops_ci.http import StatusError, delete_json, get_json, post_json
from mlops_ci.stack.base import RegisteredVersion
from mlops_ci.stack.registries.mlflow.names import GIT_TAG, MODEL, alias_of, name_of
from mlops_ci.stack.trackers.mlflow.rest import as_mlflow_answers, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.stack.base import Registration, TrackerSettings
    from mlops_ci.stack.trackers.mlflow.rest import RestStore

# The first alias of a model that is set twice at once: https://github.com/mlflow/mlflow, SqlAlchemyStore.
# set_registered_model_alias inserts without a lock, and the second insert is refused.
_RACES = 3
_PAGE = 1000


@as_mlflow_answers()
def find(settings: TrackerSettings, wanted: Registration) -> RegisteredVersion | None:
    """As `Registry.find`."""
    with open_store(settings) as server:
        return next(iter(_registered(server, wanted)), None)


@as_mlflow_answers()
def register(settings: TrackerSettings, wanted: Registration) -> RegisteredVersion:
    """As `Registry.register`. The oldest version of a tag is the one that counts for everybody."""
    with open_store(settings) as server:
        found = _registered(server, wanted)
        if not found:
            _create_model(server, wanted.model)
            _create_version(server, wanted)
            found = _registered(server, wanted)
        if not found:
            raise UnreadableError(f"MLflow has made {wanted.git_tag} and does not find it")
        for double in found[1:]:
            _delete_version(server, wanted.model, double.number)
        return found[0]


@as_mlflow_answers()
def holder(settings: TrackerSettings, model: str, stage: str) -> RegisteredVersion | None:
    """As `Registry.holder`."""
    with open_store(settings) as server:
        return _holder(server, name_of(model), alias_of(stage))


@as_mlflow_answers()
def assign(settings: TrackerSettings, model: str, stage: str, version: RegisteredVersion) -> None:
    """As `Registry.assign`."""
    alias = {"name": name_of(model), "alias": alias_of(stage)}
    with open_store(settings) as server:
        _set_alias(server, alias | {"version": version.number})
        if _holder(server, alias["name"], alias["alias"]) is None:
            raise UnreadableError(
                f"MLflow has set {alias['name']}@{alias['alias']} and does not find it"
            )


@as_mlflow_answers()
def withdraw(settings: TrackerSettings, model: str, stage: str) -> None:
    """As `Registry.withdraw`."""
    alias = {"name": name_of(model), "alias": alias_of(stage)}
    with open_store(settings) as server:
        if _holder(server, **alias) is not None:
            server.ask(delete_json, "registered-models/alias", alias)


def _registered(server: RestStore, wanted: Registration) -> list[RegisteredVersion]:
    """The versions that are this one, oldest first. The tag has no quote: the grammar of tags knows none."""
    asked = f"name = '{name_of(wanted.model)}' and tags.`{GIT_TAG}` = '{wanted.git_tag}'"
    found = (_version(one) for one in _search(server, asked))
    return sorted(
        (one for one in found if one.is_made_from(wanted)), key=lambda one: int(one.number)
    )


def _search(server: RestStore, asked: str) -> Iterator[dict[str, Any]]:
    """All pages: whoever may write to MLflow can give the tag to any number of versions."""
    page: dict[str, Any] = {"next_page_token": ""}
    while page:
        token = page.get("next_page_token", "")
        more = {"page_token": token} if token else {}
        page = (
            server.find("model-versions/search", filter=asked, max_results=str(_PAGE), **more) or {}
        )
        yield from page.get("model_versions", [])
        if page.get("next_page_token", "") in ("", token):
            return


def _create_model(server: RestStore, model: str) -> None:
    """Raises UnreadableError when another model already has the name: `a/b` and `a:b` are both `a.b` in MLflow."""
    name = name_of(model)
    body = {"name": name, "tags": [{"key": MODEL, "value": model}]}
    try:
        server.ask(post_json, "registered-models/create", body)
    except StatusError as error:
        if _code(error) != "RESOURCE_ALREADY_EXISTS":
            raise
        there = server.find("registered-models/get", name=name)["registered_model"]
        owner = _tags(there).get(MODEL, model)
        if owner != model:
            raise UnreadableError(
                f"the name {name} in MLflow belongs to the model {owner}", hint=f"rename {model}"
            ) from error


def _create_version(server: RestStore, wanted: Registration) -> None:
    tags = {**wanted.tags, GIT_TAG: wanted.git_tag}
    body = {
        "name": name_of(wanted.model),
        "source": wanted.source,
        "run_id": wanted.run_id,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    server.ask(post_json, "model-versions/create", body)


def _delete_version(server: RestStore, model: str, number: str) -> None:
    """Two jobs at once, or a request sent again after its answer was lost, make two versions of one tag."""
    body = {"name": name_of(model), "version": number}
    try:
        server.ask(delete_json, "model-versions/delete", body)
    except StatusError as error:
        if _code(error) != "RESOURCE_DOES_NOT_EXIST":
            raise


def _set_alias(server: RestStore, body: dict[str, str]) -> None:
    for left in reversed(range(_RACES)):
        try:
            server.ask(post_json, "registered-models/alias", body)
        except StatusError as error:
            if _code(error) != "BAD_REQUEST" or not left:
                raise
        else:
            return


def _holder(server: RestStore, name: str, alias: str) -> RegisteredVersion | None:
    try:
        found = server.ask(get_json, "registered-models/alias", {"name": name, "alias": alias})
    except StatusError as error:
        # A missing alias is an invalid parameter to MLflow.
        if _code(error) not in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"):
            raise
        return None
    return _version(found["model_version"])


def _version(one: dict[str, Any]) -> RegisteredVersion:
    tags = _tags(one)
    return RegisteredVersion(
        number=str(one["version"]),
        git_tag=tags.get(GIT_TAG, ""),
        source=str(one.get("source", "")),
        tags=tags,
    )


def _tags(one: dict[str, Any]) -> dict[str, str]:
    return {str(tag["key"]): str(tag.get("value", "")) for tag in one.get("tags", [])}


def _code(error: StatusError) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    return str(body.get("error_code", ""))
