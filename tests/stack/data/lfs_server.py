"""A Git LFS server on loopback that the real git-lfs client works with: batch API, upload, download.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MEDIA = "application/vnd.git-lfs+json"


@dataclass
class Server:
    """`objects`: what it has. `auth`: the Authorization that it wants. `broken`: the status of all its answers."""

    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    auth: str = ""
    broken: int = 0
    silent: bool = False
    batches: list[tuple[str, int]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/team/data.git/info/lfs"

    def batch(self, body: dict[str, Any]) -> dict[str, Any]:
        self.batches.append((body["operation"], len(body["objects"])))
        return {
            "transfer": "basic",
            "objects": [self._object(body["operation"], one) for one in body["objects"]],
        }

    def _object(self, operation: str, one: dict[str, Any]) -> dict[str, Any]:
        link = {"href": f"http://127.0.0.1:{self.port}/objects/{one['oid']}"}
        if operation == "download" and one["oid"] not in self.objects:
            return {**one, "error": {"code": 404, "message": "Object does not exist"}}
        if self.silent or (operation == "upload" and one["oid"] in self.objects):
            return one
        return {**one, "actions": {operation: link}}


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_POST(self) -> None:
        state = self.server.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if state.broken:
            return self._say(state.broken, b"{}")
        if state.auth and self.headers.get("Authorization") != state.auth:
            return self._say(401, b"{}")
        wanted = self.path == "/team/data.git/info/lfs/objects/batch"
        if not wanted or not self.headers["Accept"].startswith(MEDIA):
            return self._say(404, b"{}")
        return self._say(200, json.dumps(state.batch(body)).encode())

    def do_PUT(self) -> None:
        oid = self.path.rpartition("/")[2]
        self.server.state.objects[oid] = self.rfile.read(int(self.headers["Content-Length"]))
        self._say(200, b"")

    def do_GET(self) -> None:
        content = self.server.state.objects.get(self.path.rpartition("/")[2])
        self._say(404 if content is None else 200, content or b"")

    def _say(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", MEDIA)
        self.send_header("Content-Length", str(len(content)))
        if status == 401:
            self.send_header("LFS-Authenticate", 'Basic realm="lfs"')
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


class _Http(ThreadingHTTPServer):
    state: Server


@contextmanager
def serve() -> Iterator[Server]:
    with _Http(("127.0.0.1", 0), _Handler) as http:
        http.state = Server(port=http.server_address[1])
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield http.state
        finally:
            http.shutdown()
            thread.join()
