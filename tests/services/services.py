"""Services as processes of their own, asked over HTTP, and stopped by signals."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import httpx
import uvicorn
from fastapi import FastAPI


class Service:
    """`python -m phantom_core serve …` on a free port.

    Args:
        most_files: that it may hold open; as many as this process without.

    Attributes:
        process: of the service.
        client: talks to it.
    """

    def __init__(
        self,
        name: str,
        workspace: Path,
        environment: dict[str, str] | None = None,
        *options: str,
        most_files: int | None = None,
    ) -> None:
        limit = (
            [] if most_files is None else ["sh", "-c", f'ulimit -n {most_files}; exec "$@"', "-"]
        )
        command = [
            *limit,
            sys.executable,
            "-m",
            "phantom_core",
            "serve",
            name,
            "--port",
            "0",
            "--workspace",
            str(workspace),
            *options,
        ]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found, self.process.communicate()[1]
        self.url = found.group()
        self.client = httpx.Client(base_url=self.url, timeout=20)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; gives the exit code."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def __enter__(self) -> "Service":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()


@contextmanager
def ingest_service(workspace: Path, **environment: str) -> Iterator[Service]:
    with Service("ingest", workspace, environment) as service:
        yield service


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    """An application on a real port of this process, and a client that talks to it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=20
            ) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()
