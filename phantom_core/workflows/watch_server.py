"""Watch the server: do what is due, and notice by itself when servers hold something else than the database says."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from phantom_core.control import requests
from phantom_core.control.change_request import Request
from phantom_core.control.database import writing
from phantom_core.control.requests import all_requests
from phantom_core.control.steps import OPEN
from phantom_core.control.watch_log import Seen, last_seen, note
from phantom_core.errors import PhantomError, UnavailableError
from phantom_core.settings import Settings
from phantom_core.workflows.change_requests import control
from phantom_core.workflows.live_status import status
from phantom_core.workflows.publish_rules import expire_live, publish_request

SERVER: Final = "server"
EVERY_S: Final = 5.0
_LOG: Final = logging.getLogger(__name__)


def watch_once(settings: Settings, *, now_ms: int) -> Seen:
    """Publish and end what is due, then compare the server with the database and write down what was seen."""
    do_due(settings, now_ms=now_ms)
    found = status(settings, now_ms=now_ms)
    told = tuple(str(one) for one in found.divergences) + ((found.problem,) if found.problem else ())
    return note(control(settings), SERVER, told, now_ms=now_ms)


def watch(settings: Settings, clock_ms: Callable[[], int], stop: threading.Event, every_s: float = EVERY_S) -> None:
    """Watch until told to stop.

    Args:
        settings: workspace, database and server.
        clock_ms: UTC milliseconds.
        stop: set to end it.
        every_s: pause between looks, seconds.
    """
    while True:
        try:
            watch_once(settings, now_ms=clock_ms())
        except PhantomError as error:
            _LOG.warning("%s", error)
        if stop.wait(every_s):
            return


def seen_last(settings: Settings) -> Seen | None:
    """What the watcher saw last; None where it never looked."""
    return last_seen(control(settings), SERVER)


def do_due(settings: Settings, *, now_ms: int) -> list[int]:
    """Publish requests whose moment has come and end those whose time is over; returns the numbers of those touched."""
    with control(settings).connect() as connection:
        found = all_requests(connection, (*OPEN, "live"))
    touched = []
    for request in reversed(found):
        if request.expires_ms and request.expires_ms <= now_ms:
            _expire(settings, request, now_ms)
            touched.append(request.request_id)
        elif request.state == "scheduled" and request.starts_ms <= now_ms:
            _publish(settings, request, now_ms)
            touched.append(request.request_id)
    return touched


def _expire(settings: Settings, request: Request, now_ms: int) -> None:
    if request.state == "live":
        expire_live(settings, request.version, now_ms=now_ms)
        return
    with writing(control(settings)) as connection:
        requests.expire(connection, request.request_id, now_ms=now_ms)


def _publish(settings: Settings, request: Request, now_ms: int) -> None:
    try:
        publish_request(settings, request.scheduled_by, request.request_id, now_ms=now_ms, why="as scheduled")
    except UnavailableError:
        raise  # The server may be back at the next look.
    except PhantomError as error:
        with writing(control(settings)) as connection:
            requests.unschedule(connection, "schedule", request.request_id, str(error), now_ms=now_ms)
