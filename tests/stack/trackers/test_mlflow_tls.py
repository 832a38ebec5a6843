"""A tracking server behind a certificate of the team's own authority is there, as it is for MLflow's own client."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_ci.errors import UnreadableError
from mlops_ci.stack.base import TrackerSettings
from mlops_ci.stack.trackers import mlflow as tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = {
    "file": "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "requests": "REQUESTS_CA_BUNDLE",
    "curl": "CURL_CA_BUNDLE",
    "openssl": "SSL_CERT_FILE",
}
CLIENT = "import mlflow; print(mlflow.MlflowClient().get_run('a'))"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"run": {"info": {"run_id": "a"}, "data": {}}}')

    def log_message(self, *arguments: object) -> None:
        pass


def pair(folder: Path, name: str) -> Path:
    """A certificate that signs itself, and beside it its key; both in one file."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split()
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / f"{name}.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    return both


@pytest.fixture(autouse=True)
def none_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES.values():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl")
    made = tmp_path_factory.mktemp("tls")
    pair(made, "server")
    pair(made, "client")
    return made


def serve(context: ssl.SSLContext) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def uri(folder: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    yield from serve(context)


@pytest.fixture
def strict_uri(folder: Path) -> Iterator[str]:
    """Of a server that speaks only to who shows the client's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "client.crt")
    yield from serve(context)


def check(uri: str, *, trusted: bool = True) -> None:
    tracker.check_answers(TrackerSettings(uri=uri, root=Path(), trusted=trusted))


@pytest.mark.contract
@pytest.mark.parametrize("which", NAMES)
def test_the_authority_that_the_environment_names_is_trusted(
    uri: str, folder: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAMES[which], str(folder / "server.crt"))
    check(uri)


@pytest.mark.contract
def test_as_the_client_of_mlflow_has_it(
    uri: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv(NAMES["file"], str(folder / "server.crt"))
    done = subprocess.run([sys.executable, "-c", CLIENT], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.contract
def test_any_certificate_will_do_only_where_that_is_asked_for(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "false")
    with pytest.raises(UnreadableError, match="certificate"):
        check(uri)
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    check(uri)


@pytest.mark.contract
def test_the_key_of_the_client_is_shown_to_an_address_that_is_trusted(
    strict_uri: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(folder / "server.crt"))
    monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", str(folder / "client.pem"))
    check(strict_uri)
    with pytest.raises(UnreadableError):
        check(strict_uri, trusted=False)


@pytest.mark.contract
def test_a_bundle_that_is_not_there_is_said(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(UnreadableError, match="No such file"):
        check(uri)
