"""Runs in the environment of the project: it has MLflow, and need not have mlops-ci.

`python client_script.py WHAT`, a name in ANSWERS. What is asked comes as JSON on stdin; the last line of stdout is the
answer.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import sys
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCAL_RUN = "mlops_ci.local_run"
# https://mlflow.org/docs/latest/rest-api.html: the most that one log-batch takes.
MOST = 100
# Set by every client anew; the copy's own are right.
OWN = ("mlflow.artifactLocation", "mlflow.log-model.history")


def digest(file: pathlib.Path) -> str:
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def attach(asked: dict[str, Any]) -> dict[str, Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=asked["uri"])
    run = client.get_run(asked["run_id"])
    if asked["tags"].items() <= run.data.tags.items() and is_there(client, asked):
        return {"changed": False}
    client.log_artifact(asked["run_id"], asked["file"], asked["folder"])
    for key, value in asked["tags"].items():
        client.set_tag(asked["run_id"], key, value)
    if not is_there(client, asked):
        raise ValueError(f"{asked['folder']} was written, and something else is read back")
    return {"changed": True}


def is_there(client: Any, asked: dict[str, Any]) -> bool:
    name = pathlib.Path(asked["file"]).name
    wanted = f"{asked['folder']}/{name}"
    if wanted not in [one.path for one in client.list_artifacts(asked["run_id"], asked["folder"])]:
        return False
    with tempfile.TemporaryDirectory() as folder:
        file = client.download_artifacts(asked["run_id"], wanted, folder)
        return bool(digest(pathlib.Path(file)) == asked["digest"])


def send(asked: dict[str, Any]) -> dict[str, Any]:
    from mlflow import MlflowClient

    source = MlflowClient(tracking_uri=asked["source"])
    target = MlflowClient(tracking_uri=asked["uri"])
    run = source.get_run(asked["run_id"])
    experiment = experiment_at(target, source.get_experiment(run.info.experiment_id).name)
    copy = copy_at(target, experiment, run)
    if copy.info.status == "RUNNING":
        copy_values(source, target, run, copy.info.run_id)
        copy_artifacts(source, target, run.info.run_id, copy.info.run_id)
        # Last: a copy that has ended is whole.
        target.set_terminated(copy.info.run_id, run.info.status, run.info.end_time)
    return {"run_id": copy.info.run_id}


def experiment_at(target: Any, name: str) -> str:
    found = target.get_experiment_by_name(name)
    return str(found.experiment_id if found else target.create_experiment(name))


def copy_at(target: Any, experiment: str, run: Any) -> Any:
    """The copy that an earlier call began, else a new run."""
    wanted = f"tags.`{LOCAL_RUN}` = '{run.info.run_id}'"
    found = target.search_runs([experiment], wanted, order_by=["attributes.start_time ASC"])
    if found:
        return found[0]
    tags = {key: value for key, value in run.data.tags.items() if key not in OWN}
    tags[LOCAL_RUN] = run.info.run_id
    return target.create_run(experiment, run.info.start_time, tags, run.info.run_name)


def copy_values(source: Any, target: Any, run: Any, copy: str) -> None:
    from mlflow.entities import Param

    params = [Param(key, value) for key, value in run.data.params.items()]
    for chunk in chunks(params):
        target.log_batch(copy, params=chunk)
    for key in run.data.metrics:
        for chunk in chunks(source.get_metric_history(run.info.run_id, key)):
            target.log_batch(copy, metrics=chunk)


def copy_artifacts(source: Any, target: Any, run_id: str, copy: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for one in source.list_artifacts(run_id):
            source.download_artifacts(run_id, one.path, folder)
        if any(pathlib.Path(folder).iterdir()):
            target.log_artifacts(copy, folder)


def chunks(values: list[Any]) -> list[list[Any]]:
    return [values[start : start + MOST] for start in range(0, len(values), MOST)]


def find_version(asked: dict[str, Any]) -> dict[str, Any]:
    return {"version": next(iter(versions_of(client_at(asked), asked)), None)}


def register(asked: dict[str, Any]) -> dict[str, Any]:
    """The oldest version of a tag is the one that counts for everybody."""
    client = client_at(asked)
    found = versions_of(client, asked)
    if not found:
        own_model(client, asked)
        client.create_model_version(
            asked["name"], asked["source"], asked["run_id"], asked["tags"], await_creation_for=0
        )
        found = versions_of(client, asked)
    for double in found[1:]:
        unless(
            "RESOURCE_DOES_NOT_EXIST", client.delete_model_version, asked["name"], double["number"]
        )
    return {"version": found[0]}


def own_model(client: Any, asked: dict[str, Any]) -> None:
    """Two models can have one name in MLflow: `a/b` and `a:b` are both `a.b` there."""
    name, owner = asked["name"], asked["owner"]
    tags = {owner["key"]: owner["value"]}
    unless("RESOURCE_ALREADY_EXISTS", client.create_registered_model, name, tags)
    there = client.get_registered_model(name).tags.get(owner["key"], owner["value"])
    if there != owner["value"]:
        raise ValueError(f"the name {name} in MLflow belongs to the model {there}")


def assign(asked: dict[str, Any]) -> dict[str, Any]:
    client_at(asked).set_registered_model_alias(asked["name"], asked["alias"], asked["version"])
    found = holder(asked)
    if found["version"] is None:
        raise ValueError(f"{asked['name']}@{asked['alias']} was set, and is not found")
    return found


def holder(asked: dict[str, Any]) -> dict[str, Any]:
    """A missing alias is an invalid parameter to MLflow."""
    missing = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")
    get = client_at(asked).get_model_version_by_alias
    found = unless(missing, get, asked["name"], asked["alias"])
    return {"version": found and shown(found)}


def withdraw(asked: dict[str, Any]) -> dict[str, Any]:
    delete = client_at(asked).delete_registered_model_alias
    unless("RESOURCE_DOES_NOT_EXIST", delete, asked["name"], asked["alias"])
    return {"version": None}


def versions_of(client: Any, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that were registered as is asked, oldest first. The tag has no quote: the grammar of tags knows none."""
    wanted = f"name = '{asked['name']}' and tags.`{asked['key']}` = '{asked['git_tag']}'"
    found = (shown(one) for one in pages(client.search_model_versions, wanted))
    same = (
        one
        for one in found
        if one["source"] == asked["source"] and asked["tags"].items() <= one["tags"].items()
    )
    return sorted(same, key=lambda one: int(one["number"]))


def pages(search: Any, wanted: str) -> Iterator[Any]:
    """All that MLflow finds: whoever may write there can give a tag to any number of versions."""
    page = search(wanted)
    yield from page
    while page.token:
        page = search(wanted, page_token=page.token)
        yield from page


def shown(version: Any) -> dict[str, Any]:
    return {
        "number": str(version.version),
        "source": version.source or "",
        "tags": dict(version.tags),
    }


def unless(codes: str | tuple[str, ...], call: Any, *arguments: Any) -> Any:
    """What `call` gives; None for an error of MLflow with one of these codes."""
    from mlflow.exceptions import MlflowException

    try:
        return call(*arguments)
    except MlflowException as error:
        if error.error_code not in codes:
            raise
        return None


def client_at(asked: dict[str, Any]) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=asked["uri"], registry_uri=asked["uri"])


ANSWERS = {
    "attach": attach,
    "send": send,
    "find_version": find_version,
    "register": register,
    "holder": holder,
    "assign": assign,
    "withdraw": withdraw,
}


def main() -> int:
    asked = json.load(sys.stdin)
    try:
        answer = ANSWERS[sys.argv[1]](asked)
    except ImportError as error:
        answer = {"error": f"cannot be imported here: {error}"}
    except Exception as error:  # noqa: BLE001 - whatever MLflow raises is the answer
        answer = {"error": (str(error).splitlines() or [type(error).__name__])[0][:500]}
        # https://mlflow.org/docs/latest/api_reference/python_api/mlflow.exceptions.html
        if hasattr(error, "get_http_status_code"):
            answer["status"] = error.get_http_status_code()
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
