"""Confirm what is live: the control side's statement, which pricing services hold against Redis."""

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases
from phantom_core.core.settings import Settings
from phantom_core.publishing.statement import Statement, publish_statement
from phantom_core.signing.keys import public_keys, signing_key
from phantom_core.use_cases.approvals.approved_overrides import approved_numbers
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.live_experiments import live_epoch
from phantom_core.use_cases.approvals.server_comparison import newest_documents
from phantom_core.valkey.server import connect_server


@requires(Permission.READ)
def has_server(settings: Settings) -> bool:
    """Whether there is a server to read: one by URL, or the embedded one once in use.

    The embedded one is in use once anything was published, whatever the database says of it;
    connecting earlier would start it.
    """
    if settings.redis_url or settings.paths.embedded_data.is_dir():
        return True
    with control_database(settings).connect() as connection:
        return bool(releases.release_history(connection, newest=1))


@requires(Permission.KILL)
def confirm_live(settings: Settings, *, now_ms: int) -> None:
    """Sign which documents are the newest, so that readers notice a server that was set back.

    Raises:
        UnavailableError: the server does not answer.
    """
    with control_database(settings).connect() as connection:
        epoch, approved = live_epoch(connection), approved_numbers(connection)
    if not (any(approved.values()) or has_server(settings)):
        return
    with connect_server(settings) as client:
        newest = newest_documents(client, public_keys(settings)) | (
            {"rules": epoch} if epoch else {}
        )
        newest |= approved
        publish_statement(client, signing_key(settings), Statement(now_ms, newest))
