"""Verb that opens the app."""

import os
from pathlib import Path
from typing import Annotated

import typer

from phantom_core.core.program import child_environment, streamlit_command


def open_app(
    *,
    port: Annotated[
        int | None, typer.Option(help="To listen on; default 8501, or the next free one.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="To listen on; default this machine alone.")
    ] = None,
    browser: Annotated[
        bool | None, typer.Option(help="Open a browser; default: where there is a screen.")
    ] = None,
    workspace: Annotated[
        Path | None, typer.Option(help="Folder; default PHANTOM_WORKSPACE, else data/workspace.")
    ] = None,
) -> None:
    """Open the app, until it is stopped; an empty workspace is filled with the demo set."""
    options = {
        "--server.port": None if port is None else str(port),
        "--server.address": host,
        "--server.headless": None if browser is None else str(not browser).lower(),
    }
    command = streamlit_command(
        *(word for name, value in options.items() if value for word in (name, value))
    )
    environment = child_environment(os.environ)
    if workspace:
        environment["PHANTOM_WORKSPACE"] = str(workspace.absolute())
    # In place of this process, so that Ctrl-C and signals reach the app itself.
    os.execve(command[0], command, environment)
