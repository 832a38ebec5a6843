"""MLflow's own client, in the environment where the project has it. It is never imported here."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import ToolError, UnreadableError
from mlops_ci.git import Repository
from mlops_ci.http import StatusError, redact
from mlops_ci.process import environment_outside_git, run
from mlops_ci.stack.program import find_program

if TYPE_CHECKING:
    from mlops_ci.stack.base import Attachment, TrackerSettings

_SCRIPT = Path(__file__).with_name("client_script.py")
# A first connection to an SQLite store may have to bring it to the newest layout.
_SECONDS = 600.0
_SECRETS = ("USERNAME", "PASSWORD", "TOKEN", "CLIENT_CERT_PATH")


def attach(settings: TrackerSettings, run_id: str, attachment: Attachment) -> bool:
    """As `Tracker.attach`."""
    with tempfile.TemporaryDirectory(prefix="mlops-ci-") as folder:
        file = Path(folder) / Path(attachment.path).name
        file.write_bytes(attachment.content)
        asked = {
            "uri": uri_of(settings),
            "run_id": run_id,
            "file": str(file),
            "folder": Path(attachment.path).parent.as_posix(),
            "tags": attachment.all_tags,
            "digest": attachment.digest,
        }
        return bool(ask("attach", asked, settings)["changed"])


def send(source: TrackerSettings, target: TrackerSettings, run_id: str) -> str:
    """As `Tracker.send`."""
    asked = {"source": uri_of(source), "uri": uri_of(target), "run_id": run_id}
    return str(ask("send", asked, target)["run_id"])


def ask(what: str, asked: dict[str, Any], settings: TrackerSettings) -> dict[str, Any]:
    """What client_script.py answers. Raises UnreadableError with MLflow's reason, ToolError without MLflow."""
    command = [_interpreter(settings.root), "-I", str(_SCRIPT), what]
    done = run(
        command,
        cwd=settings.root,
        stdin=json.dumps(asked).encode(),
        env=_environ(settings),
        timeout=_SECONDS,
    )
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
        error = answer.get("error")
    except (ValueError, IndexError, AttributeError):
        raise ToolError(f"MLflow's client has failed: {done.last_line}") from None
    where = redact(settings.uri)
    if answer.get("status") in (401, 403):
        raise StatusError(f"MLflow at {where}", answer["status"], None)
    if error:
        hint = "check the address, and what was asked for"
        raise UnreadableError(f"MLflow at {where}: {error}", hint=hint)
    return answer  # type: ignore[no-any-return]


def _interpreter(root: Path) -> str:
    """The one beside the `mlflow` of the project."""
    repository = Repository.discover(root)
    program = find_program("mlflow", root, repository.is_tracked)
    beside = Path(program).parent if program else None
    for name in ("python", "python3", "python.exe"):
        if beside and (beside / name).is_file():
            return str(beside / name)
    raise ToolError(
        "this needs MLflow itself, and there is no mlflow in the environment of the project",
        hint="pip install mlflow, or activate the environment that trained",
    )


def _environ(settings: TrackerSettings) -> dict[str, str]:
    """Credentials only where they may be sent."""
    env = environment_outside_git(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet")
    env["MLFLOW_ALLOW_FILE_STORE"] = "true"
    env.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    if not settings.trusted:
        env = {k: v for k, v in env.items() if k not in {f"MLFLOW_TRACKING_{s}" for s in _SECRETS}}
    return env


def uri_of(settings: TrackerSettings) -> str:
    """A relative path begins at the root, wherever the client runs."""
    scheme, slashes, path = settings.uri.partition(":///")
    if slashes and scheme == "sqlite":
        return f"sqlite:///{os.path.abspath(settings.root / path)}"  # noqa: PTH100 - Path.resolve follows links
    return settings.uri
