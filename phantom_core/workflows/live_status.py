"""Live status: what is live, whether the server holds it, and how to make it so again."""

from dataclasses import dataclass

from phantom_core.control import audit, releases, requests
from phantom_core.control.change_request import Request
from phantom_core.control.database import writing
from phantom_core.control.people import MACHINE, require
from phantom_core.control.releases import Release
from phantom_core.control.roles import Permission
from phantom_core.errors import ConflictError, UnavailableError
from phantom_core.publishing.divergence import Divergence, compare, heal
from phantom_core.publishing.server import connect
from phantom_core.settings import Settings
from phantom_core.workflows.change_requests import control
from phantom_core.workflows.live_documents import expected
from phantom_core.workflows.settle_release import publish_models, settle


@dataclass(frozen=True, slots=True)
class Status:
    """What is live by the database's word, and what the server holds.

    Attributes:
        release: the last switch; None before the first.
        pending: one that was begun and not settled; None for none.
        request: that the live version came from; None for base prices.
        divergences: between the two; empty where they agree.
        problem: why the server could not be asked; empty if it was.
    """

    release: Release | None
    pending: Release | None
    request: Request | None
    divergences: tuple[Divergence, ...]
    problem: str

    @property
    def is_well(self) -> bool:
        """Whether servers hold what the database says."""
        return not (self.divergences or self.problem or self.pending)


def status(settings: Settings, *, now_ms: int) -> Status:
    """What is live, and whether the server agrees; an interrupted switch is settled first where that is possible."""
    problem = ""
    divergences: tuple[Divergence, ...] = ()
    if not has_server(settings):
        return Status(None, None, None, (), "")
    try:
        with connect(settings) as client:
            settle(settings, client, now_ms=now_ms)
            with control(settings).connect() as connection:
                live, documents = expected(connection)
            divergences = compare(client, live, documents)
    except (UnavailableError, ConflictError) as error:
        problem = str(error)
    with control(settings).connect() as connection:
        release = releases.current(connection)
        request = requests.find_request(connection, release.request_id) if release and release.request_id else None
        return Status(release, releases.pending(connection), request, divergences, problem)


def has_server(settings: Settings) -> bool:
    """Whether there is a server to ask: one by URL, or the embedded one once anything was published; asking would start it."""
    with control(settings).connect() as connection:
        return bool(settings.redis_url or releases.history(connection, newest=1))


def heal_server(settings: Settings, who: str, *, why: str, now_ms: int) -> tuple[Divergence, ...]:
    """Restore on the server exactly what the database says is live; returns what was wrong.

    Raises:
        NotAllowedError: not by this person.
        UnavailableError: the server does not answer.
    """
    with connect(settings) as client:
        settle(settings, client, now_ms=now_ms)
        with writing(control(settings)) as connection:
            if who != MACHINE:
                require(connection, who, Permission.KILL)
            live, documents = expected(connection)
            found = compare(client, live, documents)
            if found:
                details = {"divergences": [str(one) for one in found], "why": why}
                audit.append(connection, now_ms, who, "server.healed", "live", details)
        heal(client, live, documents)
        publish_models(settings, client, now_ms)
    return found
