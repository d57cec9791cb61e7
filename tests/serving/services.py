"""Services as processes of their own, asked over HTTP, and stopped by signals."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import httpx


class Service:
    """`python -m phantom_core serve …` on a free port.

    Attributes:
        process: of the service.
        client: talks to it.
    """

    def __init__(self, name: str, workspace: Path, environment: dict[str, str] | None = None, *options: str) -> None:
        command = [sys.executable, "-m", "phantom_core", "serve", name, "--port", "0", "--workspace", str(workspace), *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
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

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()


@contextmanager
def ingest_service(workspace: Path, **environment: str) -> Iterator[Service]:
    with Service("ingest", workspace, environment) as service:
        yield service
