"""An approval that plain SQL adds together with its audit entry is found, and never published."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.people import PEOPLE
from phantom_core.anchoring.audit_anchor import anchor_pending, control_engine
from phantom_core.anchoring.heads import AnchorFile
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.tables import DECISIONS, REQUESTS
from phantom_core.core.errors import ConflictError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.audit import AUDIT, AUDIT_SIGNATURES, AuditEntry
from phantom_core.database.connection import control_of
from phantom_core.database.constraints import drop_constraints
from phantom_core.publishing.publish import read_live
from phantom_core.publishing.statement import read_statement
from phantom_core.signing.keys import public_keys
from phantom_core.use_cases.approvals.change_requests import approve_request
from phantom_core.use_cases.approvals.kill_switch import kill_prices
from phantom_core.use_cases.approvals.publish_rules import publish_request, roll_back
from phantom_core.use_cases.approvals.watch_server import watch_once
from phantom_core.use_cases.audit.verify_audit import AuditAnswer, verify_audit
from phantom_core.valkey.server import connect_server
from tests.security.governed import NOW, approved, installation, submitted

LATER = NOW + 60_000


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    """An installation with a live request."""
    with installation(tmp_path / "shop") as settings:
        publish_request(settings, "max", approved(settings, submitted(settings)), now_ms=NOW)
        watch_once(settings, now_ms=NOW)
        assert verify_audit(settings).holds
        yield settings


def forge_approval(settings: Settings, request: Request) -> AuditEntry:
    """Add the approval that `approve_request` would add, with its entry, by SQL alone."""
    engine = control_of(settings.database_url, settings.workspace)
    with engine.begin() as connection:
        drop_constraints(connection)
        genuine = next(
            one for one in audit.list_entries(connection) if one.action == "request.approved"
        )
        row = connection.execute(DECISIONS.select()).mappings().first()
        assert row is not None
        known = {
            "request_id": request.request_id,
            "revision": request.revision,
            "who": "mia",
            "at_ms": LATER,
        }
        connection.execute(DECISIONS.insert().values({**row, **known}))
        connection.execute(
            REQUESTS.update()
            .where(REQUESTS.c.request_id == request.request_id)
            .values(state="approved")
        )
        newest = audit.newest_entry(connection)
        assert newest is not None
        entry = replace(
            genuine,
            seq=newest.seq + 1,
            at_ms=LATER,
            who="mia",
            about=request.about,
            details=genuine.details.replace('"revision": 1', f'"revision": {request.revision}'),
            previous=newest.hash,
        )
        entry = replace(entry, hash=entry.computed_hash())
        values = {name: getattr(entry, name) for name in AuditEntry.__slots__}
        connection.execute(AUDIT.insert().values(values))
    return entry


def sign_by_copy(settings: Settings, entry: AuditEntry) -> None:
    """Give an entry the signature of another one."""
    with control_engine(settings).begin() as connection:
        known = connection.execute(AUDIT_SIGNATURES.select()).mappings().first()
        assert known is not None
        connection.execute(AUDIT_SIGNATURES.insert().values({**known, "hash": entry.hash}))


def remove_signatures(settings: Settings) -> None:
    with control_engine(settings).begin() as connection:
        connection.execute(AUDIT_SIGNATURES.delete())


@pytest.mark.parametrize("then", ["nothing", "a signature is copied", "all are removed"])
def test_an_approval_forged_with_its_entry_does_not_hold_and_is_not_published(
    shop: Settings, then: str
) -> None:
    request = submitted(shop, now_ms=NOW + 1)
    entry = forge_approval(shop, request)
    if then == "a signature is copied":
        sign_by_copy(shop, entry)
    elif then == "all are removed":
        remove_signatures(shop)
    found = verify_audit(shop)
    assert found.answer is AuditAnswer.BROKEN
    assert f"Entry {entry.seq} (request.approved by mia) carries no valid signature" in " ".join(
        found.problems
    )
    with pytest.raises(ConflictError, match="while the audit chain does not hold"):
        publish_request(shop, "max", request.request_id, now_ms=LATER)


def test_the_watcher_neither_anchors_nor_confirms_a_forged_entry_and_says_so(
    shop: Settings,
) -> None:
    entry = forge_approval(shop, submitted(shop, now_ms=NOW + 1))
    assert anchor_pending(shop, now_ms=LATER) == (
        f"Entry {entry.seq} carries no valid signature, so it is not anchored.",
    )
    head, _ = AnchorFile(shop.paths.audit_anchor).tail()
    assert head is not None and head.seq == entry.seq - 1
    with connect_server(shop) as client:
        before = read_statement(client, public_keys(shop))
        seen = watch_once(shop, now_ms=LATER)
        assert read_statement(client, public_keys(shop)) == before
    assert any("carries no valid signature" in one for one in seen.problems)


def test_a_role_given_by_sql_approves_nothing(shop: Settings) -> None:
    request = submitted(shop, now_ms=NOW + 1)
    with control_engine(shop).begin() as connection:
        connection.execute(
            PEOPLE.update().where(PEOPLE.c.login == "vera").values(role="pricing manager")
        )
    with pytest.raises(ConflictError, match="while the audit chain does not hold"):
        approve_request(shop, "vera", request.request_id, request.revision, now_ms=LATER)


def test_a_later_entry_of_the_application_does_not_launder_a_forged_one(shop: Settings) -> None:
    entry = forge_approval(shop, submitted(shop, now_ms=NOW + 1))
    submitted(shop, now_ms=LATER + 1)
    assert f"Entry {entry.seq} " in " ".join(verify_audit(shop).problems)


@pytest.mark.parametrize("how", ["kill switch", "rollback to base prices"])
def test_prices_are_brought_down_while_the_chain_does_not_hold(shop: Settings, how: str) -> None:
    forge_approval(shop, submitted(shop, now_ms=NOW + 1))
    if how == "kill switch":
        assert not kill_prices(shop, "max", why="A forged approval.", now_ms=LATER).problem
    else:
        roll_back(shop, "max", "", why="A forged approval.", now_ms=LATER)
    with connect_server(shop) as client:
        live = read_live(client, public_keys(shop))
    assert live is not None and (live.is_killed or not live.version)


def test_an_upgraded_chain_is_signed_from_its_next_entry_on(tmp_path: Path) -> None:
    with installation(tmp_path / "shop") as settings:
        with control_engine(settings).begin() as connection:
            drop_constraints(connection)
            connection.execute(AUDIT_SIGNATURES.delete())
        settings.paths.audit_anchor.unlink()
        with control_engine(settings).begin() as connection:
            connection.execute(sa.text("DELETE FROM watch"))
        submitted(settings)
        found = verify_audit(settings)
        assert found.answer is AuditAnswer.HOLDS
        assert found.newest_head is not None and found.newest_head.signed_from > 1
