"""Foreign web pages reach neither the app nor the services, and visitors fill no memory."""

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import UnavailableError
from phantom_core.core.settings import MonitoringSettings, Settings
from phantom_core.database.connection import write_transaction
from phantom_core.services.ingest.app import ingest_app
from phantom_core.use_cases.approvals import watch_server
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.watch_server import seen_last, silent_seconds
from phantom_core.use_cases.data.demo import remove_demo
from tests.pages.browser import served
from tests.security.accounts import PASSWORD, add_accounts
from tests.security.websocket_client import COOKIE, sign_in, window
from tests.services.services import served as serving
from ui.frame.hosts import COMMANDS
from ui.frame.server_life import watching
from ui.frame.upload_permits import UploadPermits

FOREIGN = (
    "evil.test",
    "127.0.0.1.evil.test",
    "localhost.evil.test",
    "a@127.0.0.1",
    "",
    "evil.test:80",
)
EVENT = {"sessionId": "s1", "eventName": "search", "ts": "2026-03-01T12:00:00Z"}


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app of an installation with accounts, known by a public name too."""
    settings = Settings(workspace=tmp_path_factory.mktemp("staffed") / "shop")
    remove_demo(settings)
    add_accounts(settings)
    with served(settings.workspace, PHANTOM_HOSTS="shop.example") as url:
        yield url


@pytest.fixture(scope="module")
def open_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app of an installation without accounts."""
    workspace = tmp_path_factory.mktemp("open") / "shop"
    remove_demo(Settings(workspace=workspace))
    with served(workspace, PHANTOM_WATCH_EVERY_S="0.2") as url:
        yield url


@pytest.mark.parametrize("host", FOREIGN)
def test_the_app_does_not_answer_to_foreign_names(open_app: str, host: str) -> None:
    for path in ("/", "/_stcore/health", "/account/demo", "/live"):
        assert httpx.get(f"{open_app}{path}", headers={"Host": host}).status_code in (400, 421)
    assert handshake(open_app, host=host) in (400, 403)


def test_a_request_that_names_two_hosts_is_refused(open_app: str) -> None:
    own = open_app.rpartition("/")[2]
    assert raw_status(open_app, "GET", ["Host: evil.test"], host=own) == 400
    assert raw_status(open_app, "GET", [f"Host: {own}"], host="evil.test") in (400, 421)


def test_a_websocket_opens_for_own_pages_alone(staffed: str) -> None:
    port = staffed.rsplit(":", 1)[1]
    own = f"127.0.0.1:{port}"
    assert handshake(staffed, host=own, origin=f"http://{own}") == 101
    assert handshake(staffed, host="shop.example", origin="https://shop.example") == 101
    for origin in (
        "http://evil.test",
        f"http://localhost:{port}",
        "null",
        f"http://evil.test/{own}",
    ):
        assert handshake(staffed, host=own, origin=origin) == 403
    assert handshake(staffed, host="other.example", origin="https://other.example") == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Real-IP": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"Host": "192.0.2.7"},
    ],
)
def test_demo_people_are_of_this_machine_alone(open_app: str, headers: dict[str, str]) -> None:
    own = open_app.removeprefix("http://")
    sent = {"Origin": f"http://{headers.get('Host', own)}", **headers}
    answer = httpx.post(f"{open_app}/account/demo", data={"who": "demo-manager"}, headers=sent)
    assert "phantom_sign_in=" not in answer.headers.get("set-cookie", "").replace(
        "phantom_sign_in_refused", ""
    )
    if "Host" in headers:
        return  # A websocket needs the Origin of its Host.
    with window(open_app, **headers) as seen:
        assert "Demo access" not in "\n".join(seen.run().texts)


def test_a_visitor_uploads_nothing(staffed: str) -> None:
    with window(staffed) as visitor:
        session = visitor.run().session
        for method in ("PUT", "POST", "DELETE"):
            answer = httpx.request(
                method, f"{staffed}/_stcore/upload_file/{session}/file", content=b"x" * 1_000
            )
            assert answer.status_code in (403, 411), method


@pytest.mark.parametrize(("login", "status"), [("vera", 403), ("ana", 204)])
def test_who_may_load_data_uploads_and_nobody_else(staffed: str, login: str, status: int) -> None:
    with window(staffed, sign_in(staffed, login, PASSWORD)) as seen:
        session = seen.run("data").session
        url = f"{staffed}/_stcore/upload_file/{session}/file"
        with httpx.Client() as browser:
            browser.get(f"{staffed}/_stcore/health")
            token = {"X-Xsrftoken": browser.cookies.get("_streamlit_xsrf", "")}
            files = {"file": ("a.csv", b"x" * 1_000)}
            assert browser.put(url, files=files, headers=token).status_code == status
            assert browser.delete(url, headers=token).status_code == status
        assert raw_status(url, "PUT", ["Content-Length: 3000000000"]) in (403, 413)


def test_an_upload_permit_ends_when_another_tab_signs_out(staffed: str) -> None:
    """The page stays open and draws nothing again, so nothing there withdraws its permit."""
    cookie = sign_in(staffed, "ana", PASSWORD)
    with window(staffed, cookie) as seen:
        session = seen.run("data").session
        url = f"{staffed}/_stcore/upload_file/{session}/file"
        with httpx.Client() as browser:
            browser.get(f"{staffed}/_stcore/health")
            token = {"X-Xsrftoken": browser.cookies.get("_streamlit_xsrf", "")}
            files = {"file": ("a.csv", b"x" * 1_000)}
            assert browser.put(url, files=files, headers=token).status_code == 204
            own = {"Origin": staffed, "Cookie": f"{COOKIE}={cookie}"}
            assert httpx.post(f"{staffed}/account/sign-out", headers=own).status_code < 400
            assert browser.put(url, files=files, headers=token).status_code == 403


def test_an_upload_permit_ends_with_the_right_to_load_data() -> None:
    permits, may_load = UploadPermits(), [True]
    permits.give("s", 1, lambda: may_load[0])
    assert permits.is_known("s")
    assert permits.take("s", 1_000)
    may_load[0] = False
    assert not permits.is_known("s")


def test_no_command_of_a_browser_empties_the_caches_of_all() -> None:
    known = {field.name for field in BackMsg.DESCRIPTOR.fields}
    assert known >= COMMANDS
    assert not COMMANDS & {"clear_cache", "debug_shutdown_runtime", "debug_disconnect_websocket"}


@pytest.mark.parametrize(
    ("path", "method"),
    [("/api/kafka/dump", "GET"), ("/api/ingest", "POST"), ("/metrics", "GET"), ("/docs", "GET")],
)
def test_keyless_services_answer_to_this_machine_alone(
    tmp_path: Path, path: str, method: str
) -> None:
    with serving(ingest_app(Settings(workspace=tmp_path))) as client:
        own = str(client.base_url).removeprefix("http://")
        for headers in (
            {"Host": "evil.test"},
            {"Host": "127.0.0.1.evil.test"},
            {"Origin": "http://evil.test"},
            {"Origin": "null"},
            {"X-Forwarded-For": "203.0.113.9"},
            {"Via": "1.1 proxy"},
        ):
            answer = client.request(method, path, json=EVENT, headers=headers)
            assert answer.status_code == 403, headers
        answer = client.request(method, path, json=EVENT, headers={"Origin": f"http://{own}"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_no_form_of_a_web_page_posts_events(tmp_path: Path, kind: str) -> None:
    with serving(ingest_app(Settings(workspace=tmp_path))) as client:
        headers = {"Content-Type": kind} if kind else {}
        answer = client.post("/api/ingest", content=b'{"sessionId": "s1"}', headers=headers)
        assert answer.status_code == 415
        assert client.get("/api/kafka/dump").json()["data"] == []


def test_metrics_and_the_contract_need_a_key_from_elsewhere(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    keyed = settings.model_copy(
        update={"services": settings.services.model_copy(update={"api_keys": ("k1",)})}
    )
    with serving(ingest_app(keyed)) as client:
        for path in ("/metrics", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
            away = {"Host": "192.0.2.7"}
            assert client.get(path, headers=away).status_code == 401
            assert client.get(path, headers={**away, "X-API-Key": "k1"}).status_code == 200


def test_the_watcher_looks_before_anybody_signs_in(open_app: str, tmp_path: Path) -> None:
    workspace = tmp_path / "watched"
    remove_demo(Settings(workspace=workspace))
    with served(workspace, PHANTOM_WATCH_EVERY_S="0.2"):
        settings = Settings(workspace=workspace)
        wait_until(lambda: seen_last(settings) is not None)
    assert seen_last(settings)


def test_the_watcher_outlives_a_locked_database_and_bugs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(workspace=tmp_path, monitoring=MonitoringSettings(watch_every_s=0.05))
    control_database(settings)
    failures = iter(
        [sqlite3.OperationalError("locked"), RecursionError(), UnavailableError("x"), SystemExit()]
    )
    look, done = watch_server.watch_once, threading.Event()

    def failing(settings: Settings, *, now_ms: int) -> object:
        for error in failures:
            raise error
        done.set()
        return look(settings, now_ms=now_ms)

    monkeypatch.setattr(watch_server, "watch_once", failing)
    monkeypatch.setattr("ui.frame.server_life._RESTART_S", 0.05)
    with watching(settings) as thread:
        assert done.wait(20)
        assert thread is not None
        assert thread.is_alive()
        wait_until(lambda: seen_last(settings) is not None)
    thread.join(10)
    assert not thread.is_alive()


def test_a_locked_database_is_said_in_a_sentence(tmp_path: Path) -> None:
    engine = control_engine(Settings(workspace=tmp_path))
    with engine.connect() as patient:
        patient.exec_driver_sql("PRAGMA busy_timeout = 50")
    lock = sqlite3.connect(Settings(workspace=tmp_path).paths.control_database)
    lock.execute("BEGIN IMMEDIATE")
    locked = pytest.raises(UnavailableError, match="does not answer: database is locked")
    with closing(lock), locked, write_transaction(engine):
        raise AssertionError("It is locked.")


def test_silence_of_the_watcher_shows_on_every_page(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, monitoring=MonitoringSettings(watch_every_s=1))
    with acting_as(Internal.WATCHER):
        assert silent_seconds(settings, 1_000, now_ms=11_000) == 0
        assert silent_seconds(settings, 1_000, now_ms=61_000) == 60
        watch_server.watch_once(settings, now_ms=55_000)
        assert silent_seconds(settings, 1_000, now_ms=61_000) == 0
        assert silent_seconds(settings, 1_000, now_ms=155_000) == 100


def handshake(url: str, *, host: str, origin: str | None = None) -> int:
    """Status of a websocket handshake."""
    lines = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([f"Origin: {origin}"] if origin else []),
    ]
    return raw_status(f"{url}/_stcore/stream", "GET", lines, host=host)


def raw_status(url: str, method: str, headers: list[str], *, host: str | None = None) -> int:
    """Status of a request whose body is never sent."""
    parts = urlsplit(url)
    lines = [f"{method} {parts.path} HTTP/1.1", f"Host: {parts.netloc if host is None else host}"]
    lines += headers
    with socket.create_connection(("127.0.0.1", parts.port or 80), timeout=10) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(connection.recv(4_096).split()[1])


def wait_until(holds: "object", seconds: float = 20.0) -> None:
    """Wait until something holds."""
    deadline_s = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
