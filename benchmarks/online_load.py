"""Load from a process of its own: requests at a steady rate that does not wait for answers, on
connections that are kept.

A latency counts from the moment a request was due, so that a slow server cannot hide behind
requests that were never sent.

Run: python -m benchmarks.online_load http://127.0.0.1:8010
'/api/hotel/price/p{product}?sessionId=s{session}' --rate 300 --seconds 60
"""

import argparse
import asyncio
import json
import time
from collections import Counter, deque
from typing import Any, cast
from urllib.parse import urlsplit

import numpy as np
import uvloop

SESSIONS, PRODUCTS = 2_000, 200
WARM_UP_S = 2.0


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("path")
    parser.add_argument("--rate", type=float, default=300.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--warm-up", type=float, default=WARM_UP_S)
    chosen = parser.parse_args()
    parts = urlsplit(chosen.url)
    played = Load(str(parts.hostname), parts.port or 80, chosen.path, chosen.rate)
    print(json.dumps(uvloop.run(played.play(chosen.warm_up, chosen.seconds))))


class Load:
    """Requests and their outcomes."""

    def __init__(self, host: str, port: int, path: str, rate: float) -> None:
        self.host, self.port, self.rate = host, port, rate
        self.requests = [
            f"GET {path.format(session=n % SESSIONS, product=n % PRODUCTS)} HTTP/1.1\r\nHost: "
            f"{host}\r\n\r\n".encode()
            for n in range(SESSIONS)
        ]
        self.free: deque[Connection] = deque()
        self.latencies_s: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.n_waiting = self.most_waiting = 0
        self.opening: set[asyncio.Task[None]] = set()

    async def play(self, warm_up_s: float, seconds: float) -> dict[str, Any]:
        """Run a warm-up and then the load."""
        await self._steady(warm_up_s, min(self.rate, 300.0))
        self.latencies_s, self.statuses, self.most_waiting = [], Counter(), 0
        await self._steady(seconds, self.rate)
        for _ in range(100):
            if not self.n_waiting:
                break
            await asyncio.sleep(0.1)
        return self._told(seconds)

    async def _steady(self, seconds: float, rate: float) -> None:
        start_s, n_sent, n_due = time.perf_counter(), 0, int(seconds * rate)
        while n_sent < n_due:
            now_s = time.perf_counter()
            while n_sent < n_due and start_s + n_sent / rate <= now_s:
                self._send(n_sent, start_s + n_sent / rate)
                n_sent += 1
            await asyncio.sleep(max(0.0, start_s + n_sent / rate - time.perf_counter()))

    def _send(self, n: int, due_s: float) -> None:
        self.n_waiting += 1
        self.most_waiting = max(self.most_waiting, self.n_waiting)
        if self.free:
            self.free.popleft().send(self.requests[n % SESSIONS], due_s)
        else:
            task = asyncio.get_running_loop().create_task(
                self._open(self.requests[n % SESSIONS], due_s)
            )
            self.opening.add(task)
            task.add_done_callback(self.opening.discard)

    async def _open(self, request: bytes, due_s: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self), self.host, self.port
            )
            connection.send(request, due_s)
        except OSError:
            self.done(due_s, 0)

    def done(self, due_s: float, status: int) -> None:
        """Record a response; 0 for a connection that broke."""
        self.n_waiting -= 1
        self.statuses[status] += 1
        self.latencies_s.append(time.perf_counter() - due_s)

    def _told(self, seconds: float) -> dict[str, Any]:
        ms = np.array(self.latencies_s or [np.nan]) * 1e3
        p50, p99, p999 = (round(float(one), 3) for one in np.percentile(ms, (50, 99, 99.9)))
        failed = sum(n for status, n in self.statuses.items() if status != 200) + self.n_waiting
        figures = {
            "p50_ms": p50,
            "p99_ms": p99,
            "p999_ms": p999,
            "slowest_ms": round(float(ms.max()), 3),
        }
        return {
            "rate": self.rate,
            "answered_per_s": round(len(self.latencies_s) / seconds, 1),
            **figures,
            "failed": failed,
            "connections": len(self.free),
        }


class Connection(asyncio.Protocol):
    """One persistent connection: a request, then its response."""

    def __init__(self, load: Load) -> None:
        self.load, self.due_s, self.buffer = load, 0.0, b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def send(self, request: bytes, due_s: float) -> None:
        """Ask."""
        assert self.transport is not None
        self.due_s = due_s
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self.buffer = b""
        self.load.done(self.due_s, int(head[9:12]))
        self.due_s = 0.0
        self.load.free.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self.due_s:
            self.load.done(self.due_s, 0)
        elif self in self.load.free:
            self.load.free.remove(self)


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    return (
        int(lower[at + 15 : lower.find(b"\r\n", at) if b"\r\n" in lower[at:] else None])
        if at >= 0
        else 0
    )


if __name__ == "__main__":
    main()
