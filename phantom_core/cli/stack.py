"""Verb that runs everything on this machine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from phantom_core.cli.run import Workspace, now_ms, serving

if TYPE_CHECKING:
    from phantom_core.services.stack.prepare import Preparation
    from phantom_core.services.stack.supervisor import Supervisor

_READY_WITHIN_S: Final = 90.0
_CHECK_EVERY_S: Final = 0.5
_NEWS_EVERY_S: Final = 15.0


def stack(
    *,
    kafka: Annotated[str, typer.Option(help="Brokers, host:port; default the local buffer.")] = "",
    rate: Annotated[
        float, typer.Option(min=0, help="Generated shoppers a minute; 0 for none.")
    ] = 60.0,
    port: Annotated[
        int, typer.Option(help="Of the dashboard; the next free one where it is taken.")
    ] = 8501,
    ingest_port: Annotated[int, typer.Option()] = 8001,
    pricing_port: Annotated[int, typer.Option()] = 8010,
    worker_port: Annotated[int, typer.Option(help="Of the worker's metrics.")] = 8002,
    schedule_port: Annotated[int, typer.Option(help="Of the scheduler's metrics.")] = 8003,
    host: Annotated[str, typer.Option(help="To listen on.")] = "127.0.0.1",
    workspace: Workspace = None,
) -> None:
    """Run Valkey, ingest, worker, pricing, scheduler, dashboard and generated shoppers."""
    from dataclasses import replace

    from phantom_core.services.stack.parts import USUAL, free_ports, shopper_part, stack_parts
    from phantom_core.services.stack.prepare import Preparation, live_sentence
    from phantom_core.services.stack.supervisor import Supervisor
    from phantom_core.valkey.server import connect_server, describe_server

    stopped: list[int] = []
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _: stopped.append(number))
    with serving(workspace) as settings:
        folder = settings.workspace.resolve()
        os.environ["PHANTOM_WORKSPACE"] = str(folder)
        ready = Preparation(settings)
        _print(ready.load(now_ms()))
        # Held until the end, so that the embedded server outlives every part.
        client = connect_server(settings)
        ports = free_ports(
            replace(
                USUAL,
                dashboard=port,
                ingest=ingest_port,
                pricing=pricing_port,
                worker=worker_port,
                schedule=schedule_port,
            ),
            host,
        )
        # A hash opens nothing.
        keys = (key for key in settings.services.api_keys if not key.startswith("sha256:"))
        key = next(keys, "")
        supervisor = Supervisor(folder / "logs" / "stack", _print)
        try:
            supervisor.start(
                stack_parts(folder, ports, host=host, kafka=kafka or settings.kafka.bootstrap)
            )
            _print(ready.train(now_ms()))
            late = supervisor.wait_ready(_READY_WITHIN_S, lambda: bool(stopped))
            if rate and not stopped:
                supervisor.start([shopper_part(folder, ports, host=host, rate=rate, key=key)])
            server = describe_server(settings)
            rows = [("valkey" if server.is_embedded else "redis", server.url_without_password, "")]
            rows += [(one.part.name, one.part.address, str(one.log)) for one in supervisor.running]
            _print_table(
                [*rows, ("kafka", kafka or settings.kafka.bootstrap or "none: a local buffer", "")],
                late,
            )
            _watch(
                supervisor,
                ready,
                folder / "logs" / "stack" / "traffic.log",
                lambda: live_sentence(settings),
                stopped,
            )
        finally:
            _print("Stopping …")
            ready.stop()
            killed = supervisor.stop()
            client.close()
            _print(f"Stopped{'; had to kill ' + ', '.join(killed) if killed else ''}.")


def _watch(
    supervisor: Supervisor,
    ready: Preparation,
    traffic: Path,
    live: Callable[[], str],
    stopped: list[int],
) -> None:
    """Supervise the parts until stopped, and print news."""
    printed_s, printed = 0.0, {"live": "", "traffic": ""}
    while not stopped:
        supervisor.look()
        _print(ready.look())
        if time.monotonic() - printed_s > _NEWS_EVERY_S:
            printed_s = time.monotonic()
            for what, sentence in (("live", live()), ("traffic", _last_line(traffic))):
                if sentence != printed[what]:
                    printed[what] = sentence
                    _print(sentence)
        time.sleep(_CHECK_EVERY_S)


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return f"Shoppers: {lines[-1]}" if lines else ""


def _print_table(rows: list[tuple[str, str, str]], late: list[str]) -> None:
    """Print one table of addresses."""
    shown = [
        ("part", "address", "log"),
        *(
            (name, f"{where} (no answer yet)" if name in late else where, log)
            for name, where, log in rows
        ),
    ]
    widths = [max(len(row[column]) for row in shown) for column in (0, 1)]
    print(
        "\n".join(
            f"{name:<{widths[0]}}  {where:<{widths[1]}}  {log}".rstrip()
            for name, where, log in shown
        ),
        flush=True,
    )


def _print(sentence: str) -> None:
    if sentence:
        print(f"{time.strftime('%H:%M:%S')} {sentence}", flush=True)
