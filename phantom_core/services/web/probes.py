"""Probes: whether a process lives, and whether it is of use now.

A supervisor restarts what is not alive; a load balancer sends nothing to what is not ready. The
two differ: restarting a service whose disk is full helps nobody.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import FastAPI

from phantom_core.core.telemetry.metrics import PROBLEMS
from phantom_core.services.web.answers import Json

_NOT_READY: Final = 503
_READY: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Requests can be served."},
    _NOT_READY: {"description": "They cannot; the answer says why."},
}


def add_probes(
    app: FastAPI,
    problems: Callable[[], Mapping[str, str]],
    service: str,
    blocking: Callable[[], Mapping[str, str]] | None = None,
) -> None:
    """Add `/live` and `/ready`, and count problems in metrics.

    Args:
        app: the application.
        problems: everything that is wrong, by name, as sentences; may take its time.
        service: its name in metrics.
        blocking: the part of it that keeps requests from being served; None means all of it.
    """
    PROBLEMS.labels(service).set_function(lambda: _count(problems))

    @app.get("/live", summary="Whether the process answers")
    async def live() -> Json:
        return Json({"status": "alive"})

    @app.get("/ready", summary="Whether requests can be served", responses=_READY)
    async def ready() -> Json:
        found = dict(await asyncio.to_thread(blocking or problems))
        return Json(
            {"status": "unavailable" if found else "ready", "problems": found},
            _NOT_READY if found else 200,
        )


def _count(problems: Callable[[], Mapping[str, str]]) -> float:
    try:
        return float(len(problems()))
    except (AttributeError, LookupError):  # it has not started yet, or is being stopped
        return 1.0
