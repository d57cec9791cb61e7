"""Verbs that serve: they run until they are stopped."""

import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, serving

Host = Annotated[str, typer.Option(help="Address to listen on.")]


def pricing(
    *,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8_010,
    host: Host = "127.0.0.1",
    drain: Annotated[
        bool,
        typer.Option(
            help="Drain decisions into the lake; with --no-drain, `serve decisions` may do so."
        ),
    ] = True,
    workspace: Workspace = None,
) -> None:
    """Answer price requests until stopped."""
    from phantom_core.services.pricing.process import serve_pricing

    with serving(workspace) as settings:
        serve_pricing(settings, host=host, port=port, drain=drain)


def decisions(
    *,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two rounds.")] = 10.0,
    once: Annotated[bool, typer.Option(help="Drain what is there, and exit.")] = False,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Drain the pricing service's decisions into the lake, and watch price experiments."""
    from phantom_core.use_cases.approvals.watch_price_experiments import Watch
    from phantom_core.use_cases.operations.drain_decisions import drain_decisions, drain_until

    with serving(workspace, as_json=as_json) as settings:
        is_over = _parent_gone if with_parent else _stop_signal()
        found = (
            drain_decisions(settings)
            if once
            else drain_until(settings, is_over, every, Watch(settings).look)
        )
        emit(
            {"decisions": found.decisions, "segments": found.segments, "torn": found.torn}, as_json
        )


def _parent_gone(seconds: float) -> bool:
    """Wait, and return whether standard input was closed."""
    readable, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(readable)


def _stop_signal() -> Callable[[float], bool]:
    stop = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stop.set())
    return stop.wait
