"""Verbs of the online path: each runs until SIGTERM and stops cleanly."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, serving

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[
    int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
]


def ingest(port: Port = 8001, *, host: Host = "127.0.0.1", workspace: Workspace = None) -> None:
    """Accept events and quotes over HTTP, and store them for the lake."""
    from phantom_core.services.ingest.app import ingest_app
    from phantom_core.services.web.connections import ConnectionLimits
    from phantom_core.services.web.service import run_service

    with serving(workspace) as settings, _traced("ingest"):
        from phantom_core.core.telemetry.log_lines import set_up_logging

        set_up_logging(settings.log_level)
        limits = ConnectionLimits.of(settings.services)
        run_service(ingest_app(settings), host, port, limits)


def worker(
    *,
    host: Annotated[str, typer.Option(help="Address of its metrics.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of its metrics; none without it.")
    ] = None,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="Stop when nothing is left to read.")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Write events and quotes to the lake, and session features to Redis."""
    from phantom_core.core.telemetry.web import serve_metrics
    from phantom_core.services.worker.worker import Worker

    is_over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_over.set())
    with serving(workspace, as_json=as_json) as settings, _traced("worker"):
        from phantom_core.core.telemetry.log_lines import set_up_logging

        set_up_logging(settings.log_level)
        stop_metrics = None if port is None else serve_metrics(host, port)
        report = Worker(settings).run(is_over.is_set, until_empty=until_empty)
        if stop_metrics:
            stop_metrics()
        emit(asdict(report), as_json)


@contextmanager
def _traced(service: str) -> Iterator[None]:
    from phantom_core.core.telemetry.tracing import set_up_tracing

    stop = set_up_tracing(service, os.environ)
    try:
        yield
    finally:
        stop()
