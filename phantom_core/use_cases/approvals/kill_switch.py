"""Kill switch: every session pays the base price at once, by two independent paths.

The kill file works on its own, on the machine of the pricing service, whatever the database and
Redis do; the published switch reaches every pricing service and is in the audit chain. A file that
was written while the database was away is published and audited by the watcher as soon as it can.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.people import require_permission
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.core.errors import ConflictError, PhantomError, UnavailableError
from phantom_core.core.kill_file import (
    KillOrder,
    kill_file_path,
    read_kill_file,
    remove_kill_file,
    write_kill_file,
)
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.publish_rules import kill_live_rules, lift_kill_switch


@dataclass(frozen=True, slots=True)
class KillOutcome:
    """What the kill switch reached.

    Attributes:
        release: the published switch; None where it could not be published yet.
        kill_file: path of the file, which works until the switch is lifted.
        problem: why it could not be published yet; empty if it was.
    """

    release: PublishedRelease | None
    kill_file: str
    problem: str


@requires(Permission.KILL)
def kill_prices(settings: Settings, who: str, *, why: str, now_ms: int) -> KillOutcome:
    """Turn the kill switch on: by file first, then on every pricing server.

    Args:
        settings: workspace, database and server.
        who: login of a person who may use the kill switch.
        why: reason, for the audit chain.
        now_ms: UTC milliseconds.
    Raises:
        NotAllowedError: this person may not do it.
        ConflictError: nothing was ever live, or the kill switch is on already.
        UnavailableError: neither path could be taken.
    """
    problem = _check_possible(settings, who)
    file_problem = ""
    try:
        write_kill_file(settings, KillOrder(who, why, now_ms))
    except UnavailableError as error:
        file_problem = str(error)
    release = None
    if not problem:
        try:
            release = kill_live_rules(settings, who, why=why, now_ms=now_ms)
        except (PhantomError, sa.exc.OperationalError) as error:
            # Also where another switch is just being published: the watcher publishes the file.
            problem = _said(error)
    if problem and file_problem:
        raise UnavailableError(f"{problem} {file_problem}", hint="Stop the pricing service.")
    return KillOutcome(release, str(kill_file_path(settings)), problem)


@requires(Permission.PUBLISH)
def lift_kill(settings: Settings, who: str, *, why: str, now_ms: int) -> PublishedRelease | None:
    """Lift the kill switch: the published one, then the file of this machine.

    Returns:
        The published switch; None where only the file was there.
    Raises:
        NotAllowedError: this person may not do it.
        ConflictError: the kill switch is off already.
        NotSwitchedError, UncertainError: it stays on.
    """
    with control_database(settings).connect() as connection:
        require_permission(connection, who, Permission.PUBLISH)
        current = releases.current_release(connection)
    is_published = current is not None and current.is_killed
    release = None
    if is_published or read_kill_file(settings) is None:
        release = lift_kill_switch(settings, who, why=why, now_ms=now_ms)
    if remove_kill_file(settings):
        with write_transaction(control_database(settings)) as connection:
            details = {"file": str(kill_file_path(settings)), "why": why}
            audit.append_entry(connection, now_ms, who, "kill_file.removed", "live", details)
    return release


@requires(Permission.KILL)
def publish_kill_file(settings: Settings, *, now_ms: int) -> bool:
    """Publish and audit a kill switch that is on by file alone; returns whether it was needed.

    Raises:
        UnavailableError: the database or the server does not answer.
    """
    order = read_kill_file(settings)
    if order is None:
        return False
    with control_database(settings).connect() as connection:
        current = releases.current_release(connection)
    if current is None or current.is_killed:
        return False
    by = f" by {order.who}" if order.who else ""
    kill_live_rules(
        settings,
        Internal.WATCHER,
        why=f"kill file{by}: {order.why or 'no reason given'}",
        now_ms=now_ms,
    )
    return True


def _check_possible(settings: Settings, who: str) -> str:
    """Why the switch cannot be published now; empty if it can.

    Raises:
        NotAllowedError: this person may not do it.
        ConflictError: nothing was ever live, or the kill switch is on already.
    """
    try:
        with control_database(settings).connect() as connection:
            require_permission(connection, who, Permission.KILL)
            current = releases.current_release(connection)
    except (UnavailableError, sa.exc.OperationalError) as error:
        return _said(error)
    if current is None:
        raise ConflictError("Nothing is live: every price is the base price already.")
    if current.is_killed:
        raise ConflictError("The kill switch is on already.")
    return ""


def _said(error: Exception) -> str:
    if isinstance(error, sa.exc.OperationalError):
        return f"The control database does not answer: {error.orig}."
    return str(error)
