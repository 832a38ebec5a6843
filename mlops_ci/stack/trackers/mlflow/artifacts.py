"""A file at a run of a tracking server, through the server's own store of artifacts.

https://mlflow.org/docs/latest/self-hosting/architecture/artifact-store/, "proxied artifact access"
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from mlops_ci.errors import UnreadableError
from mlops_ci.http import StatusError, get_bytes, put_bytes
from mlops_ci.stack.trackers.mlflow import client
from mlops_ci.stack.trackers.mlflow.rest import as_mlflow_answers, open_store

if TYPE_CHECKING:
    from mlops_ci.stack.base import Attachment, TrackerSettings
    from mlops_ci.stack.trackers.mlflow.rest import RestStore

_PROXIED = "mlflow-artifacts"


@as_mlflow_answers()
def attach(settings: TrackerSettings, run_id: str, attachment: Attachment) -> bool:
    """As `Tracker.attach`. Artifacts that the server does not hand out itself are written by MLflow's client."""
    with open_store(settings) as server:
        found = server.find("runs/get", run_id=run_id)
        if found is None:
            raise UnreadableError(f"run {run_id} is not in the store", hint="mlops-ci record show")
        place = urlsplit(found["run"]["info"]["artifact_uri"])
        if place.scheme != _PROXIED:
            return client.attach(settings, run_id, attachment)
        path = quote(f"{place.path.strip('/')}/{attachment.path}")
        url = f"{server.api.removesuffix('/mlflow')}/{_PROXIED}/artifacts/{path}"
        tags = {one["key"]: one["value"] for one in found["run"].get("data", {}).get("tags", [])}
        kept = attachment.all_tags.items() <= tags.items() and _is_there(server, url, attachment)
        if not kept:
            put_bytes(url, attachment.content, auth=server.auth, tls=server.tls)
            server.tag(run_id, attachment.all_tags)
            _read_back(server, url, attachment)
        return not kept


def _is_there(server: RestStore, url: str, attachment: Attachment) -> bool:
    try:
        content = get_bytes(url, auth=server.auth, tls=server.tls)
    except StatusError as error:
        if error.status != 404:
            raise
        return False
    return f"sha256:{hashlib.sha256(content).hexdigest()}" == attachment.digest


def _read_back(server: RestStore, url: str, attachment: Attachment) -> None:
    if not _is_there(server, url, attachment):
        raise UnreadableError(f"the server took {attachment.path}, and hands out something else")
