"""Connections: how many a service holds, and how long a request may take to arrive.

A client that opens hundreds of connections and sends half a request on each would otherwise hold
every one until it chooses to end. Where no place is left, the connection that has waited longest
for its request makes room, so that a service stays reachable while it is attacked.
"""

import asyncio
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from phantom_core.core.settings import ServiceSettings

Phase = Literal["idle", "head", "body", "answer"]
SWEEP_S: Final = 1.0
_HEAD_BYTES: Final = 64 << 10
_HEAD_START: Final = b"HTTP/1.1 "
_HEAD_END: Final = b"\r\n\r\n"
# Files that a process needs beside its connections: logs, databases, model files.
_OTHER_FILES: Final = 96


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a service grants its clients.

    Attributes:
        connections: held at once.
        connections_per_address: of them, from one address; proxies are addresses too.
        head_s: from the first byte of a request, or from opening a connection, to the end of the
            headers, s.
        body_s: from there to the end of the body, s.
        answer_s: from there until the client has taken the answer, s.
    """

    connections: int = 512
    connections_per_address: int = 256
    head_s: float = 10.0
    body_s: float = 30.0
    answer_s: float = 120.0

    @classmethod
    def of(cls, settings: ServiceSettings) -> "ConnectionLimits":
        """What the settings grant."""
        return cls(
            settings.max_connections,
            max(4, settings.max_connections // 2),
            settings.request_timeout_s / 3,
            settings.request_timeout_s,
        )

    def within_files(self) -> "ConnectionLimits":
        """The same, with no more connections than the process may open files."""
        n_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if n_files == resource.RLIM_INFINITY:
            return self
        most = max(8, min(self.connections, n_files - _OTHER_FILES))
        return ConnectionLimits(
            most,
            min(self.connections_per_address, max(4, most // 2)),
            self.head_s,
            self.body_s,
            self.answer_s,
        )


class Connections:
    """The open connections of a service.

    Args:
        limits: what is granted.
        clock: seconds that never run backwards.
    """

    def __init__(
        self, limits: ConnectionLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self.clock = clock
        self._open: dict[str, dict[LimitedProtocol, None]] = {}
        self.n_open = 0
        self.n_closed = 0  # by the service, since its start

    def add(self, connection: "LimitedProtocol") -> None:
        """Count a new connection; the one that waits longest is closed where there is no place."""
        own = self._open.setdefault(connection.address, {})
        own[connection] = None
        self.n_open += 1
        if len(own) > self.limits.connections_per_address:
            self._close_longest([own])
        elif self.n_open > self.limits.connections:
            self._close_longest(list(self._open.values()))

    def remove(self, connection: "LimitedProtocol") -> None:
        """Forget a connection."""
        own = self._open.get(connection.address, {})
        if connection in own:
            del own[connection]
            self.n_open -= 1
            if not own:
                del self._open[connection.address]

    def close_late(self) -> None:
        """Close connections whose client takes longer than its phase allows."""
        allowed_s = {
            "head": self.limits.head_s,
            "body": self.limits.body_s,
            "answer": self.limits.answer_s,
        }
        now_s = self.clock()
        late = [
            one
            for own in self._open.values()
            for one in own
            if one.phase in allowed_s and now_s - one.since_s > allowed_s[one.phase]
        ]
        for one in late:
            self._close(one)

    def _close_longest(self, among: list[dict["LimitedProtocol", None]]) -> None:
        """Close the connection without a whole request that has waited longest, else the newest."""
        waiting = [one for own in among for one in own if one.phase != "answer"]
        self._close(min(waiting, key=lambda one: one.since_s) if waiting else list(among[-1])[-1])

    def _close(self, connection: "LimitedProtocol") -> None:
        self.n_closed += 1
        self.remove(connection)
        connection.transport.abort()


class JoinedWrites:
    """A transport that sends the head of an answer with the beginning of its body: one packet, and
    one system call, in place of two.

    Args:
        transport: of the connection; has everything but `write`.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._head = transport, b""
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the transport has it
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send bytes; a head waits for what follows, until the loop goes on at most."""
        if not self._head and data.startswith(_HEAD_START) and data.endswith(_HEAD_END):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        head, self._head = self._head, b""
        self._transport.write(head + data if head else data)

    def close(self) -> None:
        """Send what waits, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


class LimitedProtocol(HttpToolsProtocol):
    """One HTTP connection that knows how long it waits for what.

    Attributes:
        phase: idle between requests; else what of the request or answer is under way.
        since_s: when the phase began.
        address: of the client.
    """

    open_connections: Connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; a connection that sends nothing counts as a slow request."""
        super().connection_made(cast(asyncio.Transport, JoinedWrites(transport)))
        self.address = self.client[0] if self.client else ""
        self._head_bytes = 0
        self._begin("head")
        self.open_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.open_connections.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse more of a request, unless its headers are without end."""
        if self.phase in ("head", "idle"):
            self._head_bytes += len(data)
        super().data_received(data)
        if self.phase == "head" and self._head_bytes > _HEAD_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._begin("head")

    def on_headers_complete(self) -> None:
        """The headers are whole."""
        self._head_bytes = 0
        self._begin("body")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._begin("answer")
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is sent; a request that came meanwhile may have begun."""
        if self.phase == "answer":
            self._begin("idle")
        super().on_response_complete()

    def _begin(self, phase: Phase) -> None:
        self.phase: Phase = phase
        self.since_s = self.open_connections.clock()


def limited_protocol(limits: ConnectionLimits) -> type[LimitedProtocol]:
    """A protocol for one server, with its own count of connections."""

    class Limited(LimitedProtocol):
        open_connections = Connections(limits.within_files())

    return Limited


class LimitedServer(uvicorn.Server):
    """A server that closes late connections every second.

    Args:
        app: an ASGI application.
        limits: of its connections.
        options: of uvicorn.
    """

    def __init__(self, app: Any, limits: ConnectionLimits, **options: Any) -> None:  # noqa: ANN401
        self._protocol = limited_protocol(limits)
        super().__init__(uvicorn.Config(app, http=self._protocol, **options))

    async def main_loop(self) -> None:
        """Serve until told to stop."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            await super().main_loop()
        finally:
            sweeping.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self._protocol.open_connections.close_late()
