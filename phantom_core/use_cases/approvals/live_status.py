"""Live status: what is live, whether the server is in sync, and how to restore it."""

from dataclasses import dataclass

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.accounts.people import require_permission
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases, requests
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.emergencies import Emergency
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.core.errors import ConflictError, UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.publishing.divergence import Divergence
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.confirm_live import confirm_live, has_server
from phantom_core.use_cases.approvals.emergencies import live_emergencies
from phantom_core.use_cases.approvals.live_experiments import sync_experiments
from phantom_core.use_cases.approvals.reconcile_release import publish_models, reconcile_release
from phantom_core.use_cases.approvals.server_comparison import compare_server, restore_server
from phantom_core.use_cases.audit.verify_audit import require_intact_audit
from phantom_core.valkey.server import connect_server


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """What is live according to the database, and what the server holds.

    Attributes:
        release: the last switch; None before the first.
        pending: a switch that was begun and not reconciled; None for none.
        request: the change request of the live version; None for base prices.
        divergences: between database and server; empty where they agree.
        problem: why the server could not be read; empty if it was.
        emergencies: by which a live version was published without the required approvals.
    """

    release: PublishedRelease | None
    pending: PublishedRelease | None
    request: Request | None
    divergences: tuple[Divergence, ...]
    problem: str
    emergencies: tuple[Emergency, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether the server is in sync with the database."""
        return not (self.divergences or self.problem or self.pending)


@requires(Permission.READ)
def read_live_status(settings: Settings, *, now_ms: int) -> LiveStatus:
    """What is live, and whether the server agrees; reconciles an interrupted switch first."""
    problem = ""
    divergences: tuple[Divergence, ...] = ()
    if not has_server(settings):
        return LiveStatus(None, None, None, (), "")
    try:
        with connect_server(settings) as client:
            with acting_as(Internal.WATCHER):  # completes what was approved, whoever looks
                reconcile_release(settings, client, now_ms=now_ms)
            with control_database(settings).connect() as connection:
                divergences = compare_server(settings, client, connection)
    except (UnavailableError, ConflictError) as error:
        problem = str(error)
    with control_database(settings).connect() as connection:
        release = releases.current_release(connection)
        request = (
            requests.find_request(connection, release.request_id)
            if release and release.request_id
            else None
        )
        return LiveStatus(
            release,
            releases.pending_release(connection),
            request,
            divergences,
            problem,
            live_emergencies(connection, release),
        )


@requires(Permission.KILL)
def heal_server(
    settings: Settings, who: str, *, why: str, now_ms: int, force: bool = True
) -> tuple[Divergence, ...]:
    """Restore on the server what the database says is live; returns the divergences found.

    Args:
        settings: workspace, database and server.
        who: login of a person who may use the kill switch, or MACHINE.
        why: reason, for the audit chain.
        now_ms: UTC milliseconds.
        force: also over a later epoch that the control side signed.
    Raises:
        NotAllowedError: this person may not do it.
        ConflictError: a later signed epoch is there, and `force` is off; or the audit chain does
            not hold.
        UnavailableError: the server does not answer.
    """
    require_intact_audit(settings)
    with connect_server(settings) as client:
        reconcile_release(settings, client, now_ms=now_ms)
        # Restored within the transaction: no switch can begin in between.
        with write_transaction(control_database(settings)) as connection:
            if not isinstance(who, Internal):
                require_permission(connection, who, Permission.KILL)
            # Once more, with what is signed below: rows may have been forged since.
            require_intact_audit(settings)
            found = compare_server(settings, client, connection, is_thorough=True)
            restore_server(settings, client, connection, force=force)
            if found:
                details = {"divergences": [str(one) for one in found], "why": why}
                audit.append_entry(connection, now_ms, who, "server.healed", "live", details)
        sync_experiments(settings, client, now_ms=now_ms)
        publish_models(settings, client, now_ms)
    confirm_live(settings, now_ms=now_ms)
    return found
