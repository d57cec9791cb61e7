"""Verbs of the online path: each runs until SIGTERM and stops cleanly."""

import logging
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, serving

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")]


def ingest(port: Port = 8001, *, host: Host = "127.0.0.1", workspace: Workspace = None) -> None:
    """Take events and quotes over HTTP and keep them for the lake."""
    from phantom_core.serving.ingest_app import ingest_app
    from phantom_core.serving.web_service import run

    with serving(workspace) as settings:
        logging.basicConfig(level=settings.log_level)
        run(ingest_app(settings), host, port)


def worker(
    *,
    metrics_host: Annotated[str, typer.Option("--host", help="Address of its metrics.")] = "127.0.0.1",
    metrics_port: Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="Port of its metrics; none without it.")] = None,
    until_empty: Annotated[bool, typer.Option("--until-empty", help="Stop when nothing is left to be read.")] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Bring events and quotes into the lake, and session features into Redis."""
    from phantom_core.workflows.ingest import Settings
    raise NotImplementedError(Settings, metrics_host, metrics_port, until_empty, emit)
