"""Watch the server: publish and expire what is due, and detect drift from the database."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.alerts.watch_log import WatchResult, read_watch_result, store_watch_result
from phantom_core.approvals import requests
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.requests import list_requests
from phantom_core.approvals.states import OPEN
from phantom_core.core.errors import PhantomError, UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import (
    has_constraints,
    repair_database,
    write_transaction,
)
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.emergencies import alert_emergencies
from phantom_core.use_cases.approvals.live_status import read_live_status
from phantom_core.use_cases.approvals.publish_rules import expire_live, publish_request
from phantom_core.use_cases.approvals.verify_audit import watch_audit
from phantom_core.use_cases.data.catalogue import follow_source

SERVER: Final = "server"
EVERY_S: Final = 5.0
_SILENT_S: Final = 20.0
_SILENT_CHECKS: Final = 4
_LOG: Final = logging.getLogger(__name__)


@requires(Permission.PUBLISH)
def watch_once(settings: Settings, *, now_ms: int) -> WatchResult:
    """Do what is due, anchor the audit chain, then compare the server with the database and record
    the result.

    Constraints that the database lacks are created again, and emergencies without a review alert.
    """
    engine = control_database(settings)
    if not has_constraints(engine):
        repair_database(engine)
    do_due(settings, now_ms=now_ms)
    watch_audit(settings, now_ms=now_ms)
    alert_emergencies(settings, now_ms=now_ms)
    found = read_live_status(settings, now_ms=now_ms)
    problems = tuple(str(one) for one in found.divergences) + (
        (found.problem,) if found.problem else ()
    )
    return store_watch_result(engine, SERVER, problems, now_ms=now_ms)


@requires(Permission.PUBLISH)
def watch_server(
    settings: Settings, clock_ms: Callable[[], int], stop: threading.Event, every_s: float = EVERY_S
) -> None:
    """Watch until `stop` is set, whatever goes wrong in between.

    Args:
        settings: workspace, database and server.
        clock_ms: UTC milliseconds.
        stop: set to end it.
        every_s: pause between checks, seconds.
    """
    catalogue: object = None
    while True:
        try:
            watch_once(settings, now_ms=clock_ms())
        except PhantomError as error:
            _LOG.warning("%s", error)
        except Exception:
            _LOG.exception("A check of the live prices failed; the next one follows.")
        try:
            catalogue = follow_source(settings, now_ms=clock_ms(), seen=catalogue)
        except PhantomError as error:
            _LOG.warning("The catalogue's source cannot be followed: %s", error)
        if stop.wait(every_s):
            return


@requires(Permission.READ)
@requires(Permission.READ)
def silent_seconds(settings: Settings, since_ms: int, *, now_ms: int) -> float:
    """For how long nothing has compared the server with what was approved, seconds.

    Args:
        settings: of the installation.
        since_ms: when whoever asks was started; silence from before is not counted.
        now_ms: the clock, UTC milliseconds.
    Returns:
        0.0 while checks come as often as the settings say.
    """
    every_s = settings.monitoring.watch_every_s
    seen = seen_last(settings)
    last_ms = max(seen.checked_ms if seen else 0, since_ms)
    silent_s = (now_ms - last_ms) / 1_000
    return silent_s if every_s and silent_s > max(_SILENT_S, _SILENT_CHECKS * every_s) else 0.0


@requires(Permission.READ)
def seen_last(settings: Settings) -> WatchResult | None:
    """Result of the newest check; None before the first."""
    return read_watch_result(control_database(settings), SERVER)


@requires(Permission.PUBLISH)
def do_due(settings: Settings, *, now_ms: int) -> list[int]:
    """Publish requests that are due and end those that expired; returns their numbers."""
    with control_database(settings).connect() as connection:
        found = list_requests(connection, (*OPEN, "live"))
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
    with write_transaction(control_database(settings)) as connection:
        requests.expire_requests(connection, request.request_id, now_ms=now_ms)


def _publish(settings: Settings, request: Request, now_ms: int) -> None:
    try:
        publish_request(
            settings, request.scheduled_by, request.request_id, now_ms=now_ms, why="as scheduled"
        )
    except UnavailableError:
        raise  # The server may be back at the next check.
    except PhantomError as error:
        with write_transaction(control_database(settings)) as connection:
            requests.unschedule_request(
                connection, Internal.WATCHER, request.request_id, str(error), now_ms=now_ms
            )
