"""Global prices and session prices move nothing until a second person has approved the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_core.accounts.waiting import WAIT_MS, waits_until
from phantom_core.approvals.governed_changes import GovernedChange
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError
from phantom_core.core.settings import Settings
from phantom_core.database.constraints import drop_constraints
from phantom_core.publishing.figures import Figures, publish_prices, read_prices
from phantom_core.publishing.names import PRICES, STATEMENT
from phantom_core.publishing.statement import (
    APPROVED_PRICES,
    SESSION_PRICES,
    read_statement,
)
from phantom_core.signing.keys import public_keys, signing_key
from phantom_core.use_cases.approvals.approved_overrides import SESSIONS, TABLE
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.live_status import heal_server
from phantom_core.use_cases.approvals.price_overrides import (
    approve_override,
    end_override,
    price_overrides,
    propose_global_prices,
    propose_session_prices,
    reject_override,
)
from phantom_core.use_cases.approvals.watch_server import watch_once
from phantom_core.use_cases.audit.verify_audit import verify_audit
from phantom_core.valkey.server import connect_server
from phantom_core.views.live.price_ways import price_ways
from tests.security.governed import NOW, installation


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    with installation(tmp_path / "shop") as settings:
        yield settings


def table(settings: Settings, who: str = "ana") -> GovernedChange:
    return propose_global_prices(settings, who, {"room": 90.0}, "Summer.", now_ms=NOW)


def approve(settings: Settings, change: GovernedChange, who: str = "max") -> GovernedChange:
    return approve_override(settings, who, change.change_id, change.payload_sha256, now_ms=NOW + 1)


def served(settings: Settings) -> tuple[Figures | None, dict[str, int]]:
    """The table on the server, and what the control side states of overrides."""
    with connect_server(settings) as client:
        keys = public_keys(settings)
        statement = read_statement(client, keys)
        stated = statement.newest if statement else {}
        names = (APPROVED_PRICES, SESSION_PRICES)
        return read_prices(client, keys), {name: stated.get(name, 0) for name in names}


def ways(settings: Settings) -> str:
    return " / ".join(way.name for way in price_ways(settings, now_ms=NOW + 9))


def test_a_table_is_served_once_another_person_approved_it(shop: Settings) -> None:
    change = table(shop, "max")
    watch_once(shop, now_ms=NOW + 1)
    assert served(shop) == (None, {"approved_prices": 0, "session_prices": 0})
    with pytest.raises(NotAllowedError):
        approve(shop, change, "max")
    with pytest.raises(NotAllowedError):
        approve(shop, change, "ana")
    assert approve(shop, change, "mia").state == "approved"
    watch_once(shop, now_ms=NOW + 2)
    found, stated = served(shop)
    assert found is not None
    assert dict(found.values) == {"room": 90.0}
    assert stated["approved_prices"] == found.created_ms
    assert "Global price where no rules apply (change 1)" in ways(shop)
    assert verify_audit(shop).problems == ()


def test_a_table_that_the_key_signed_without_approval_is_removed_and_stated_by_none(
    shop: Settings,
) -> None:
    """An operator's script with the signing key, which no second person has seen."""
    with connect_server(shop) as client:
        publish_prices(client, signing_key(shop), Figures("mine", 9, {"room": 1.0}))
    seen = watch_once(shop, now_ms=NOW + 1)
    assert "the table mine, which was not approved" in " ".join(seen.problems)
    assert served(shop) == (None, {"approved_prices": 0, "session_prices": 0})
    approve(shop, table(shop))
    with connect_server(shop) as client:
        publish_prices(client, signing_key(shop), Figures("mine", 9, {"room": 1.0}))
    watch_once(shop, now_ms=NOW + 3)
    found, _ = served(shop)
    assert found is not None
    assert dict(found.values) == {"room": 90.0}


def test_prices_of_sessions_are_stated_while_they_are_approved(shop: Settings) -> None:
    change = propose_session_prices(shop, "ana", "The shop's own offers.", now_ms=NOW)
    assert "single session" not in ways(shop)
    approve(shop, change)
    watch_once(shop, now_ms=NOW + 2)
    assert served(shop)[1]["session_prices"] == change.change_id
    assert "Signed price of a single session (change 1)" in ways(shop)
    end_override(shop, "max", SESSIONS, "Offers ended.", now_ms=NOW + 3)
    watch_once(shop, now_ms=NOW + 4)
    assert served(shop)[1]["session_prices"] == 0


def test_one_person_ends_a_table_and_it_leaves_the_server(shop: Settings) -> None:
    approve(shop, table(shop))
    with pytest.raises(NotAllowedError):
        end_override(shop, "vera", TABLE, "No.", now_ms=NOW + 2)
    end_override(shop, "max", TABLE, "Too low.", now_ms=NOW + 2)
    watch_once(shop, now_ms=NOW + 3)
    assert served(shop) == (None, {"approved_prices": 0, "session_prices": 0})
    assert price_overrides(shop).table is None


def test_a_table_that_sql_approved_is_neither_published_nor_stated(shop: Settings) -> None:
    watch_once(shop, now_ms=NOW)
    table(shop)
    with control_database(shop).begin() as connection:
        drop_constraints(connection)
        connection.exec_driver_sql("UPDATE governed_changes SET state = 'approved'")
    watch_once(shop, now_ms=NOW + 20_000)
    assert served(shop) == (None, {"approved_prices": 0, "session_prices": 0})
    other = propose_session_prices(shop, "ana", "Offers.", now_ms=NOW)
    with pytest.raises(ConflictError, match="audit chain does not hold"):
        approve(shop, other)


@pytest.mark.parametrize("prices", [{}, {"room": 0.0}, {"room": float("inf")}, {"a b": 1.0}])
def test_a_table_holds_prices(shop: Settings, prices: dict[str, float]) -> None:
    with pytest.raises(InputError):
        propose_global_prices(shop, "ana", prices, "Why.", now_ms=NOW)


def test_a_rejected_table_is_not_served(shop: Settings) -> None:
    change = table(shop)
    reject_override(shop, "max", 1, change.payload_sha256, "Too low.", now_ms=NOW + 1)
    watch_once(shop, now_ms=NOW + 2)
    assert served(shop)[0] is None


def test_new_powers_wait_once_a_price_beside_rules_was_approved(shop: Settings) -> None:
    """The first day, on which one administrator sets up a shop, ends with the first price."""
    with control_database(shop).connect() as connection:
        assert waits_until(connection, NOW, NOW) == 0
    approve(shop, table(shop))
    with control_database(shop).connect() as connection:
        assert waits_until(connection, NOW, NOW) == NOW + WAIT_MS
    end_override(shop, "max", TABLE, "Over.", now_ms=NOW + 2)
    with control_database(shop).connect() as connection:
        assert waits_until(connection, NOW, NOW) == NOW + WAIT_MS


def test_the_end_of_a_table_is_stated_at_once_so_that_an_old_one_put_back_is_not_followed(
    shop: Settings,
) -> None:
    change = approve(shop, table(shop))
    watch_once(shop, now_ms=NOW + 2)
    assert served(shop)[1][APPROVED_PRICES] > 0
    with connect_server(shop) as client:
        before = {name: client.get(name) for name in (PRICES, STATEMENT)}
    end_override(shop, "max", TABLE, "Over.", now_ms=NOW + 3)  # no watcher looks
    assert served(shop)[1][APPROVED_PRICES] == 0
    with connect_server(shop) as client:
        for name, document in before.items():
            client.set(name, document or b"")
    heal_server(shop, "max", why="An old table was put back.", now_ms=NOW + 4)
    figures, stated = served(shop)
    assert (figures, stated[APPROVED_PRICES]) == (None, 0)
    assert change.state == "approved"
