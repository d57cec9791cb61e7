"""Price overrides: prices that go before or beside rules, each way opened by a second person.

A table of global prices is approved as a whole. Prices of single sessions are set by the shop's own
process within minutes, so what people approve is that they may be set at all; each of them is
signed and stays within the guard rails. Pricing services use neither without the statement of the
control side that names the approval.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from phantom_core.accounts.people import require_permission
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import governed_changes as changes
from phantom_core.approvals.governed_changes import GovernedChange
from phantom_core.approvals.governed_kinds import GLOBAL_PRICES
from phantom_core.approvals.limits import read_price_limits
from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.publishing.figures import publish_prices
from phantom_core.signing.keys import signing_key
from phantom_core.use_cases.approvals.approved_overrides import SESSIONS, TABLE, approved_figures
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.confirm_live import confirm_live
from phantom_core.use_cases.audit.verify_audit import audit_problems, require_intact_audit
from phantom_core.valkey.server import connect_server

SUBJECTS: Final = (TABLE, SESSIONS)
_PRODUCT: Final = re.compile(r"\S{1,128}")


@dataclass(frozen=True, slots=True)
class PriceOverrides:
    """What is approved beside rules, and what waits.

    Attributes:
        table: the global prices in force; None without any.
        sessions: the approval of session prices; None without one.
        waiting: changes that wait for a second person.
    """

    table: GovernedChange | None
    sessions: GovernedChange | None
    waiting: tuple[GovernedChange, ...]


@requires(Permission.WORK)
def propose_global_prices(
    settings: Settings, who: str, prices: Mapping[str, float], why: str, *, now_ms: int
) -> GovernedChange:
    """Propose a table of prices for where no rules apply.

    Args:
        settings: workspace and database.
        who: login of the author.
        prices: by product, currency, above 0.
        why: one sentence.
        now_ms: UTC milliseconds.
    Raises:
        InputError: no price, or one that is not above 0.
        NotAllowedError: not by this account.
    """
    wrong = [name for name, price in prices.items() if not 0 < price < float("inf")]
    wrong += [name for name in prices if not _PRODUCT.fullmatch(name)]
    if wrong or not prices:
        raise InputError(
            f"Product {wrong[0]} has the price {prices[wrong[0]]}." if wrong else "No price given.",
            hint="Give each product a price above 0.",
        )
    return _propose(settings, who, TABLE, {"prices": dict(prices)}, why, now_ms)


@requires(Permission.WORK)
def propose_session_prices(
    settings: Settings, who: str, why: str, *, now_ms: int
) -> GovernedChange:
    """Propose that signed prices of single sessions are served, within the guard rails.

    Raises:
        NotAllowedError: not by this account.
    """
    return _propose(settings, who, SESSIONS, {"allowed": True}, why, now_ms)


@requires(Permission.APPROVE)
def approve_override(
    settings: Settings,
    who: str,
    change_id: int,
    payload_sha256: str,
    comment: str = "",
    *,
    now_ms: int,
) -> GovernedChange:
    """Approve an override; with enough approvals it is in force with the next statement.

    Raises:
        NotAllowedError: by its author, or not by this account.
        ConflictError: it is not open, or another one than was seen.
        UnavailableError: it is approved, and the server does not answer; the watcher publishes it.
    """
    require_intact_audit(settings)
    with write_transaction(control_database(settings)) as connection:
        change = changes.approve_change(
            connection, GLOBAL_PRICES, who, change_id, payload_sha256, comment, now_ms=now_ms
        )
    if change.state == "approved" and change.subject == TABLE:
        publish_overrides(settings)
    return change


@requires(Permission.APPROVE)
def reject_override(
    settings: Settings,
    who: str,
    change_id: int,
    payload_sha256: str,
    comment: str,
    *,
    now_ms: int,
) -> GovernedChange:
    """Reject an override.

    Raises:
        InputError: without a reason.
    """
    with write_transaction(control_database(settings)) as connection:
        return changes.reject_change(
            connection, GLOBAL_PRICES, who, change_id, payload_sha256, comment, now_ms=now_ms
        )


@requires(Permission.KILL)
def end_override(settings: Settings, who: str, subject: str, why: str, *, now_ms: int) -> None:
    """End an override, which takes one person, as it leads back to rules and base prices.

    Args:
        settings: workspace and database.
        who: login of an account that may use the kill switch.
        subject: table or sessions.
        why: one sentence.
        now_ms: UTC milliseconds.
    Raises:
        NotFoundError: it is not in force.
        InputError: without a reason.
        UnavailableError: it is ended, and the server does not answer; the watcher tells services.
    """
    if not why.strip():
        raise InputError("The reason is missing.", hint="State it in a sentence; it is permanent.")
    with write_transaction(control_database(settings)) as connection:
        require_permission(connection, who, Permission.KILL)
        found = changes.change_in_force(connection, GLOBAL_PRICES, subject)
        if found is None:
            raise NotFoundError(f"No override of {subject} is in force.")
        changes.supersede_change(connection, found, f"Ended by {who}: {why.strip()}", now_ms=now_ms)
    # At once: what was signed before could be put back until services know of a newer statement.
    if not audit_problems(settings):
        confirm_live(settings, now_ms=now_ms)


@requires(Permission.READ)
def price_overrides(settings: Settings) -> PriceOverrides:
    """What is approved beside rules, and what waits."""
    with control_database(settings).connect() as connection:
        return PriceOverrides(
            changes.change_in_force(connection, GLOBAL_PRICES, TABLE),
            changes.change_in_force(connection, GLOBAL_PRICES, SESSIONS),
            tuple(changes.waiting_changes(connection, GLOBAL_PRICES)),
        )


@requires(Permission.KILL)
def publish_overrides(settings: Settings) -> None:
    """Publish the approved table, verified first, where there is one.

    Raises:
        ConflictError: the audit chain does not hold.
        UnavailableError: the server does not answer.
    """
    with control_database(settings).connect() as connection:
        table = approved_figures(connection)
    if table is None:
        return
    require_intact_audit(settings)
    with connect_server(settings) as client:
        publish_prices(client, signing_key(settings), table)


def _propose(
    settings: Settings,
    who: str,
    subject: str,
    payload: Mapping[str, object],
    why: str,
    now_ms: int,
) -> GovernedChange:
    with write_transaction(control_database(settings)) as connection:
        wanted = max(1, read_price_limits(settings, connection).approvals_needed)
        return changes.propose_change(
            connection,
            GLOBAL_PRICES,
            who,
            subject,
            payload,
            why=why,
            needed=changes.approvals_needed_of(connection, who, wanted),
            now_ms=now_ms,
        )
