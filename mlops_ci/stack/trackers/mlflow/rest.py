"""MLflow's tracking server, `http(s)://…`. https://mlflow.org/docs/latest/rest-api.html"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mlops_ci.errors import UnreadableError
from mlops_ci.http import (
    StatusError,
    Tls,
    basic,
    check_answers_in_json,
    get_json,
    post_json,
    redact,
)
from mlops_ci.stack.base import TrackedRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.stack.base import BoundBy, TrackerSettings

PAGE_SIZE = 100
MOST_PAGES = 100

LOGIN = "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
TRUST = "credentials are sent to the address in MLFLOW_TRACKING_URI only: set it to this one"


@contextmanager
def as_mlflow_answers() -> Iterator[None]:
    """Raises UnreadableError for an answer that has not the shape that MLflow's has."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        hint = "is it the address of a tracking server?"
        raise UnreadableError("the server does not answer as MLflow does", hint=hint) from error


class RestStore:
    """See `Store`. `auth`: the Authorization header, or empty. `login`: what to do when it is refused. `tls`: how the
    server is known.
    """

    def __init__(self, address: str, auth: str, login: str, tls: Tls) -> None:
        self.api = f"{address}/api/2.0/mlflow"
        self.auth = auth
        self.login = login
        self.tls = tls

    @as_mlflow_answers()
    def get(self, run_id: str, bound_by: BoundBy) -> tuple[str, TrackedRun] | None:
        found = self.find("runs/get", run_id=run_id)
        if found is None:
            return None
        info, data = found["run"]["info"], found["run"].get("data", {})
        experiment = self.find("experiments/get", experiment_id=info["experiment_id"])
        run = TrackedRun(
            run_id=run_id,
            experiment=str(experiment["experiment"]["name"]),
            bound_by=bound_by,
            # JSON has the strings "NaN" and "Infinity", which float understands.
            metrics={key: float(value) for key, value in _pairs(data, "metrics")},
            params=dict(_pairs(data, "params")),
            tags=dict(_pairs(data, "tags")),
        )
        return info["status"] if info["lifecycle_stage"] == "active" else "DELETED", run

    @as_mlflow_answers()
    def experiments(self, name: str | None) -> list[str]:
        if name is None:
            return [one["experiment_id"] for one in self._all("experiments/search", "experiments")]
        found = self.find("experiments/get-by-name", experiment_name=name)
        one = found["experiment"] if found else {}
        return [one["experiment_id"]] if one.get("lifecycle_stage") == "active" else []

    @as_mlflow_answers()
    def tagged(self, key: str, value: str, experiments: list[str]) -> dict[str, str]:
        body = {
            "experiment_ids": experiments,
            "filter": f"tags.`{key}` = '{value}' AND attributes.status = 'FINISHED'",
            "run_view_type": "ACTIVE_ONLY",
        }
        runs = self._all("runs/search", "runs", **body)
        return {
            run["info"]["run_id"]: dict(_pairs(run["data"], "tags")).get("mlflow.parentRunId", "")
            for run in runs
        }

    def tag(self, run_id: str, tags: dict[str, str]) -> None:
        for key, value in tags.items():
            self.ask(post_json, "runs/set-tag", {"run_id": run_id, "key": key, "value": value})

    def check(self) -> None:
        """Raises UnreadableError where no tracking server answers."""
        url = f"{self.api}/experiments/search"
        check_answers_in_json(url, {"max_results": "1"}, auth=self.auth, tls=self.tls)

    def find(self, path: str, **params: str) -> Any:
        """What the server answers to a GET; None when there is no such thing."""
        try:
            return self.ask(get_json, path, params)
        except StatusError as error:
            body = error.body if isinstance(error.body, dict) else {}
            if body.get("error_code") != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def _all(self, path: str, key: str, **body: Any) -> Iterator[Any]:
        for _ in range(MOST_PAGES):
            page = self.ask(post_json, path, body | {"max_results": PAGE_SIZE})
            yield from page.get(key, [])
            body["page_token"] = page.get("next_page_token", "")
            if not body["page_token"]:
                return
        many = f"more than {MOST_PAGES * PAGE_SIZE} {key}"
        raise UnreadableError(f"{redact(self.api)} lists {many}", hint="name the experiment")

    def ask(self, send: Callable[..., Any], path: str, content: dict[str, Any]) -> Any:
        """What the server answers when `send` (of `mlops_ci.http`) sends it `content`."""
        try:
            return send(f"{self.api}/{path}", content, auth=self.auth, tls=self.tls)
        except StatusError as error:
            if error.status in (401, 403):
                error.hint = self.login
            raise


def _pairs(data: dict[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    return ((str(one["key"]), str(one.get("value", ""))) for one in data.get(kind, []))


@contextmanager
def open_store(settings: TrackerSettings) -> Iterator[RestStore]:
    """The server's store, with the credentials of the address or, where it is trusted, of the environment."""
    try:
        parts = urlsplit(settings.uri)
    except ValueError:
        raise UnreadableError(f"{redact(settings.uri)} is not an address") from None
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    auth, login = basic(unquote(name), unquote(password)) if user else "", TRUST
    if settings.trusted:
        auth, login = auth or _from_environment(), LOGIN
    address = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
    yield RestStore(address, auth, login, _tls(trusted=settings.trusted))


def _tls(*, trusted: bool) -> Tls:
    """As MLflow's client has it, whose key is a credential like the others.

    https://mlflow.org/docs/latest/self-hosting/security/basic-http-auth/
    """
    insecure = os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("1", "true")
    authority, client = (
        os.environ.get(f"MLFLOW_TRACKING_{name}_CERT_PATH", "") for name in ("SERVER", "CLIENT")
    )
    return Tls(authority=authority, client=client if trusted else "", insecure=insecure)


def _from_environment() -> str:
    name, password, token = (
        # A secret often ends in the line break of the file that it was pasted from.
        os.environ.get(f"MLFLOW_TRACKING_{key}", "").rstrip("\r\n")
        for key in ("USERNAME", "PASSWORD", "TOKEN")
    )
    if name and password:
        return basic(name, password)
    return f"Bearer {token}" if token else ""
