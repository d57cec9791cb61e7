"""Clients that send half a request, endless headers, or read nothing: a service stays reachable."""

import os
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import httpx
import pytest

from phantom_core.core.settings import Settings
from phantom_core.services.ingest.app import ingest_app
from phantom_core.services.web.connections import ConnectionLimits
from tests.services.services import Service, served

pytestmark = pytest.mark.slow

FILES: Final = 256
HALF: Final = b"POST /api/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Le"
HALF_BODY: Final = (
    b"POST /api/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 500\r\n\r\n{"
)
EVENT: Final = {"sessionId": "s", "eventName": "search"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that may open 256 files, as a container's default would allow."""
    environment = {"PHANTOM_REQUEST_TIMEOUT_S": "3"}
    with Service(
        "ingest", tmp_path_factory.mktemp("slow"), environment, most_files=FILES
    ) as started:
        yield started


def _connect(service: Service, sent: bytes) -> socket.socket:
    _, _, rest = service.url.partition("://")
    host, _, port = rest.partition(":")
    opened = socket.create_connection((host, int(port)), timeout=5)
    opened.sendall(sent)
    return opened


@pytest.mark.parametrize("sent", [HALF, HALF_BODY, b""], ids=["head", "body", "nothing"])
def test_300_half_sent_requests_leave_the_service_reachable(sent: bytes, service: Service) -> None:
    with ExitStack() as held:
        for _ in range(300):
            held.enter_context(_connect(service, sent))
        began_s = time.monotonic()
        with httpx.Client(base_url=service.url, timeout=5) as client:
            assert client.post("/api/ingest", json=EVENT).status_code == 200
            assert client.get("/health").status_code == 200
        assert time.monotonic() - began_s < 3
    assert service.process.stderr is not None
    readable, _, _ = select.select([service.process.stderr.fileno()], [], [], 0.2)
    assert not readable, os.read(service.process.stderr.fileno(), 2_000).decode()


@pytest.mark.parametrize("sent", [HALF, HALF_BODY, b""], ids=["head", "body", "nothing"])
def test_a_half_sent_request_is_closed_in_time(sent: bytes, service: Service) -> None:
    with _connect(service, sent) as opened:
        opened.settimeout(8)
        began_s = time.monotonic()
        with suppress(ConnectionResetError):
            assert opened.recv(1_000) == b""
        assert time.monotonic() - began_s < 6


def test_headers_without_end_are_cut_off(service: Service) -> None:
    begun = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
    with (
        _connect(service, begun) as opened,
        pytest.raises((ConnectionResetError, BrokenPipeError)),
    ):
        for _ in range(200):
            opened.sendall(b"X-Filler: " + b"a" * 4_000 + b"\r\n")
            time.sleep(0.005)
    assert service.client.get("/health").status_code == 200


def test_a_kept_connection_serves_many_requests_and_pauses(service: Service) -> None:
    with httpx.Client(base_url=service.url, timeout=5) as client:
        for wait_s in (0.0, 1.5, 1.5):  # longer than headers may take, in all
            time.sleep(wait_s)
            assert client.post("/api/ingest", json=EVENT).status_code == 200
        big = client.post("/api/ingest", json=[EVENT] * 500)
        assert big.json()["accepted"] == 500


def test_limits_follow_the_files_that_may_be_opened() -> None:
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256));"
        "from phantom_core.services.web.connections import ConnectionLimits;"
        "found = ConnectionLimits().within_files();"
        "print(found.connections, found.connections_per_address)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["160", "80"]
    assert ConnectionLimits(connections=10).connections == 10


def test_docs_run_no_script_and_load_nothing(tmp_path: Path) -> None:
    with served(ingest_app(Settings(workspace=tmp_path))) as client:
        page = client.get("/docs")
    assert page.status_code == 200 and "/api/ingest" in page.text
    assert not re.search(r"<script|https?://|src=|<link", page.text)


def test_every_answer_tells_browsers_to_do_nothing_with_it(tmp_path: Path) -> None:
    with served(ingest_app(Settings(workspace=tmp_path))) as client:
        answers = [client.get("/health"), client.get("/nowhere"), client.post("/api/ingest")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
