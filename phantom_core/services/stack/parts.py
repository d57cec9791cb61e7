"""Parts: the processes of an installation on one machine, with addresses and health checks."""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from phantom_core.core.program import phantom_command, streamlit_command

_NEXT: Final = 50


@dataclass(frozen=True, slots=True)
class StackPart:
    """One process.

    Attributes:
        name: displayed name, and the name of its log.
        command: arguments, the program first.
        address: URL; empty for a part without one.
        ready: URL that answers once it works; empty for a part without a health check.
        environment: variables that differ from this process's.
    """

    name: str
    command: Sequence[str]
    address: str = ""
    ready: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of the parts on this machine."""

    dashboard: int
    ingest: int
    pricing: int
    worker: int
    schedule: int


USUAL: Final = Ports(dashboard=8501, ingest=8001, pricing=8010, worker=8002, schedule=8003)


def free_ports(
    wanted: Ports, host: str, is_free: Callable[[str, int], bool] | None = None
) -> Ports:
    """The wanted ports, or the next free ones behind those that are taken.

    Args:
        wanted: preferred ports.
        host: address of this machine.
        is_free: checks whether a port is free; None means to try it.

    >>> free_ports(USUAL, "127.0.0.1", lambda host, port: port != 8001).ingest
    8004
    """
    taken = set[int]()
    names = ("dashboard", "ingest", "pricing", "worker", "schedule")
    preferred = {getattr(wanted, name) for name in names}
    found: dict[str, int] = {}
    for name in names:
        first = getattr(wanted, name)
        candidates = [
            first,
            *(port for port in range(first + 1, first + _NEXT) if port not in preferred),
        ]
        found[name] = next(
            port for port in candidates if port not in taken and (is_free or _is_free)(host, port)
        )
        taken.add(found[name])
    return Ports(**found)


def stack_parts(
    workspace: Path, ports: Ports, *, host: str, kafka: str = ""
) -> tuple[StackPart, ...]:
    """The services in their start order; they stop in reverse order.

    Args:
        workspace: of all parts.
        ports: of the parts.
        host: address of this machine.
        kafka: brokers; empty for the local buffer.
    """
    common = {"PHANTOM_WORKSPACE": str(workspace)} | (
        {"PHANTOM_KAFKA_BOOTSTRAP": kafka} if kafka else {}
    )

    def listening(name: str, *words: str, path: str = "", ready: str) -> StackPart:
        address = _address(host, ports, name)
        command = phantom_command(*words, "--host", host, "--port", str(getattr(ports, name)))
        return StackPart(name, command, address + path, address + ready, common)

    dashboard = _address(host, ports, "dashboard")
    streamlit = [
        "--server.headless",
        "true",
        "--server.address",
        host,
        "--server.port",
        str(ports.dashboard),
    ]
    return (
        listening("worker", "stream", "worker", path="/metrics", ready="/metrics"),
        listening("ingest", "serve", "ingest", ready="/ready"),
        listening("pricing", "serve", "pricing", ready="/ready"),
        listening("schedule", "schedule", path="/metrics", ready="/metrics"),
        StackPart("watch", phantom_command("rules", "watch"), environment=common),
        StackPart(
            "dashboard",
            streamlit_command(*streamlit, "--browser.gatherUsageStats", "false"),
            dashboard,
            f"{dashboard}/_stcore/health",
            common,
        ),
    )


def shopper_part(
    workspace: Path, ports: Ports, *, host: str, rate: float, key: str = ""
) -> StackPart:
    """The generated shoppers, to be started once the services are ready.

    Args:
        workspace: of all parts.
        ports: of the parts.
        host: address of this machine.
        rate: shoppers a minute.
        key: API key of the services; empty for none.
    """
    where = [
        "--ingest",
        _address(host, ports, "ingest"),
        "--pricing",
        _address(host, ports, "pricing"),
    ]
    environment = {"PHANTOM_WORKSPACE": str(workspace)} | (
        {"PHANTOM_TRAFFIC_KEY": key} if key else {}
    )
    return StackPart(
        "traffic",
        phantom_command("traffic", "--rate", f"{rate:g}", *where),
        environment=environment,
    )


def _address(host: str, ports: Ports, name: str) -> str:
    return f"http://{host}:{getattr(ports, name)}"


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
