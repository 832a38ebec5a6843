"""One store that the real MLflow has made, and its real server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Made:
    path: Path
    ids: dict[str, Any]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    command = [sys.executable, str(Path(__file__).with_name("test_mlflow.py")), f"sqlite:///{path}"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        command, cwd=path.parent, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Made(path, json.loads(done.stdout.splitlines()[-1]))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def is_healthy(port: int) -> bool:
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


def wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Two minutes: its first start on a cold disk takes half of one."""
    deadline = time.monotonic() + 120
    while not is_healthy(port):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


@pytest.fixture(scope="session")
def server(made: Made) -> Iterator[str]:
    port, log = free_port(), made.path.with_name("server.log")
    command = [sys.executable, *f"-m mlflow server --host 127.0.0.1 --port {port}".split()]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{made.path}"]
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=made.path.parent, env=env, stdout=out, stderr=out, start_new_session=True
        )
    try:
        wait_until_healthy(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
