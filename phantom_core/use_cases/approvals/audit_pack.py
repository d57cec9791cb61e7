"""Audit pack: verify the audit chain, and export one request with its records."""

from pathlib import Path

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases, requests
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.evidence.pack import ChainSummary, Pack, to_html, to_json
from phantom_core.signing.keys import public_pem
from phantom_core.use_cases.approvals.change_requests import (
    check_gates,
    control_database,
    evidence_of,
)
from phantom_core.use_cases.audit.verify_audit import (
    AuditVerification,
    signed_head,
    verify_audit,
)


@requires(Permission.READ)
def verify_chain(settings: Settings, *, heads: Path | None = None) -> AuditVerification:
    """Verify the chain, its anchors and the tables; see `verify_audit`."""
    return verify_audit(settings, heads=heads)


@requires(Permission.READ)
def export_audit_pack(settings: Settings, request_id: int, *, now_ms: int) -> dict[str, bytes]:
    """One request as an HTML and a JSON file, by name.

    Raises:
        NotFoundError: there is no such request.
        DataError: its evidence was changed after submission.
    """
    chain = verify_chain(settings)
    head, is_signed, key_ids = signed_head(settings)
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
            chain=ChainSummary(
                answer=chain.answer.value,
                n_entries=chain.n_entries,
                head=chain.head,
                problems=(*chain.problems, *chain.unknown),
                notes=chain.notes,
                signed_head=head.to_json() if head else "",
                is_signed=is_signed,
                key_ids=key_ids,
                public_keys=public_pem(settings),
            ),
            made_ms=now_ms,
        )
    name = f"change-request-{request_id}"
    return {f"{name}.html": to_html(made), f"{name}.json": to_json(made)}
