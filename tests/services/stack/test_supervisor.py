"""Parts that die are started again, and all of them are gone when it is over."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from phantom_core.services.stack.parts import (
    USUAL,
    StackPart,
    free_ports,
    shopper_part,
    stack_parts,
)
from phantom_core.services.stack.supervisor import Running, Supervisor

pytestmark = pytest.mark.slow

SLEEPS = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', "
    "flush=True); time.sleep(60)"
)


def python(name: str, code: str, **more: str) -> StackPart:
    return StackPart(name, [sys.executable, "-c", code], **more)


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, heard: list[str]) -> Iterator[Supervisor]:
    found = Supervisor(tmp_path / "logs", heard.append)
    yield found
    found.stop()


def until(holds: Callable[[], bool], supervisor: Supervisor, seconds: float = 10.0) -> None:
    deadline_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline_s
        supervisor.look()
        time.sleep(0.02)


def pid(one: Running) -> int:
    assert one.process is not None
    return one.process.pid


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_part_that_is_killed_is_started_again_and_said(
    supervisor: Supervisor, heard: list[str]
) -> None:
    supervisor.start([python("worker", SLEEPS), python("ingest", SLEEPS)])
    worker, ingest = supervisor.running
    first, other = pid(worker), pid(ingest)
    os.kill(first, signal.SIGKILL)
    until(lambda: worker.restarts == 1, supervisor)
    assert pid(worker) != first and pid(ingest) == other
    assert heard == [
        f"worker ended by SIGKILL and restarts in 1 s; see {worker.log}",
        "worker was restarted.",
    ]


def test_a_part_that_keeps_dying_is_given_longer_and_longer_pauses(
    supervisor: Supervisor, heard: list[str]
) -> None:
    supervisor.start([python("broken", "import sys; print('no disk'); sys.exit(3)")])
    until(lambda: len(heard) >= 3, supervisor)
    assert "with code 3 and restarts in 1 s" in heard[0]
    assert "restarts in 2 s" in heard[2]
    assert supervisor.running[0].log.read_text().splitlines() == ["no disk", "no disk"]


def test_stopping_leaves_no_process(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phantom_core.services.stack.supervisor.STOP_WITHIN_S", 0.5)
    supervisor.start([python("deaf", STUBBORN), python("calm", SLEEPS)])
    until(lambda: "deaf" in supervisor.running[0].log.read_text(), supervisor)
    numbers = [pid(one) for one in supervisor.running]
    assert supervisor.stop() == ["deaf"]
    assert not any(is_alive(number) for number in numbers)


def test_waiting_ends_when_parts_answer_and_names_those_that_do_not(supervisor: Supervisor) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serve = (
        f"import http.server as s; s.ThreadingHTTPServer(('127.0.0.1', {port}), "
        "s.SimpleHTTPRequestHandler).serve_forever()"
    )
    supervisor.start(
        [
            python("web", serve, ready=f"http://127.0.0.1:{port}/"),
            python("mute", SLEEPS, ready="http://127.0.0.1:9/"),
        ],
    )
    assert supervisor.wait_ready(4.0, lambda: False) == ["mute"]


def test_a_taken_port_gives_way_to_the_next_free_one() -> None:
    found = free_ports(USUAL, "127.0.0.1", lambda host, port: port not in (8001, 8002, 8501))
    assert (found.dashboard, found.ingest, found.worker) == (8502, 8004, 8005)
    assert len({found.dashboard, found.ingest, found.pricing, found.worker, found.schedule}) == 5


def test_every_part_gets_the_workspace_and_kafka_where_there_is_one(tmp_path: Path) -> None:
    found = stack_parts(tmp_path, USUAL, host="127.0.0.1", kafka="broker:9092")
    assert [part.name for part in found] == [
        "worker",
        "ingest",
        "pricing",
        "schedule",
        "watch",
        "dashboard",
    ]
    assert all(part.environment["PHANTOM_WORKSPACE"] == str(tmp_path) for part in found)
    assert all(part.environment["PHANTOM_KAFKA_BOOTSTRAP"] == "broker:9092" for part in found)
    assert all(str(tmp_path) not in " ".join(part.command) for part in found)
    assert (
        "http://127.0.0.1:8010" in shopper_part(tmp_path, USUAL, host="127.0.0.1", rate=30).command
    )
