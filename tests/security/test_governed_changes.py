"""A governed change is in force once others approved it, whatever is written to the database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.approvals import governed_changes as changes
from phantom_core.approvals.governed_changes import GovernedChange
from phantom_core.approvals.governed_kinds import CATALOGUE, MODEL, PROMOTION_POLICY, GovernedKind
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError
from phantom_core.database import audit
from phantom_core.database.connection import open_database, write_transaction
from tests.databases import database_url
from tests.security.people import add_people

__all__ = ["database_url"]


@pytest.fixture
def engine(database_url: str, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database with one account of each role, and a second manager."""
    made = open_database(database_url, tmp_path)
    add_people(made)
    yield made
    made.dispose()


def proposed(
    engine: sa.Engine,
    who: str = "max",
    kind: GovernedKind = MODEL,
    *,
    needed: int = 1,
    version: str = "v1",
) -> GovernedChange:
    with write_transaction(engine) as connection:
        return changes.propose_change(
            connection,
            kind,
            who,
            "classifier",
            {"version": version},
            why="Better.",
            needed=needed,
            now_ms=2,
        )


def approve(engine: sa.Engine, who: str, change: GovernedChange) -> GovernedChange:
    with write_transaction(engine) as connection:
        return changes.approve_change(
            connection, MODEL, who, change.change_id, change.payload_sha256, now_ms=3
        )


def in_force(engine: sa.Engine) -> str:
    with engine.connect() as connection:
        found = changes.change_in_force(connection, MODEL, "classifier")
    return str(found.content()["version"]) if found else ""


def test_a_second_person_puts_a_change_in_force_and_each_step_is_audited(
    engine: sa.Engine,
) -> None:
    change = proposed(engine)
    assert in_force(engine) == ""
    assert approve(engine, "mia", change).state == "approved"
    second = proposed(engine, "ana", version="v2")
    assert in_force(engine) == "v1"
    approve(engine, "max", second)
    assert in_force(engine) == "v2"
    with engine.connect() as connection:
        states = [one.state for one in changes.list_changes(connection, MODEL)]
        entries = audit.list_entries(connection)
    actions = [one.action for one in entries if one.action.startswith("change.")]
    assert states == ["approved", "superseded"]
    assert actions == ["change.proposed", "change.approved", "change.in_force"] * 2


@pytest.mark.parametrize("who", ["max", "ana", "vera", "root", "ghost", Internal.SHELL])
def test_nobody_else_decides(engine: sa.Engine, who: str) -> None:
    change = proposed(engine)
    with pytest.raises(NotAllowedError):
        approve(engine, who, change)
    assert in_force(engine) == ""


def test_a_decision_names_what_was_seen_and_is_made_once(engine: sa.Engine) -> None:
    change = proposed(engine, needed=2)
    with write_transaction(engine) as connection, pytest.raises(ConflictError, match="you saw"):
        changes.approve_change(connection, MODEL, "mia", change.change_id, "0" * 64, now_ms=3)
    approve(engine, "mia", change)
    with pytest.raises(ConflictError, match="already"):
        approve(engine, "mia", change)
    with write_transaction(engine) as connection, pytest.raises(ConflictError, match="not a"):
        changes.approve_change(
            connection, CATALOGUE, "mia", change.change_id, change.payload_sha256, now_ms=3
        )
    assert in_force(engine) == ""


def test_a_rejected_or_withdrawn_change_stays_so(engine: sa.Engine) -> None:
    first, second = proposed(engine), proposed(engine)
    with write_transaction(engine) as connection:
        changes.reject_change(
            connection, MODEL, "mia", first.change_id, first.payload_sha256, "Worse.", now_ms=3
        )
        changes.withdraw_change(connection, "max", second.change_id, now_ms=3)
    for change in (first, second):
        with pytest.raises(ConflictError, match="not open"):
            approve(engine, "mia", change)


def test_some_kinds_always_need_a_second_person(engine: sa.Engine) -> None:
    with pytest.raises(InputError, match="needs 1"):
        proposed(engine, kind=PROMOTION_POLICY, needed=0)


def test_a_change_by_nobody_known_needs_two_people(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert changes.approvals_needed_of(connection, Internal.SHELL, 1) == 2
        assert changes.approvals_needed_of(connection, "max", 1) == 1
        assert changes.approvals_needed_of(connection, Internal.SHELL, 0) == 0
    with pytest.raises(sa.exc.DBAPIError, match="more approvals"):
        proposed(engine, Internal.SHELL)


NEW = (
    "INTO governed_changes (change_id, kind, subject, payload, payload_sha256, state, author, why, "
    "needed, created_ms, changed_ms) VALUES "
)
DECIDE = "INTO governed_decisions (change_id, who, verdict, comment, at_ms) VALUES "
ATTACKS = {
    "approved without approvals": "UPDATE governed_changes SET state = 'approved'",
    "needs none": "UPDATE governed_changes SET needed = 0",
    "another payload": "UPDATE governed_changes SET payload = '{}'",
    "another author": "UPDATE governed_changes SET author = 'root'",
    "another number": "UPDATE governed_changes SET change_id = 9",
    "both at once": "UPDATE governed_changes SET needed = 0, state = 'approved'",
    "deleted": "DELETE FROM governed_changes",
    "born approved": f"INSERT {NEW} (7, 'model', 's', '{{}}', 'x', "
    "'approved', 'max', 'w', 0, 1, 1)",
    "a policy that needs nobody": f"INSERT {NEW} (7, 'promotion policy', 's', '{{}}', 'x', "
    "'waiting', 'max', 'w', 0, 1, 1)",
    "an unknown kind": f"INSERT {NEW} (7, 'free', 's', '{{}}', 'x', "
    "'waiting', 'max', 'w', 0, 1, 1)",
    "by its author": f"INSERT {DECIDE} (1, 'max', 'approve', '', 1)",
    "by an analyst": f"INSERT {DECIDE} (1, 'ana', 'approve', '', 1)",
    "by a viewer": f"INSERT {DECIDE} (1, 'vera', 'approve', '', 1)",
    "by an administrator": f"INSERT {DECIDE} (1, 'root', 'approve', '', 1)",
    "by a ghost": f"INSERT {DECIDE} (1, 'ghost', 'approve', '', 1)",
    "with another word": f"INSERT {DECIDE} (1, 'mia', 'yes', '', 1)",
    "on nothing": f"INSERT {DECIDE} (5, 'mia', 'approve', '', 1)",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_plain_sql_puts_nothing_in_force(engine: sa.Engine, attack: str) -> None:
    proposed(engine)
    with pytest.raises(sa.exc.DBAPIError), write_transaction(engine) as connection:
        connection.execute(sa.text(ATTACKS[attack]))
    assert in_force(engine) == ""


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT OR REPLACE {NEW} (1, 'model', 'classifier', '{{}}', 'x', 'waiting', 'ana', 'w', "
        "0, 1, 1)",
        f"INSERT OR REPLACE {DECIDE} (1, 'mia', 'approve', 'forged', 1)",
    ],
)
def test_replace_rewrites_nothing(tmp_path: Path, statement: str) -> None:
    engine = open_database("", tmp_path)
    add_people(engine)
    change = proposed(engine, needed=2)
    approve(engine, "mia", change)
    with pytest.raises(sa.exc.DBAPIError), write_transaction(engine) as connection:
        connection.execute(sa.text(statement))
    with engine.connect() as connection:
        assert changes.find_change(connection, 1) == change
    engine.dispose()


def test_a_switched_off_account_decides_nothing(engine: sa.Engine) -> None:
    change = proposed(engine)
    with write_transaction(engine) as connection:
        connection.execute(sa.text("UPDATE people SET is_active = (1 = 0) WHERE login = 'mia'"))
    with pytest.raises(NotAllowedError):
        approve(engine, "mia", change)
    with pytest.raises(sa.exc.DBAPIError), write_transaction(engine) as connection:
        connection.execute(sa.text(f"INSERT {DECIDE} (1, 'mia', 'approve', '', 1)"))
