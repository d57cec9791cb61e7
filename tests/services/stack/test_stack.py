"""One command: everything answers, what dies comes back, shoppers reach the lake, and nothing is
left afterwards.
"""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from phantom_core.lake.lake import Lake

pytestmark = pytest.mark.slow


class Stack:
    """The verb `stack` and what it prints."""

    def __init__(self, workspace: Path) -> None:
        environment = {
            **os.environ,
            "PHANTOM_DEMO_SESSIONS": "200",
            "PHANTOM_REDIS_URL": "",
            "PHANTOM_KAFKA_BOOTSTRAP": "",
        }
        command = [
            sys.executable,
            "-m",
            "phantom_core",
            "stack",
            "--rate",
            "600",
            "--workspace",
            str(workspace),
        ]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as out:
            for line in out:
                self.lines.put(line.rstrip())

    def wait_for(self, pattern: str, seconds: float = 90.0) -> re.Match[str]:
        """Wait until a line says something."""
        deadline_s = time.monotonic() + seconds
        while True:
            left_s = deadline_s - time.monotonic()
            assert left_s > 0, "\n".join(self.said)
            try:
                self.said.append(self.lines.get(timeout=min(1.0, left_s)))
            except queue.Empty:
                assert self.process.poll() is None, "\n".join(self.said)
                continue
            if found := re.search(pattern, self.said[-1]):
                return found

    def children(self) -> list[psutil.Process]:
        """Every process below it."""
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    running = Stack(tmp_path / "workspace")
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def test_a_newcomer_sees_everything_run_and_nothing_stays_behind(
    stack: Stack, tmp_path: Path
) -> None:
    stack.wait_for("Loaded a demo set of 200 generated sessions")
    stack.wait_for("Classifier: training one")
    addresses = {
        name: stack.wait_for(rf"^{name} +(http\S+)")[1]
        for name in ("worker", "ingest", "pricing", "schedule", "dashboard")
    }
    assert "none are live" in stack.wait_for("Rules: (.*)")[1]
    for name in ("ingest", "pricing"):
        with urllib.request.urlopen(f"{addresses[name]}/health") as answer:
            assert answer.status == 200
    children = stack.children()
    (ingest,) = [one for one in children if one.cmdline()[-6:-4] == ["serve", "ingest"]]
    ingest.kill()
    stack.wait_for("ingest was restarted")
    stack.wait_for(r"Shoppers: [\d,]+ events and quotes sent")
    stack.process.send_signal(signal.SIGTERM)
    stack.wait_for("Stopped")
    assert stack.process.wait(10) == 0
    psutil.wait_procs(children, timeout=15)
    assert [
        one.cmdline() for one in psutil.process_iter() if str(tmp_path) in " ".join(_command(one))
    ] == []
    with Lake(tmp_path / "workspace" / "lake").connect(("events",)) as connection:
        [(n_live,)] = connection.execute(
            "SELECT COUNT(*) FROM events WHERE session_id LIKE 'live-%'"
        ).fetchall()
    assert n_live > 0


def _command(one: psutil.Process) -> list[str]:
    try:
        return one.cmdline()
    except psutil.Error:
        return []
