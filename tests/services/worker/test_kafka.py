"""Kafka over its real protocol: the same promises as for the local buffer, also when workers come,
go and are killed.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition

from phantom_core.core.errors import NotFoundError, UnavailableError
from phantom_core.core.settings import KafkaSettings, Settings
from phantom_core.messages.kafka import KafkaSink, last_messages
from phantom_core.messages.topic import EVENTS, QUOTES, Outgoing
from phantom_core.services.worker.worker import Worker
from tests.services.services import ingest_service
from tests.services.worker.kafka_cluster import OPTIONS, kafka_cluster
from tests.services.worker.traffic import (
    assert_features_are_those_of_the_lake,
    event,
    in_pieces,
    n_events,
    outgoing,
    query,
    shoppers,
)

pytestmark = pytest.mark.slow

# The whole show, in about a minute and a half: PHANTOM_STREAM_KILLS=10
# PHANTOM_STREAM_SESSIONS=2450.
N_KILLS = int(os.environ.get("PHANTOM_STREAM_KILLS", "2"))
N_SESSIONS = int(os.environ.get("PHANTOM_STREAM_SESSIONS", "150"))


@pytest.fixture
def on_kafka(settings: Settings) -> Iterator[Settings]:
    """Settings with a cluster of their own: topics of the mock cluster cannot be emptied."""
    with kafka_cluster() as address:
        yield settings.model_copy(
            update={"kafka": KafkaSettings(bootstrap=address, options=OPTIONS)}
        )


class Running:
    """A worker in a thread."""

    def __init__(self, settings: Settings) -> None:
        self.is_over = threading.Event()
        self.worker = Worker(settings)
        self._thread = threading.Thread(target=self.worker.run, args=(self.is_over.is_set,))
        self._thread.start()

    def stop(self) -> None:
        self.is_over.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def worker_process(settings: Settings) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PHANTOM_REDIS_URL": settings.redis_url,
        "PHANTOM_KAFKA_BOOTSTRAP": settings.kafka.bootstrap,
        "PHANTOM_KAFKA_OPTIONS": json.dumps(settings.kafka.options),
        "PHANTOM_STREAM_COMMIT_S": "0.3",
    }
    command = [
        sys.executable,
        "-m",
        "phantom_core",
        "stream",
        "worker",
        "--workspace",
        str(settings.workspace),
    ]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def wait_for(settings: Settings, n_wanted: int, within_s: float = 40) -> None:
    until_s = time.monotonic() + within_s
    while n_events(settings)[0] < n_wanted:
        assert time.monotonic() < until_s, f"{n_events(settings)} of {n_wanted} events came"
        time.sleep(0.2)


def send(settings: Settings, events: Sequence[dict[str, object]]) -> None:
    sink = KafkaSink(settings.kafka.bootstrap, settings.kafka.options)
    sink.append(EVENTS, outgoing(events))
    sink.close()


def test_the_contract_holds_with_kafka_behind_it(
    on_kafka: Settings, tmp_path: Path, client: redis.Redis
) -> None:
    with ingest_service(tmp_path, PHANTOM_KAFKA_BOOTSTRAP=on_kafka.kafka.bootstrap) as service:
        posted = [event("a", 1), event("b", 2), event("a", 3)]
        assert service.client.post("/api/kafka/ingest", json=posted[0]).json() == {"success": True}
        assert service.client.post("/api/ingest", json=posted[1:]).json()["accepted"] == 2
        quote = {"sessionId": "a", "productId": "p", "price": 3, "ts": "2026-03-01T10:00:00Z"}
        assert service.client.post("/api/kafka/price-log", json=quote).json() == {"success": True}
        health = service.client.get("/health").json()
        assert (health["kafka"], health["storage"]) == (True, "connected")
        dump = service.client.get("/api/kafka/dump?last_n=2").json()
        assert (dump["success"], dump["count"]) == (True, 2)
        assert service.client.get("/api/kafka/dump?topic=price-logs").json()["data"] == [quote]
        assert service.end() == 0
    consumer = Consumer(
        {
            "bootstrap.servers": on_kafka.kafka.bootstrap,
            "group.id": "look",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(EVENTS, partition, 0) for partition in range(4)])
    found = [message for message in consumer.consume(3, 5) if not message.error()]
    consumer.close()
    assert sorted(
        (message.key(), json.loads(message.value() or b"")["ts"]) for message in found
    ) == sorted((str(one["sessionId"]).encode(), one["ts"]) for one in posted)
    assert len({message.partition() for message in found if message.key() == b"a"}) == 1


def test_messages_of_a_topic_reach_the_lake_and_redis(
    on_kafka: Settings, client: redis.Redis
) -> None:
    events = shoppers(60)
    send(on_kafka, events)
    running = Running(on_kafka)
    wait_for(on_kafka, len(events))
    running.stop()
    assert n_events(on_kafka) == (len(events),) * 2
    assert_features_are_those_of_the_lake(on_kafka, client, 60)
    again = Running(on_kafka)
    send(on_kafka, [event("new")])
    wait_for(on_kafka, len(events) + 1)
    again.stop()
    assert again.worker.report.polled == 1  # everything before was committed


def test_poison_is_quarantined_by_partition_and_offset(
    on_kafka: Settings, client: redis.Redis
) -> None:
    producer = Producer({"bootstrap.servers": on_kafka.kafka.bootstrap})
    for value in (b"nope", None, b"\xff\xfe", json.dumps(event()).encode()):
        producer.produce(EVENTS, value=value, partition=2)
    producer.produce(QUOTES, value=b"{}", partition=0)
    producer.flush()
    running = Running(on_kafka)
    wait_for(on_kafka, 1)
    running.stop()
    assert query(on_kafka, "SELECT file, line, reason FROM quarantine ORDER BY file, line") == [
        (f"kafka:{QUOTES}/0", 0, "missing_session_id"),
        (f"kafka:{EVENTS}/2", 0, "broken_json"),
        (f"kafka:{EVENTS}/2", 1, "broken_json"),
        (f"kafka:{EVENTS}/2", 2, "bad_encoding"),
    ]


def test_partitions_move_between_workers_without_loss(
    on_kafka: Settings, client: redis.Redis
) -> None:
    events = shoppers(80)
    first = Running(on_kafka)
    third = len(events) // 3
    send(on_kafka, events[:third])
    wait_for(on_kafka, third // 2)
    second = Running(on_kafka)
    for at in range(third, 2 * third, 50):
        send(on_kafka, events[at : min(at + 50, 2 * third)])
        time.sleep(0.05)
    wait_for(on_kafka, 2 * third)
    first.stop()
    send(on_kafka, events[2 * third :])
    wait_for(on_kafka, len(events))
    second.stop()
    assert n_events(on_kafka) == (len(events),) * 2
    assert second.worker.report.polled > 0
    assert_features_are_those_of_the_lake(on_kafka, client, 80)


def test_a_worker_that_is_killed_again_and_again_loses_and_doubles_nothing(
    on_kafka: Settings, client: redis.Redis
) -> None:
    events = shoppers(N_SESSIONS)
    size = max(100, len(events) // 200)
    pieces = in_pieces(events, size)
    sender = threading.Thread(
        target=lambda: [send(on_kafka, piece) or time.sleep(0.1) for piece in pieces]
    )
    sender.start()
    for kill in range(N_KILLS):
        worker = worker_process(on_kafka)
        n_wanted, until_s = kill * len(events) // (N_KILLS + 1), time.monotonic() + 30
        while n_events(on_kafka)[0] <= n_wanted and time.monotonic() < until_s:
            time.sleep(0.1)
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
    sender.join()
    last = worker_process(on_kafka)
    wait_for(on_kafka, len(events))
    last.send_signal(signal.SIGTERM)
    last.communicate(timeout=30)
    assert last.returncode == 0
    assert n_events(on_kafka) == (len(events),) * 2
    assert_features_are_those_of_the_lake(on_kafka, client, N_SESSIONS)
    print(f"{len(events):,} events, {N_KILLS} kills, {N_SESSIONS:,} sessions")


def test_a_broker_that_is_away_is_said_and_nothing_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sink = KafkaSink("127.0.0.1:1", {"message.timeout.ms": "300"})
    with pytest.raises(UnavailableError, match="Kafka did not take 1 messages"):
        sink.append(EVENTS, [Outgoing("s", "{}")])
    assert sink.state() == "unavailable"


def test_only_our_topics_are_shown() -> None:
    with pytest.raises(NotFoundError, match="no topic 'secrets'"):
        last_messages("127.0.0.1:1", {}, "secrets", 1)
