"""A Kafka cluster in a process of its own: librdkafka's mock brokers, which speak the real
protocol.

`python -m tests.services.worker.kafka_cluster` prints its address and stays until its standard
input closes.
"""

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

# As short as the mock brokers allow, who let a new group wait for company for 3 s: a killed worker
# is soon given up.
OPTIONS = {"session.timeout.ms": "3500", "heartbeat.interval.ms": "300"}


def main() -> None:
    host = Producer({"test.mock.num.brokers": 1, "logger": logging.getLogger("mock")})
    brokers = host.list_topics(timeout=10).brokers.values()
    print(",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)
    sys.stdin.read()


@contextmanager
def kafka_cluster() -> Iterator[str]:
    """Address of a new and empty cluster."""
    command = [sys.executable, "-m", "tests.services.worker.kafka_cluster"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    main()
