"""Serve pricing: the pricing API as a process, with a child process that drains its decisions into
the lake, and a clean stop.
"""

import gc
import os
import shutil
import subprocess
from typing import Final

from phantom_core.core.program import child_environment, phantom_command
from phantom_core.core.settings import Settings
from phantom_core.core.telemetry.log_lines import set_up_logging
from phantom_core.core.telemetry.tracing import set_up_tracing
from phantom_core.services.pricing.app import SERVICE, pricing_app
from phantom_core.services.pricing.service import Pricing
from phantom_core.services.web.connections import ConnectionLimits
from phantom_core.services.web.import_guard import install_import_guard
from phantom_core.services.web.service import run_service

DRAIN_EVERY_S: Final = 10
_DRAINED_WITHIN_S: Final = 60.0


def serve_pricing(settings: Settings, *, host: str, port: int, drain: bool = True) -> None:
    """Serve prices until stopped; every decision is then on disk, and in the lake where decisions
    are drained.

    Args:
        settings: see `pricing_app`.
        host: address to listen on.
        port: to listen on.
        drain: whether to drain decisions into the lake; another process may do so.
    Raises:
        InputError: the catalogue or the server's address cannot be used, or the port is taken.
        UnavailableError: the catalogue's database does not answer, or the embedded server does not
            start.
    """
    set_up_logging(settings.log_level)
    install_import_guard()
    pricing = Pricing(settings)  # first, since errors in the settings appear here
    stop_tracing = set_up_tracing(SERVICE, os.environ)
    child = _drain(settings) if drain and settings.pricing.decision_log_share > 0 else None
    # Present objects stay: the garbage collector need not scan them again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    try:
        limits = ConnectionLimits.of(settings.services)
        run_service(pricing_app(settings, pricing), host, port, limits)
    finally:
        gc.unfreeze()
        if child:
            _finish(child)
        stop_tracing()


def _drain(settings: Settings) -> "subprocess.Popen[bytes]":
    """Start a process of its own, so that writing to the lake takes no time from prices; it ends
    with this one, whatever happens.
    """
    workspace = str(settings.workspace.absolute())
    command = phantom_command(
        "serve",
        "decisions",
        "--every",
        str(DRAIN_EVERY_S),
        "--with-parent",
        "--workspace",
        workspace,
    )
    if shutil.which("nice"):
        command = ["nice", "-n", "10", *command]  # prices go first, from the child's first import
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=child_environment(os.environ)
    )


def _finish(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(_DRAINED_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
