"""Serve pricing: the pricing API as a process, with a child process that drains its decisions into
the lake, and a clean stop.
"""

import gc
import os

from phantom_core.core.settings import Settings
from phantom_core.core.telemetry.log_lines import set_up_logging
from phantom_core.core.telemetry.tracing import set_up_tracing
from phantom_core.services.pricing.app import SERVICE, pricing_app
from phantom_core.services.pricing.drain_process import DrainProcess
from phantom_core.services.pricing.service import Pricing
from phantom_core.services.web.connections import ConnectionLimits
from phantom_core.services.web.import_guard import install_import_guard
from phantom_core.services.web.service import run_service


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
    drains = drain and settings.pricing.decision_log_share > 0
    pricing = Pricing(
        settings, DrainProcess(settings) if drains else None
    )  # first, since errors in the settings appear here
    stop_tracing = set_up_tracing(SERVICE, os.environ)
    # Present objects stay: the garbage collector need not scan them again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    try:
        limits = ConnectionLimits.of(settings.services)
        run_service(pricing_app(settings, pricing), host, port, limits)
    finally:
        gc.unfreeze()
        stop_tracing()
