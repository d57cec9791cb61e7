"""Live status: what is live, whether the server holds it, and how to make it so again."""

from dataclasses import dataclass

from phantom_core.accounts.people import MACHINE, require_permission
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases, requests
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.core.errors import ConflictError, UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.publishing.divergence import Divergence, compare_documents, restore_documents
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.live_documents import expected_documents
from phantom_core.use_cases.approvals.reconcile_release import publish_models, reconcile_release
from phantom_core.valkey.server import connect_server


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """What is live by the database's word, and what the server holds.

    Attributes:
        release: the last switch; None before the first.
        pending: one that was begun and not settled; None for none.
        request: that the live version came from; None for base prices.
        divergences: between the two; empty where they agree.
        problem: why the server could not be asked; empty if it was.
    """

    release: PublishedRelease | None
    pending: PublishedRelease | None
    request: Request | None
    divergences: tuple[Divergence, ...]
    problem: str

    @property
    def is_well(self) -> bool:
        """Whether servers hold what the database says."""
        return not (self.divergences or self.problem or self.pending)


def read_live_status(settings: Settings, *, now_ms: int) -> LiveStatus:
    """What is live, and whether the server agrees; an interrupted switch is settled first where
    that is possible.
    """
    problem = ""
    divergences: tuple[Divergence, ...] = ()
    if not has_server(settings):
        return LiveStatus(None, None, None, (), "")
    try:
        with connect_server(settings) as client:
            reconcile_release(settings, client, now_ms=now_ms)
            with control_database(settings).connect() as connection:
                live, documents = expected_documents(connection)
            divergences = compare_documents(client, live, documents)
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
            release, releases.pending_release(connection), request, divergences, problem
        )


def has_server(settings: Settings) -> bool:
    """Whether there is a server to ask: one by URL, or the embedded one once anything was
    published; asking would start it.
    """
    with control_database(settings).connect() as connection:
        return bool(settings.redis_url or releases.release_history(connection, newest=1))


def heal_server(settings: Settings, who: str, *, why: str, now_ms: int) -> tuple[Divergence, ...]:
    """Restore on the server exactly what the database says is live; returns what was wrong.

    Raises:
        NotAllowedError: not by this person.
        UnavailableError: the server does not answer.
    """
    with connect_server(settings) as client:
        reconcile_release(settings, client, now_ms=now_ms)
        with write_transaction(control_database(settings)) as connection:
            if who != MACHINE:
                require_permission(connection, who, Permission.KILL)
            live, documents = expected_documents(connection)
            found = compare_documents(client, live, documents)
            if found:
                details = {"divergences": [str(one) for one in found], "why": why}
                audit.append_entry(connection, now_ms, who, "server.healed", "live", details)
        restore_documents(client, live, documents)
        publish_models(settings, client, now_ms)
    return found
