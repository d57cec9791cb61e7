"""Real servers that a test starts, hurts and ends."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import redis

from phantom_core.core.settings import Settings
from phantom_core.valkey.embedded import server_binary
from phantom_core.valkey.server import connect_server

BINARIES = {"Valkey": str(server_binary()), "Redis": shutil.which("redis-server")}


class OwnServer:
    """A server of the test's own on a free port of this machine.

    Args:
        folder: for its data, kept over restarts.
        kind: Valkey or Redis.
        options: of the server, as on its command line; its data survive only with `appendonly`.
    """

    def __init__(self, folder: Path, kind: str = "Valkey", **options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        chosen = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(folder),
            "save": "",
            "loglevel": "warning",
        }
        chosen |= {name.replace("_", "-"): value for name, value in options.items()}
        binary = BINARIES[kind]
        assert binary
        self._command = [
            binary,
            *(part for name, value in chosen.items() for part in (f"--{name}", *value.split(" "))),
        ]
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        until_s = time.monotonic() + 10
        while not self._listens():
            assert self.process.poll() is None and time.monotonic() < until_s, (
                self.folder / "log"
            ).read_text()
            time.sleep(0.01)

    def kill(self) -> None:
        """As an operator does in anger: kill -9."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def url(self, user: str = "", port: int | None = None, options: str = "") -> str:
        return f"redis://{user}127.0.0.1:{port or self.port}/0{options}"

    def client(self, user: str = "", port: int | None = None, options: str = "") -> redis.Redis:
        """A client as PHANTOM makes it; `port` is that of a proxy."""
        return connect_server(Settings(redis_url=self.url(user, port, options)))

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.thaw()
        self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listens(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(5) in (b"+PONG", b"-NOAU")
        except OSError:
            return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
