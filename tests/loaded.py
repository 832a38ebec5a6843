"""DVC and MLflow's client that start at once: each run is a fork of a process that has imported the real ones already.

As a script, this is that process. With `--full`, the tests run programs of their own instead.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

BIN = Path(sys.executable).parent
used = hasattr(os, "pidfd_open")
# What is imported, late as well, by the program that a fork stands in for.
_LATE = {
    "dvc": """
dvc.analytics dvc.cachemgr dvc.cli.parser dvc.data_cloud dvc.dirs dvc.dvcfile dvc.lock dvc.output dvc.repo.artifacts
dvc.repo.brancher dvc.repo.datasets dvc.repo.fetch dvc.repo.index dvc.repo.metrics dvc.repo.open_repo dvc.repo.params
dvc.repo.plots dvc.repo.push dvc.repo.reproduce dvc.repo.stage dvc.rwlock dvc.scm dvc.stage.run dvc.utils.strictyaml
dvc_data.hashfile.db.index dvc_data.hashfile.db.local dvc_data.hashfile.status dvc_data.index.checkout
dvc_data.index.push dulwich.ignore dulwich.index dulwich.worktree configobj flufl.lock fsspec.implementations.memory
networkx rich.text ruamel.yaml zc.lockfile
""",
    "python": """
mlflow mlflow.store.model_registry.sqlalchemy_store mlflow.store.tracking.sqlalchemy_store
mlflow.store.tracking.rest_store mlflow.store.artifact.local_artifact_repo mlflow.tracking.client
""",
}
# Hands its arguments, environment, folder and files over; passes signals on; ends as the command does. Where it is
# killed, so is the command.
_CLIENT = """\
#!{python} -IS
import json, os, signal, socket, sys
job = {{"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "umask": os.umask(0)}}
os.umask(job["umask"])
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    text = json.dumps(job).encode()
    socket.send_fds(server, [len(text).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(text)
    pid = int.from_bytes(server.recv(4), "big")
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), lambda number, _: os.kill(pid, number))
    code = int.from_bytes(server.recv(2), "big", signed=True)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


def dvc() -> Path:
    """Where the `dvc` is that tests run, for PATH."""
    return _started("dvc") / "program" if used else BIN


def environment(program: str = "dvc") -> Path:
    """The environment of the tests with that `dvc`, or with a `python` that runs MLflow's client; for VIRTUAL_ENV."""
    return _started(program) if used else Path(sys.prefix)


@functools.cache
def _started(program: str) -> Path:
    place = Path(tempfile.mkdtemp(prefix=f"{program}-"))
    _fill(place, program)
    command = [sys.executable, __file__, program, str(place / "socket")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    assert process.stdout.read(1) == b"."
    process.stdout.close()
    atexit.register(_end, process, place)
    return place


def _fill(place: Path, program: str) -> None:
    for name in ("bin", "program"):
        (place / name).mkdir()
    made = place / "program" / program
    made.write_text(_CLIENT.format(python=sys.executable, address=str(place / "socket")))
    made.chmod(0o755)
    for one in [made, *(one for one in BIN.iterdir() if one.name != program)]:
        (place / "bin" / one.name).symlink_to(one)
    (place / "lib").symlink_to(Path(sys.prefix) / "lib")
    config = Path(sys.prefix) / "pyvenv.cfg"
    if config.is_file():
        shutil.copy(config, place)


def _end(process: subprocess.Popen[bytes], place: Path) -> None:
    assert process.stdin
    process.stdin.close()
    process.wait(30)
    shutil.rmtree(place, ignore_errors=True)


def _serve(program: str, address: str) -> None:
    """Until the tests have ended, which closes stdin."""
    import select
    import socket

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    os.write(1, b".")
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        connection = listener.accept()[0]
        if os.fork() == 0:
            listener.close()
            _attend(program, connection)
        connection.close()
        with suppress(ChildProcessError):  # no zombies, and their processor time counts
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _attend(program: str, connection: socket.socket) -> None:
    """One command, from its beginning to its end."""
    import json
    import select
    import signal
    import socket

    head, files, *_ = socket.recv_fds(connection, 4, 3)
    text = b""
    while len(text) < int.from_bytes(head, "big"):
        text += connection.recv(1 << 20)
    pid = os.fork()
    if pid == 0:
        connection.close()
        _run(program, json.loads(text), files)
    for file in files:
        os.close(file)
    with suppress(OSError):  # it is done already
        os.setpgid(pid, pid)
    with suppress(OSError):  # who asked is gone
        connection.sendall(pid.to_bytes(4, "big"))
    ended = os.pidfd_open(pid)
    if ended not in select.select([ended, connection], [], [])[0]:
        os.killpg(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(OSError):
        connection.sendall(code.to_bytes(2, "big", signed=True))
    os._exit(0)


def _run(program: str, job: dict[str, Any], files: list[int]) -> None:
    import logging

    code: Any = 70
    try:
        os.setpgid(0, 0)
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(job["env"])
        os.umask(job["umask"])
        os.chdir(job["cwd"])
        code = _dvc(job["argv"]) if program == "dvc" else _python(job["argv"])
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _dvc(arguments: list[str]) -> int:
    from dvc.cli import main

    sys.argv = ["dvc", *arguments]
    return main(arguments) or 0


def _python(arguments: list[str]) -> int:
    """`python -I FILE ARGUMENT...`"""
    import runpy

    assert arguments.pop(0) == "-I"
    sys.argv = arguments
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    for name in _LATE[sys.argv[1]].split():
        import_module(name)
    _serve(*sys.argv[1:])
