"""The audit chain shows whatever was done to it."""

import pytest
import sqlalchemy as sa

from phantom_core.database import audit
from phantom_core.database.connection import write_transaction


@pytest.fixture
def chain(engine: sa.Engine) -> sa.Engine:
    with write_transaction(engine) as connection:
        for n in range(5):
            audit.append_entry(connection, n, "ana", "tested", f"thing {n}", {"n": n, "text": "ä"})
    return engine


def without_law(engine: sa.Engine, moment: str) -> None:
    """A change that the database's password allows."""
    with engine.begin() as connection:
        on = "" if engine.dialect.name == "sqlite" else " ON audit"
        connection.execute(sa.text(f"DROP TRIGGER audit_no_{moment}{on}"))


def problems(engine: sa.Engine, head: str | None = None) -> str:
    with engine.connect() as connection:
        return " ".join(audit.verify_audit_chain(connection, head).problems)


def test_an_untouched_chain_holds(chain: sa.Engine) -> None:
    with chain.connect() as connection:
        found = audit.verify_audit_chain(connection)
    assert found.holds
    assert found.n_entries == 7  # two sign-ins came before


def test_the_newest_entries_come_in_the_order_in_which_they_were_written(chain: sa.Engine) -> None:
    with chain.connect() as connection:
        everything = audit.list_entries(connection)
        assert [entry.seq for entry in everything] == [1, 2, 3, 4, 5, 6, 7]
        assert audit.list_entries(connection, newest=2) == everything[-2:]
        assert [entry.about for entry in audit.list_entries(connection, "thing 3")] == ["thing 3"]


def test_the_database_refuses_to_change_or_remove_an_entry(chain: sa.Engine) -> None:
    for change in (audit.AUDIT.update().values(who="eve"), audit.AUDIT.delete()):
        with (
            pytest.raises(sa.exc.IntegrityError, match="written once"),
            chain.begin() as connection,
        ):
            connection.execute(change)


def test_a_changed_entry_is_found(chain: sa.Engine) -> None:
    without_law(chain, "update")
    with chain.begin() as connection:
        connection.execute(audit.AUDIT.update().where(audit.AUDIT.c.seq == 4).values(who="eve"))
    assert problems(chain) == "Entry 4 (tested by eve) was changed after it was written."


def test_a_removed_entry_is_found(chain: sa.Engine) -> None:
    without_law(chain, "delete")
    with chain.begin() as connection:
        connection.execute(audit.AUDIT.delete().where(audit.AUDIT.c.seq == 4))
    assert "Entry 4 is missing" in problems(chain)


def test_entries_that_changed_places_are_found(chain: sa.Engine) -> None:
    without_law(chain, "update")
    with chain.begin() as connection:
        for old, new in ((4, 99), (5, 4), (99, 5)):
            connection.execute(audit.AUDIT.update().where(audit.AUDIT.c.seq == old).values(seq=new))
    assert "was changed after it was written" in problems(chain)


def test_a_rewritten_entry_with_a_valid_hash_is_found_by_the_next_one(chain: sa.Engine) -> None:
    without_law(chain, "update")
    with chain.begin() as connection:
        row = (
            connection.execute(audit.AUDIT.select().where(audit.AUDIT.c.seq == 4)).mappings().one()
        )
        forged = audit.AuditEntry(**{**row, "who": "eve"})
        connection.execute(
            audit.AUDIT.update()
            .where(audit.AUDIT.c.seq == 4)
            .values(who="eve", hash=forged.computed_hash())
        )
    assert problems(chain) == "Entry 5 does not follow from entry 4: one of them was replaced."


def test_a_cut_end_is_found_by_the_hash_that_was_published(chain: sa.Engine) -> None:
    with chain.connect() as connection:
        head = audit.verify_audit_chain(connection).head
    assert not problems(chain, head)
    without_law(chain, "delete")
    with chain.begin() as connection:
        connection.execute(audit.AUDIT.delete().where(audit.AUDIT.c.seq >= 6))
    assert not problems(chain)
    assert "its end was removed" in problems(chain, head)
