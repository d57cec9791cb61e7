"""Audit pack: verify the audit chain, and export one request with its records."""

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases, requests
from phantom_core.core.errors import PhantomError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.audit import ChainVerification
from phantom_core.evidence.pack import Pack, to_html, to_json
from phantom_core.publishing.publish import read_live
from phantom_core.signing.keys import public_keys
from phantom_core.use_cases.approvals.change_requests import (
    check_gates,
    control_database,
    evidence_of,
)
from phantom_core.use_cases.approvals.live_status import has_server
from phantom_core.valkey.server import connect_server


@requires(Permission.READ)
def verify_chain(settings: Settings) -> ChainVerification:
    """Verify the chain, and that it still holds the entry named by the server's live document."""
    with control_database(settings).connect() as connection:
        return audit.verify_audit_chain(connection, _published_head(settings))


@requires(Permission.READ)
def export_audit_pack(settings: Settings, request_id: int, *, now_ms: int) -> dict[str, bytes]:
    """One request as an HTML and a JSON file, by name.

    Raises:
        NotFoundError: there is no such request.
        DataError: its evidence was changed after submission.
    """
    chain = verify_chain(settings)
    with control_database(settings).connect() as connection:
        request = requests.find_request(connection, request_id)
        evidence = evidence_of(connection, request)
        done = [
            one
            for one in releases.release_history(connection, newest=10_000)
            if request.version and request.version in (one.version, one.stable)
        ]
        made = Pack(
            request=request,
            decisions=requests.decisions_of(connection, request_id),
            evidence=evidence,
            gates=check_gates(connection, settings, request, evidence) if evidence else (),
            releases=done[::-1],
            entries=audit.list_entries(connection, request.about),
            chain=chain,
            made_ms=now_ms,
        )
    name = f"change-request-{request_id}"
    return {f"{name}.html": to_html(made), f"{name}.json": to_json(made)}


def _published_head(settings: Settings) -> str | None:
    """Hash of the audit entry named by the live document; None where the server is unreachable."""
    if not has_server(settings):
        return None
    try:
        with connect_server(settings) as client:
            live = read_live(client, public_keys(settings))
    except PhantomError:
        return None
    return live.audit_hash or None if live else None
