"""The ingest service keeps what it acknowledges, refuses what files refuse, and answers everything
clearly.
"""

import asyncio
import gzip
import json
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from phantom_core.core.errors import BusyError, UnavailableError
from phantom_core.core.settings import KafkaSettings, ServiceSettings, Settings
from phantom_core.events.text_rows import document_row
from phantom_core.lake.lake import Lake
from phantom_core.messages.kafka import KafkaSink
from phantom_core.messages.local import last_messages, open_inbox
from phantom_core.messages.topic import EVENTS, QUOTES, Outgoing
from phantom_core.services.ingest import dump
from phantom_core.services.ingest.app import ingest_app
from phantom_core.services.ingest.intake import Intake
from phantom_core.services.ingest.requests import rows_of_body, stamp_times
from phantom_core.services.worker.worker import Worker
from tests.services.services import Service, ingest_service, served

pytestmark = pytest.mark.slow

JSON = {"Content-Type": "application/json"}
EVENT = {
    "sessionId": "s1",
    "eventName": "product_view",
    "page": "/",
    "productId": "p1",
    "metadata": {"price": 10.5},
}
QUOTE = {"sessionId": "s1", "productId": "p1", "price": 10.5}
KEY = "secret-key"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ingest")


@pytest.fixture(scope="module")
def client(workspace: Path) -> Iterator[httpx.Client]:
    with served(ingest_app(Settings(workspace=workspace))) as client:
        yield client


def kept(workspace: Path, topic: str = EVENTS) -> list[dict[str, object]]:
    return [json.loads(message) for message in last_messages(open_inbox(workspace), topic, 10_000)]


@pytest.mark.parametrize("path", ["/api/kafka/ingest", "/api/ingest"])
def test_one_event_is_answered_as_the_contract_says(
    client: httpx.Client, workspace: Path, path: str
) -> None:
    answer = client.post(path, json=EVENT)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    stamp = str(kept(workspace)[-1].pop("ts"))
    assert {**kept(workspace)[-1], "ts": stamp} == {**EVENT, "ts": stamp}
    assert stamp.endswith("Z")


def test_a_quote_is_answered_as_the_contract_says(client: httpx.Client, workspace: Path) -> None:
    answer = client.post("/api/kafka/price-log", json=QUOTE | {"ts": "2026-03-01T10:00:00Z"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert kept(workspace, QUOTES)[-1] == QUOTE | {"ts": "2026-03-01T10:00:00Z"}


@pytest.mark.parametrize("body", [[EVENT, EVENT], {"events": [EVENT, EVENT]}])
def test_a_batch_may_be_an_array_or_wrapped(client: httpx.Client, body: object) -> None:
    assert client.post("/api/ingest", json=body).json() == {
        "success": True,
        "accepted": 2,
        "refused": [],
    }


def test_a_bad_event_gets_the_reason_of_a_file_load(client: httpx.Client) -> None:
    answer = client.post("/api/ingest", json=EVENT | {"eventName": "teleport"})
    assert answer.status_code == 422
    assert answer.json() == {
        "success": False,
        "error": "Rejected as unknown_event_name: teleport.",
        "hint": "docs/events.md lists the reasons.",
        "reason": "unknown_event_name",
        "detail": "teleport",
        "request_id": answer.headers["X-Request-ID"],
    }


def test_bad_events_of_a_batch_cost_no_good_one(client: httpx.Client, workspace: Path) -> None:
    n_before = len(kept(workspace))
    answer = client.post("/api/ingest", json=[EVENT, {"sessionId": "x"}, EVENT, 3])
    assert answer.status_code == 200
    assert answer.json() == {
        "success": False,
        "accepted": 2,
        "refused": [
            {"index": 1, "reason": "missing_event_name", "detail": ""},
            {"index": 3, "reason": "not_an_object", "detail": ""},
        ],
    }
    assert len(kept(workspace)) == n_before + 2


def test_a_batch_without_a_good_event_is_rejected(client: httpx.Client) -> None:
    answer = client.post("/api/ingest", json={"events": [{}, {}]})
    assert (answer.status_code, answer.json()["accepted"], len(answer.json()["refused"])) == (
        422,
        0,
        2,
    )


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "There is no event in the body."),
        (b"   ", 400, "There is no event in the body."),
        (b"nope", 422, "Rejected as broken_json"),
        (b'{"sessionId": "\xff"}', 422, "Rejected as bad_encoding"),
        (
            b'{"sessionId": "a", "eventName": "' + b"x" * 100 + b'"}',
            422,
            "Rejected as unknown_event_name",
        ),
        (b"x" * (10 << 20), 413, "The body is larger than 1,048,576 bytes."),
        (b"[" * 100_000, 422, "Rejected as nested_too_deep"),
        (b'{"a":' * 100_000, 422, "Rejected as nested_too_deep"),
        (b"x,\n{" * 200_000, 422, "Rejected as nested_too_deep"),
    ],
)
def test_what_cannot_be_used_gets_a_clear_answer(
    client: httpx.Client, body: bytes, status: int, sentence: str
) -> None:
    answer = client.post("/api/ingest", content=body, headers=JSON)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(sentence)


def test_a_large_body_that_does_not_say_its_length_is_rejected_too(client: httpx.Client) -> None:
    answer = client.post("/api/ingest", content=(b"x" * 100_000 for _ in range(50)), headers=JSON)
    assert (answer.status_code, answer.json()["success"]) == (413, False)


def test_sql_in_a_session_id_is_only_a_session_id(client: httpx.Client, workspace: Path) -> None:
    name = "x'); DROP TABLE events; --"
    assert client.post("/api/ingest", json=EVENT | {"sessionId": name}).json() == {"success": True}
    assert kept(workspace)[-1]["sessionId"] == name


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("last_n=many", 422, "last_n cannot be used: Input should be a valid integer"),
        ("topic=secrets", 400, "There is no topic 'secrets'."),
        ("t_start=soon", 400, "'soon' is not a time."),
    ],
)
def test_a_dump_that_cannot_be_gives_a_clear_answer(
    client: httpx.Client, query: str, status: int, sentence: str
) -> None:
    answer = client.get(f"/api/kafka/dump?{query}")
    assert (answer.status_code, answer.json()["success"]) == (status, False)
    assert answer.json()["error"].startswith(sentence)


def test_a_dump_gives_the_newest_messages(client: httpx.Client) -> None:
    for page in ("/1", "/2", "/3"):
        client.post("/api/ingest", json=EVENT | {"page": page})
    answer = client.get("/api/kafka/dump?topic=user-interactions&last_n=2").json()
    assert (answer["success"], answer["count"], [event["page"] for event in answer["data"]]) == (
        True,
        2,
        ["/2", "/3"],
    )


def test_a_dump_without_a_number_gives_everything(tmp_path: Path) -> None:
    with served(ingest_app(Settings(workspace=tmp_path))) as client:
        client.post("/api/ingest", json=[EVENT | {"page": f"/{n}"} for n in range(150)])
        for query in ("", "?last_n=0", "?last_n=-5", "?last_n=1000000"):
            answer = client.get(f"/api/kafka/dump{query}").json()
            assert (answer["count"], answer["truncated"]) == (150, False)
            assert [one["page"] for one in answer["data"]] == [f"/{n}" for n in range(150)]


def test_a_dump_of_a_time_holds_its_messages_alone(tmp_path: Path) -> None:
    times = ["2026-03-01T10:00:00Z", "2026-03-01T10:00:01.5Z", 1_772_359_203_000]
    with served(ingest_app(Settings(workspace=tmp_path))) as client:
        client.post("/api/ingest", json=[EVENT | {"ts": ts} for ts in times])

        def dumped(**query: str | int) -> list[object]:
            return [one["ts"] for one in client.get("/api/kafka/dump", params=query).json()["data"]]

        assert dumped(t_start="2026-03-01T10:00:01Z") == times[1:]
        assert dumped(t_end="1772359201500") == times[:2]
        assert dumped(t_start=1_772_359_201, t_end="2026-03-01T10:00:02+00:00") == times[1:2]
        assert dumped(t_start=1_772_359_201, last_n=1) == times[2:]


def test_a_dump_says_what_its_bound_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "MOST_DUMPED", 3)
    with served(ingest_app(Settings(workspace=tmp_path))) as client:
        client.post("/api/ingest", json=[EVENT | {"page": f"/{n}"} for n in range(4)])
        everything = client.get("/api/kafka/dump").json()
        assert ([one["page"] for one in everything["data"]], everything["truncated"]) == (
            ["/1", "/2", "/3"],
            True,
        )
        assert client.get("/api/kafka/dump?last_n=2").json()["truncated"] is False


def test_a_batch_that_can_never_be_taken_is_too_large(tmp_path: Path) -> None:
    services = ServiceSettings(max_pending_events=100)
    with served(ingest_app(Settings(workspace=tmp_path, services=services))) as client:
        answer = client.post("/api/ingest", content=b"[" + b"1," * 100 + b"1]", headers=JSON)
        assert (answer.status_code, answer.headers.get("Retry-After")) == (413, None)
        assert "holds 101 events, and no more than 100" in answer.json()["error"]
        assert client.post("/api/ingest", content=b"[1,1]", headers=JSON).status_code == 422


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", '"a",'])
@pytest.mark.parametrize("ts", ["", '"ts": "2026-03-01T10:00:00Z", '])
def test_what_is_not_json_is_refused_as_that(client: httpx.Client, value: str, ts: str) -> None:
    body = f'{{{ts}"sessionId": "s", "eventName": "click", "metadata": {value}}}'
    answer = client.post("/api/ingest", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["reason"]) == (422, "broken_json")


def test_a_byte_order_mark_and_fields_beside_the_events_do_no_harm(client: httpx.Client) -> None:
    marked = b"\xef\xbb\xbf" + json.dumps(EVENT).encode()
    assert client.post("/api/ingest", content=marked, headers=JSON).json() == {"success": True}
    wrapped = {"sentAt": "now", "tags": ["]", 1], "events": [EVENT, EVENT], "n": {"a": []}}
    assert client.post("/api/ingest", json=wrapped).json()["accepted"] == 2


def test_a_fast_clock_is_corrected_and_the_answer_says_so(tmp_path: Path) -> None:
    with served(ingest_app(Settings(workspace=tmp_path))) as client:
        now_s = time.time()
        late = EVENT | {"ts": round((now_s + 360) * 1_000)}
        answer = client.post("/api/ingest", json=late).json()
        assert answer["success"]
        [note] = answer["corrected"]
        assert (note["index"], note["detail"][:21]) == (0, "The time is the serve")
        [stored] = kept(tmp_path)
        assert (stored["clientTs"], stored["metadata"]) == (late["ts"], EVENT["metadata"])
        assert abs(dump.time_ms(stored["ts"]) / 1e3 - now_s) < 30  # type: ignore[operator]
        batch = [EVENT, late, EVENT | {"ts": "2100-01-01T00:00:00Z"}]
        found = client.post("/api/ingest", json=batch).json()
        assert [one["index"] for one in found["corrected"]] == [1]
        assert [(one["index"], one["reason"]) for one in found["refused"]] == [
            (2, "future_timestamp")
        ]


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_body_is_expanded(
    client: httpx.Client, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    headers = JSON | {"Content-Encoding": encoding}
    body = compress(json.dumps(EVENT).encode())
    assert client.post("/api/ingest", content=body, headers=headers).json() == {"success": True}
    bomb = compress(b"[" + b" " * 10_000_000 + b"]")
    assert client.post("/api/ingest", content=bomb, headers=headers).status_code == 413
    for content, sent, status in (
        (b"{}", encoding, 400),
        (body[:-6], encoding, 400),
        (body, "br", 415),
    ):
        answer = client.post(
            "/api/ingest", content=content, headers=JSON | {"Content-Encoding": sent}
        )
        assert answer.status_code == status


def test_equal_events_of_one_request_are_that_many_and_sent_again_no_more(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    event = EVENT | {"ts": "2026-03-01T10:00:00Z"}
    with served(ingest_app(settings)) as client:
        for _ in range(2):
            assert client.post("/api/ingest", json=[event, event, event]).status_code == 200
    Worker(settings).run(lambda: False, until_empty=True)
    with Lake(settings.paths.lake).connect(("events",)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM events").fetchall() == [(3,)]


def test_a_broker_that_never_answered_is_not_connected() -> None:
    sink = KafkaSink("127.0.0.1:1", {})
    assert sink.state() == "unavailable"
    sink.close()


def test_health_tells_where_events_go(client: httpx.Client) -> None:
    assert client.get("/health").json() == {
        "status": "healthy",
        "kafka": True,
        "storage": "local buffer",
        "pending": 0,
        "problems": {},
    }
    assert client.get("/live").json() == {"status": "alive"}
    assert client.get("/ready").status_code == 200


def test_a_service_that_can_store_nothing_is_alive_and_not_ready(tmp_path: Path) -> None:
    with served_with(SlowSink(), tmp_path) as (client, app):
        app.state.intake.sink.says = "The disk is full."
        assert client.get("/live").status_code == 200
        assert client.get("/ready").status_code == 503
        found = client.get("/health").json()
        assert (found["status"], found["problems"]) == (
            "degraded",
            {"storage": "The disk is full."},
        )
        metrics = client.get("/metrics").text
        assert 'phantom_problems{service="ingest"} 1.0' in metrics


def test_unknown_paths_and_methods_answer_in_json(client: httpx.Client) -> None:
    assert client.get("/nowhere").json()["error"] == "Not Found."
    wrong = client.get("/api/ingest")
    assert (wrong.status_code, wrong.headers["Allow"], wrong.json()["error"]) == (
        405,
        "POST",
        "Method Not Allowed.",
    )


def test_a_request_keeps_its_harmless_id(client: httpx.Client) -> None:
    assert (
        client.get("/health", headers={"X-Request-ID": "cart-17"}).headers["X-Request-ID"]
        == "cart-17"
    )
    assert (
        client.get("/health", headers={"X-Request-ID": "a b\tc"}).headers["X-Request-ID"]
        != "a b\tc"
    )


def test_keys_are_asked_for_when_there_are_any(tmp_path: Path) -> None:
    with served(
        ingest_app(Settings(workspace=tmp_path, services=ServiceSettings(api_keys=(KEY, "other"))))
    ) as client:
        assert client.post("/api/ingest", json=EVENT).json()["error"] == "This needs an API key."
        assert (
            client.post("/api/ingest", json=EVENT, headers={"X-API-Key": "wrong"}).status_code
            == 401
        )
        assert client.post("/api/ingest", json=EVENT, headers={"X-API-Key": KEY}).status_code == 200
        assert (
            client.post(
                "/api/ingest", json=EVENT, headers={"Authorization": "Bearer other"}
            ).status_code
            == 200
        )
        assert client.get("/health").status_code == 200
        assert client.get("/api/kafka/dump").status_code == 401


def test_without_keys_only_this_machine_is_let_in(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(
        ingest_app(Settings(workspace=tmp_path)), client=("203.0.113.9", 4711)
    )

    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.post("/api/ingest", json=EVENT)

    answer = asyncio.run(post())
    assert (answer.status_code, answer.json()["error"]) == (
        403,
        "Only this machine may use the service.",
    )


def test_only_named_origins_may_call_from_a_browser(tmp_path: Path) -> None:
    ask = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    with served(
        ingest_app(
            Settings(
                workspace=tmp_path,
                services=ServiceSettings(cors_origins=("https://shop.example",), api_keys=(KEY,)),
            )
        )
    ) as client:
        assert (
            client.options(
                "/api/ingest", headers={"Origin": "https://shop.example", **ask}
            ).status_code
            == 200
        )
        assert (
            client.options(
                "/api/ingest", headers={"Origin": "https://evil.example", **ask}
            ).status_code
            == 400
        )
        refused = client.post("/api/ingest", json=EVENT, headers={"Origin": "https://shop.example"})
        assert refused.headers["Access-Control-Allow-Origin"] == "https://shop.example"


class SlowSink:
    """A sink that waits until it is let go, and may fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.go, self.failure, self.kept = threading.Event(), failure, 0
        self.says = ""

    def append(self, topic: str, messages: Sequence[Outgoing]) -> None:
        self.go.wait(10)
        if self.failure:
            raise self.failure
        self.kept += len(messages)

    def state(self) -> str:
        return "unavailable" if self.says else "connected"

    def problem(self) -> str:
        return self.says

    def close(self) -> None:
        pass


@contextmanager
def served_with(
    sink: SlowSink, tmp_path: Path, **options: object
) -> Iterator[tuple[httpx.Client, FastAPI]]:
    services = ServiceSettings.model_validate(options)
    app = ingest_app(Settings(workspace=tmp_path, services=services))
    with served(app) as client:
        client.get("/health")
        app.state.intake.sink = sink
        yield client, app


def test_too_much_at_once_is_turned_away_and_told_when_to_come_again(tmp_path: Path) -> None:
    sink, answers = SlowSink(), []
    with served_with(sink, tmp_path, max_pending_events=3) as (client, app):
        sender = threading.Thread(
            target=lambda: answers.append(client.post("/api/ingest", json=[EVENT] * 3))
        )
        sender.start()
        while app.state.intake.n_pending < 3:
            time.sleep(0.01)
        refused = client.post("/api/ingest", json=EVENT)
        assert (refused.status_code, refused.headers["Retry-After"], refused.json()["success"]) == (
            429,
            "1",
            False,
        )
        sink.go.set()
        sender.join()
        assert answers[0].json()["accepted"] == 3
        assert client.post("/api/ingest", json=EVENT).status_code == 200
        assert sink.kept == 4


@pytest.mark.parametrize(
    ("failure", "status"),
    [(BusyError("Full."), 429), (UnavailableError("Gone."), 503), (RuntimeError("a bug"), 500)],
)
def test_what_was_not_kept_is_not_acknowledged(
    tmp_path: Path, failure: Exception, status: int
) -> None:
    sink = SlowSink(failure)
    sink.go.set()
    with served_with(sink, tmp_path) as (client, _):
        answer = client.post("/api/ingest", json=EVENT)
        assert (answer.status_code, answer.headers.get("Retry-After")) == (
            status,
            None if status == 500 else "1",
        )
        assert "bug" not in answer.text
        if status != 500:
            assert (
                client.post("/api/ingest", json={"sessionId": "x"}).status_code == 422
            )  # nothing of it had to be kept


def test_a_closed_intake_keeps_what_was_waiting(tmp_path: Path) -> None:
    sink = SlowSink()
    intake = Intake(sink, Settings(workspace=tmp_path))

    async def post() -> list[object]:
        tasks = [
            asyncio.create_task(intake.accept(EVENTS, [document_row(0, json.dumps(EVENT), 1_000)]))
            for _ in range(5)
        ]
        await asyncio.sleep(0.05)
        sink.go.set()
        await asyncio.to_thread(intake.close)
        with pytest.raises(UnavailableError, match="being stopped"):
            await intake.accept(EVENTS, [])
        return list(await asyncio.gather(*tasks))

    assert len(asyncio.run(post())) == 5
    assert sink.kept == 5


@pytest.mark.parametrize(
    ("text", "has_own"),
    [
        ('{"ts": 5, "a": 1}', True), ('{"timestamp": "x"}', True), ('{"ts": null, "timestamp": '
                                                                    '"x"}', True),
        ('{}', False), ('  {"a": 1}', False), ('{"ts": null}', False), ('{"ts": " "}', False),
        ("[1]", True), ("nope", True),
    ],
)  # fmt: skip
def test_a_missing_time_is_the_servers(text: str, has_own: bool) -> None:
    row = document_row(0, text, 1_000)
    stamped = stamp_times(row, 1_772_359_200_000_007)
    assert (stamped == row) == has_own
    if not has_own:
        pairs = json.loads(stamped.cells[0], object_pairs_hook=list)
        assert pairs[0] == ("ts", "2026-03-01T10:00:00.000007Z")
        assert len(pairs) == 1 + len(json.loads(text))


def test_messages_stand_in_the_buffer_as_they_were_sent() -> None:
    """Numbers are not read and written again, so that an event has the same id from a file and over
    HTTP.
    """
    rows, is_batch = rows_of_body(
        b'{"events": [{"metadata": {"price": 1.50e1}}, {"n": 123456789012345678901}]}', 1_000, 10
    )
    assert [row.cells[0] for row in rows] == [
        '{"metadata": {"price": 1.50e1}}',
        '{"n": 123456789012345678901}',
    ]
    assert is_batch


def test_the_service_needs_no_learning_library(workspace: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.services.services import served\n"
        "from phantom_core.services.ingest.app import ingest_app; from phantom_core.core.settings "
        "import Settings\n"
        "with served(ingest_app(Settings(workspace=Path(sys.argv[1])))) as client:\n"
        "    assert client.post('/api/ingest', json={'sessionId': 's', 'eventName': "
        "'search'}).json() == {'success': True}\n"
        "    assert client.get('/api/kafka/dump').json()['success']\n"
        "print([name for name in ('torch', 'shap', 'pandas', 'xgboost', 'sklearn', 'streamlit', "
        "'gymnasium') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(workspace / "own")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_sigterm_stops_it_cleanly_and_nothing_it_took_is_lost(tmp_path: Path) -> None:
    with ingest_service(tmp_path) as service:
        n_kept = service.client.post("/api/ingest", json=[EVENT] * 50).json()["accepted"]
        assert service.end(signal.SIGTERM) == 0
    assert len(kept(tmp_path)) == n_kept == 50


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with ingest_service(tmp_path) as service:
        port = service.url.rsplit(":", maxsplit=1)[-1]
        command = [
            sys.executable,
            "-m",
            "phantom_core",
            "serve",
            "ingest",
            "--port",
            port,
            "--workspace",
            str(tmp_path),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_event_that_was_acknowledged_before_kill_9_is_in_the_lake(tmp_path: Path) -> None:
    service = Service("ingest", tmp_path)
    acknowledged: list[str] = []

    def send(sender: int) -> None:
        with httpx.Client(base_url=service.url, timeout=10) as client:
            for i in range(10_000):
                pages = [f"/{sender}/{i}/{j}" for j in range(1 + i % 3)]
                try:
                    answer = client.post(
                        "/api/ingest", json=[EVENT | {"page": page} for page in pages]
                    )
                except httpx.HTTPError:
                    return
                if answer.is_success:
                    acknowledged.extend(pages)

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
    for sender in senders:
        sender.start()
    until_s = time.monotonic() + 30
    while len(acknowledged) < 200 and time.monotonic() < until_s:
        time.sleep(0.02)
    service.end(signal.SIGKILL)
    for sender in senders:
        sender.join()
    assert len(acknowledged) >= 200
    settings = Settings(
        workspace=tmp_path, redis_url="redis://127.0.0.1:1/0", kafka=KafkaSettings(bootstrap="")
    )
    Worker(settings).run(lambda: False, until_empty=True)
    with Lake(tmp_path / "lake").connect(("events",)) as connection:
        pages = [page for (page,) in connection.execute("SELECT page FROM events").fetchall()]
    assert len(pages) == len(set(pages))
    assert set(acknowledged) <= set(pages)


def test_a_session_that_no_price_could_be_asked_for_is_refused(client: httpx.Client) -> None:
    assert client.post("/api/ingest", json=EVENT | {"sessionId": "s" * 256}).status_code == 200
    answer = client.post("/api/ingest", json=EVENT | {"sessionId": "s" * 257})
    assert (answer.status_code, answer.json()["reason"]) == (422, "field_too_large")
