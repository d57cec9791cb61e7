"""Watch the server: publish and expire what is due, and detect drift from the database."""

import logging
import threading
from collections.abc import Callable, Sequence
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
from phantom_core.monitoring.comparison import Check, Status
from phantom_core.publishing.divergence import Divergence
from phantom_core.use_cases.alerting.send_alerts import send_alerts
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.confirm_live import confirm_live, has_server
from phantom_core.use_cases.approvals.emergencies import alert_emergencies
from phantom_core.use_cases.approvals.kill_switch import publish_kill_file
from phantom_core.use_cases.approvals.live_status import heal_server, read_live_status
from phantom_core.use_cases.approvals.publish_rules import expire_live, publish_request
from phantom_core.use_cases.approvals.server_comparison import stray_releases
from phantom_core.use_cases.audit.verify_audit import audit_problems, watch_audit
from phantom_core.use_cases.data.catalogue import follow_source
from phantom_core.valkey.server import connect_server

SERVER: Final = "server"
ALERT: Final = "pricing_server"
EVERY_S: Final = 5.0
_SILENT_S: Final = 20.0
_SILENT_CHECKS: Final = 4
_THOROUGH_EVERY_MS: Final = 60_000
_LOG: Final = logging.getLogger(__name__)


@requires(Permission.PUBLISH)
def watch_once(settings: Settings, *, now_ms: int) -> WatchResult:
    """Do what is due, anchor the audit chain, compare the server with the database, heal it, and
    confirm what is live.

    While the audit chain does not hold, nothing is published, healed or confirmed but the kill
    switch: what the database says may be forged, and pricing services go on with what they have.

    What nobody published is healed at once, with an audit entry and an alert; a document that the
    control side signed later than the database knows waits for a person. Constraints that the
    database lacks are created again, and emergencies without a review alert.

    Returns:
        What was found, also where it is healed by now.
    """
    engine = control_database(settings)
    if not has_constraints(engine):
        repair_database(engine)
    publish_kill_file(settings, now_ms=now_ms)
    watch_audit(settings, now_ms=now_ms)
    broken = audit_problems(settings)
    if not broken:
        do_due(settings, now_ms=now_ms)
    alert_emergencies(settings, now_ms=now_ms)
    before = seen_last(settings)
    found = read_live_status(settings, now_ms=now_ms)
    problems = [str(one) for one in found.divergences] + ([found.problem] if found.problem else [])
    if _is_due(before, now_ms) and not found.problem:
        problems += [one for one in _stray(settings) if one not in problems]
    if broken:
        problems.append(f"Nothing is published or confirmed: {broken[0]}")
    elif problems and not found.problem and not found.pending:
        problems += _heal(settings, now_ms)
    if not broken:
        confirm_live(settings, now_ms=now_ms)
    result = store_watch_result(control_database(settings), SERVER, tuple(problems), now_ms=now_ms)
    if problems or (before and before.problems):
        _alert(settings, problems, now_ms)
    return result


def _is_due(before: WatchResult | None, now_ms: int) -> bool:
    """Whether a minute has begun since the last check: a walk over all keys is not for each one."""
    return before is None or now_ms // _THOROUGH_EVERY_MS != before.checked_ms // (
        _THOROUGH_EVERY_MS
    )


def _stray(settings: Settings) -> list[str]:
    if not has_server(settings):
        return []
    with (
        connect_server(settings) as client,
        control_database(settings).connect() as connection,
    ):
        return [
            str(Divergence(key, "nothing", "rules that were never released"))
            for key in stray_releases(client, connection)
        ]


def _heal(settings: Settings, now_ms: int) -> list[str]:
    """Restore what was published; returns why that was not possible."""
    try:
        heal_server(settings, Internal.WATCHER, why="by the watcher", now_ms=now_ms, force=False)
    except PhantomError as error:
        return [str(error)]
    return []


def _alert(settings: Settings, problems: Sequence[str], now_ms: int) -> None:
    """Tell the channels of what was found, and of its end."""
    sentence = " ".join(problems)[:2_000] or "The server holds what was published."
    status: Status = "alert" if problems else "ok"
    check = Check(ALERT, status, float(len(problems)), 0.0, sentence)
    try:
        failed = send_alerts(settings, (check,), now_ms)
    except PhantomError as error:
        failed = (str(error),)
    for problem in failed:
        _LOG.warning("%s", problem)


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
