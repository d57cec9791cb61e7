"""Stage: the running services of a soak, and how faults get hold of them."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import redis

from phantom_core.services.soak.clock import ServicesClock
from phantom_core.services.soak.disk import BoundedDisk
from phantom_core.services.soak.shop import SoakShop
from phantom_core.services.stack.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Stage:
    """What a fault acts on.

    Attributes:
        supervisor: runs the parts, and starts those again that end.
        server: client of Redis.
        shop: shoppers.
        clock: of the services; None where it cannot be moved.
        disk: of the workspace; None where it cannot be filled.
    """

    supervisor: Supervisor
    server: redis.Redis
    shop: SoakShop
    clock: ServicesClock | None = None
    disk: BoundedDisk | None = None

    def part(self, name: str) -> psutil.Process | None:
        """The process of a part; None while it waits to be started again."""
        for one in self.supervisor.running:
            if one.part.name == name and one.process and one.process.poll() is None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    return psutil.Process(one.process.pid)
        return None

    def drain(self) -> psutil.Process | None:
        """The process that drains decisions; None while there is none."""
        pricing = self.part("pricing")
        children = pricing.children() if pricing else []
        return next((one for one in children if "decisions" in one.cmdline()), None)

    def valkey(self) -> psutil.Process | None:
        """The process of Redis on this machine; None while it does not answer."""
        with contextlib.suppress(redis.RedisError, psutil.NoSuchProcess):
            return psutil.Process(int(self.server.info("server")["process_id"]))
        return None

    def processes(self) -> Iterator[tuple[str, psutil.Process]]:
        """Every process of the services, by name; a part's children count as it."""
        for one in self.supervisor.running:
            if (process := self.part(one.part.name)) is not None:
                yield one.part.name, process
                with contextlib.suppress(psutil.NoSuchProcess):
                    yield from ((one.part.name, child) for child in process.children(True))
        if (valkey := self.valkey()) is not None:
            yield "valkey", valkey


def send_signal(process: psutil.Process | None, number: signal.Signals) -> None:
    """Send a signal to a process, unless it is gone."""
    if process is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
