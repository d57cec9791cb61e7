"""Catalogue: which base prices are in force, and which changes wait for a second person.

The pricing service serves the approved version alone. A load changes it within bounds; what is
beyond them is held at the price approved last, until a second person approves the jump.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from phantom_core.accounts.actors import current_acting
from phantom_core.accounts.people import has_accounts
from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import governed_changes as changes
from phantom_core.approvals.base_prices import (
    DAY_MS,
    MONTH_MS,
    HeldPrice,
    Prices,
    hold_prices,
)
from phantom_core.approvals.catalogue_store import (
    CatalogueHead,
    CatalogueStore,
    SignedHead,
    base_prices,
    parse_head,
    priced_products,
    sign_head,
)
from phantom_core.approvals.governed_changes import GovernedChange
from phantom_core.approvals.governed_kinds import CATALOGUE
from phantom_core.approvals.limits import read_load_limits, read_price_limits, seeded_database
from phantom_core.core.errors import ConflictError, DataError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.events import schema
from phantom_core.signing.keys import signing_key
from phantom_core.use_cases.audit.verify_audit import require_intact_audit
from phantom_core.use_cases.data.catalogue_source import is_lake_source, read_source, source_mark

VERSIONS: Final = "catalogue"
JUMPS: Final = "base prices"
_REMEMBERED_REJECTIONS: Final = 50
_SHOWN: Final = 1_000


@dataclass(frozen=True, slots=True)
class WaitingPrices:
    """Changes of base prices that one person proposed.

    Attributes:
        change_id: number of the governed change.
        payload_sha256: of what is decided on.
        author: login; a part of PHANTOM where the source changed by itself.
        needed: approvals by others.
        approvals: logins of those who approved.
        created_ms: UTC milliseconds.
        products: count.
        prices: the first of them, by product.
    """

    change_id: int
    payload_sha256: str
    author: str
    needed: int
    approvals: tuple[str, ...]
    created_ms: int
    products: int
    prices: tuple[HeldPrice, ...]


@dataclass(frozen=True, slots=True)
class CatalogueStatus:
    """The catalogue in force, and what waits.

    Attributes:
        head: of the version in force; None before the first.
        waiting: changes that wait, newest first.
        source: where products come from: the lake, a file or a database.
    """

    head: CatalogueHead | None
    waiting: tuple[WaitingPrices, ...]
    source: str

    def to_json(self) -> dict[str, object]:
        """The status as one JSON object."""
        return {
            "source": self.source,
            "in_force": asdict(self.head) if self.head else None,
            "waiting": [
                {**asdict(one), "prices": [asdict(price) for price in one.prices]}
                for one in self.waiting
            ],
        }


@dataclass(frozen=True, slots=True)
class CatalogueOutcome:
    """What a load of the catalogue changed.

    Attributes:
        number: of the version in force afterwards; 0 without one.
        changed: base prices that changed, count.
        waiting: changes that wait for a second person, count.
        change_ids: the governed changes they wait in.
    """

    number: int = 0
    changed: int = 0
    waiting: int = 0
    change_ids: tuple[int, ...] = field(default=())


@requires(Permission.WORK)
def submit_catalogue(settings: Settings, *, now_ms: int) -> CatalogueOutcome:
    """Bring the approved catalogue up to date with its source, in the name of whoever acts.

    Args:
        settings: source, workspace, database, keys.
        now_ms: UTC milliseconds.
    Raises:
        NotAllowedError: not by this account.
        InputError, UnavailableError: the source cannot be read.
    """
    who = str(current_acting().actor)
    with write_transaction(_control(settings)) as connection:
        wanted = priced_products(read_source(settings))
        state = _read_state(connection, settings)
        if state.head is None and not wanted.num_rows:
            return CatalogueOutcome()
        held = (
            ()
            if state.head is None
            else hold_prices(
                base_prices(state.products),
                base_prices(wanted),
                _prices_before(connection, settings, state, now_ms - DAY_MS),
                read_load_limits(settings, connection, who, now_ms=now_ms),
                _prices_before(connection, settings, state, now_ms - MONTH_MS),
            )
        )
        waiting = _propose_jumps(connection, settings, who, held, now_ms)
        products = within_bounds(state.products, wanted, held)
        if not _is_news(state, products, len(held)):
            return CatalogueOutcome(state.newest, 0, len(held), waiting)
        signed = _put_in_force(
            connection,
            settings,
            who,
            state,
            products,
            held=len(held),
            why=f"{'Loaded' if state.head else 'First version,'} from {describe_source(settings)}.",
            now_ms=now_ms,
        )
    _store(settings).write_head(signed)
    return CatalogueOutcome(signed.head.number, signed.head.changed, len(held), waiting)


@requires(Permission.APPROVE)
def approve_prices(
    settings: Settings,
    who: str,
    change_id: int,
    payload_sha256: str,
    comment: str = "",
    *,
    now_ms: int,
) -> GovernedChange:
    """Approve changes of base prices; with enough approvals they are in force.

    Args:
        settings: workspace, database, keys.
        who: login of an account that may approve.
        change_id: number of the change.
        payload_sha256: of what the account has seen.
        comment: stored with the decision.
        now_ms: UTC milliseconds.
    Raises:
        NotAllowedError: by the author, or not by this account.
        ConflictError: the change is not open, or is another one than was seen.
    """
    require_intact_audit(settings)
    signed = None
    with write_transaction(_control(settings)) as connection:
        change = changes.approve_change(
            connection, CATALOGUE, who, change_id, payload_sha256, comment, now_ms=now_ms
        )
        if change.state == "approved":
            signed = _apply_jumps(connection, settings, who, change, now_ms)
    if signed is not None:
        _store(settings).write_head(signed)
    return change


@requires(Permission.APPROVE)
def reject_prices(
    settings: Settings,
    who: str,
    change_id: int,
    payload_sha256: str,
    comment: str,
    *,
    now_ms: int,
) -> GovernedChange:
    """Reject changes of base prices: products keep the price approved last.

    Raises:
        InputError: without a reason.
        NotAllowedError, ConflictError: as for an approval.
    """
    with write_transaction(_control(settings)) as connection:
        return changes.reject_change(
            connection, CATALOGUE, who, change_id, payload_sha256, comment, now_ms=now_ms
        )


@requires(Permission.READ)
def catalogue_status(settings: Settings) -> CatalogueStatus:
    """The catalogue in force, and the changes that wait for a second person."""
    with _control(settings).connect() as connection:
        in_force = changes.change_in_force(connection, CATALOGUE, VERSIONS)
        waiting = changes.waiting_changes(connection, CATALOGUE, JUMPS)
        shown = tuple(_waiting(connection, settings, change) for change in waiting)
    head = parse_head(in_force.payload).head if in_force else None
    return CatalogueStatus(head, shown, describe_source(settings))


@requires(Permission.WORK)
def follow_source(settings: Settings, *, now_ms: int, seen: object = None) -> object:
    """Submit a file or database that changed, and restore the head that pricing services follow.

    Args:
        settings: source, workspace, database, keys.
        now_ms: UTC milliseconds.
        seen: what the last call returned; None the first time.
    Returns:
        What identifies the source as it was seen.
    """
    restore_head(settings)
    if is_lake_source(settings):
        return None
    # A database has no version of its table, so it is read again every minute.
    mark = source_mark(settings) or now_ms // 60_000
    if mark != seen:
        submit_catalogue(settings, now_ms=now_ms)
    return mark


@requires(Permission.WORK)
def restore_head(settings: Settings) -> bool:
    """Write the head that is in force where the file is missing or another one.

    Returns:
        Whether it was written.
    """
    with _control(settings).connect() as connection:
        in_force = changes.change_in_force(connection, CATALOGUE, VERSIONS)
    if in_force is None:
        return False
    expected, store = parse_head(in_force.payload), _store(settings)
    try:
        if store.read_head() == expected:
            return False
    except DataError:
        pass
    store.write_head(expected)
    return True


@requires(Permission.WORK)
def forget_catalogue(settings: Settings, why: str, *, now_ms: int) -> bool:
    """End the version in force and what waits, while the installation has no accounts.

    With accounts, removed products wait for a second person as any other jump.

    Returns:
        Whether there was anything to end.
    """
    with write_transaction(_control(settings)) as connection:
        if has_accounts(connection):
            return False
        in_force = changes.change_in_force(connection, CATALOGUE, VERSIONS)
        ended = changes.waiting_changes(connection, CATALOGUE, JUMPS)
        ended += [in_force] if in_force else []
        for change in ended:
            changes.supersede_change(connection, change, why, now_ms=now_ms)
    _store(settings).remove_head()
    return bool(ended)


@requires(Permission.READ)
def approved_jumps(settings: Settings, *, after: int) -> set[tuple[str, float | None]]:
    """Jumps that people approved for later versions: product, and its price; None for removed.

    Args:
        settings: workspace and database.
        after: number of a version.
    Raises:
        UnavailableError: the database does not answer.
    """
    found: set[tuple[str, float | None]] = set()
    with _control(settings).connect() as connection:
        for version in changes.list_changes(connection, CATALOGUE, VERSIONS):
            head = parse_head(version.payload).head
            if head.number <= after:
                break
            if head.jump:
                change = changes.find_change(connection, head.jump)
                if change.state in ("approved", "superseded") and _is_approved(connection, change):
                    held = _held_in(_store(settings), change)
                    found |= {(one.product_id, one.wanted) for one in held}
    return found


@requires(Permission.READ)
def describe_source(settings: Settings) -> str:
    """Where products come from, without passwords."""
    where = settings.pricing.catalogue
    return where.rsplit("@", maxsplit=1)[-1] if where else "the lake"


def _is_approved(connection: sa.Connection, change: GovernedChange) -> bool:
    """Whether as many others approved it as it needs."""
    decisions = changes.decisions_on(connection, change.change_id)
    return change.needed <= sum(one.verdict == "approve" for one in decisions)


@dataclass(frozen=True, slots=True)
class _State:
    """The version in force, and the number of the newest one ever."""

    head: CatalogueHead | None
    products: pa.Table
    newest: int


def _control(settings: Settings) -> sa.Engine:
    return seeded_database(settings)


def _store(settings: Settings) -> CatalogueStore:
    return CatalogueStore(settings.paths.approved_catalogue)


def _read_state(connection: sa.Connection, settings: Settings) -> _State:
    """The version in force; with accounts, at least the last one that ever was."""
    found = changes.list_changes(connection, CATALOGUE, VERSIONS, newest=1)
    if not found:
        return _State(None, schema.CATALOGUE.empty_table(), 0)
    head = parse_head(found[0].payload).head
    if found[0].state != "approved" and not has_accounts(connection):
        return _State(None, schema.CATALOGUE.empty_table(), head.number)
    return _State(head, _store(settings).read(head.sha256), head.number)


def _put_in_force(
    connection: sa.Connection,
    settings: Settings,
    who: str,
    state: _State,
    products: pa.Table,
    *,
    held: int,
    why: str,
    now_ms: int,
    jump: int = 0,
) -> SignedHead:
    before, after = base_prices(state.products), base_prices(products)
    head = CatalogueHead(
        number=state.newest + 1,
        sha256=_store(settings).save(products),
        previous=state.head.sha256 if state.head else "",
        products=len(after),
        changed=sum(before.get(name) != after.get(name) for name in before.keys() | after.keys()),
        held=held,
        jump=jump,
        at_ms=now_ms,
    )
    signed = sign_head(signing_key(settings), head)
    changes.propose_change(
        connection, CATALOGUE, who, VERSIONS, signed.payload(), why=why, needed=0, now_ms=now_ms
    )
    return signed


def _propose_jumps(
    connection: sa.Connection,
    settings: Settings,
    who: str,
    held: Iterable[HeldPrice],
    now_ms: int,
) -> tuple[int, ...]:
    """Propose what is held and neither waits nor was rejected; returns all waiting changes.

    A waiting change keeps its author; one whose occasion is gone is closed.
    """
    store, left = _store(settings), {one.product_id: one for one in held}
    waiting = []
    for change in changes.waiting_changes(connection, CATALOGUE, JUMPS):
        same = [one for one in _held_in(store, change) if _is_same(left.get(one.product_id), one)]
        if same:
            waiting.append(change.change_id)
        else:
            changes.supersede_change(
                connection, change, "The catalogue asks for other prices.", now_ms=now_ms
            )
        left = {name: one for name, one in left.items() if not _is_in(one, same)}
    for change in changes.list_changes(
        connection, CATALOGUE, JUMPS, state="rejected", newest=_REMEMBERED_REJECTIONS
    ):
        rejected = _held_in(store, change)
        left = {name: one for name, one in left.items() if not _is_in(one, rejected)}
    if left:
        limits = read_price_limits(settings, connection)
        change = changes.propose_change(
            connection,
            CATALOGUE,
            who,
            JUMPS,
            _described(store, tuple(left.values())),
            why=f"Loaded from {describe_source(settings)}.",
            needed=changes.approvals_needed_of(connection, who, limits.approvals_needed),
            now_ms=now_ms,
        )
        waiting.append(change.change_id)
    return tuple(sorted(waiting))


def _described(store: CatalogueStore, held: tuple[HeldPrice, ...]) -> dict[str, object]:
    return {
        "held": store.save_held(held),
        "products": len(held),
        "examples": [one.sentence for one in held[:10]],
    }


def _held_in(store: CatalogueStore, change: GovernedChange) -> tuple[HeldPrice, ...]:
    return store.read_held(str(change.content()["held"]))


def _is_same(one: HeldPrice | None, other: HeldPrice) -> bool:
    return one is not None and (one.approved, one.wanted) == (other.approved, other.wanted)


def _is_in(one: HeldPrice, others: Iterable[HeldPrice]) -> bool:
    return any(other.product_id == one.product_id and _is_same(one, other) for other in others)


def _apply_jumps(
    connection: sa.Connection, settings: Settings, who: str, change: GovernedChange, now_ms: int
) -> SignedHead:
    """Put approved jumps in force, as far as the catalogue still asks for them.

    Raises:
        ConflictError: it asks for none of them any more.
    """
    state = _read_state(connection, settings)
    wanted = _rows(priced_products(read_source(settings)))
    products = _rows(state.products)
    applied = 0
    for one in _held_in(_store(settings), change):
        if (_price(products, one.product_id), _price(wanted, one.product_id)) != (
            one.approved,
            one.wanted,
        ):
            continue
        applied += 1
        if one.wanted is None:
            del products[one.product_id]
        else:
            products[one.product_id] = wanted[one.product_id]
    if not applied:
        raise ConflictError(
            f"The catalogue asks for none of the prices of change {change.change_id} any more.",
            hint="Reject it, and look at what waits now.",
        )
    return _put_in_force(
        connection,
        settings,
        who,
        state,
        _table(products),
        held=max(state.head.held - applied, 0) if state.head else 0,
        why=f"Jumps of change {change.change_id} were approved.",
        now_ms=now_ms,
        jump=change.change_id,
    )


@needs_no_permission
def within_bounds(approved: pa.Table, wanted: pa.Table, held: tuple[HeldPrice, ...]) -> pa.Table:
    """The wanted products, with held prices as they were approved.

    Args:
        approved: products in force.
        wanted: products of the source.
        held: changes that wait.
    """
    before, products = _rows(approved), _rows(wanted)
    for one in held:
        if one.approved is None:
            del products[one.product_id]
        elif one.wanted is None:
            products[one.product_id] = before[one.product_id]
        else:
            products[one.product_id]["base_price"] = one.approved
    return _table(products)


def _is_news(state: _State, products: pa.Table, held: int) -> bool:
    """Whether the version differs from the one in force."""
    return (
        state.head is None
        or held != state.head.held
        or not products.sort_by("product_id").equals(state.products)
    )


def _prices_before(
    connection: sa.Connection, settings: Settings, state: _State, start_ms: int
) -> Prices:
    """Prices in force at a time, and those that a second person approved since."""
    store = _store(settings)
    since = changes.list_changes(connection, CATALOGUE, VERSIONS, after_ms=start_ms)[::-1]
    earlier = changes.change_in_force_at(connection, CATALOGUE, VERSIONS, start_ms)
    versions = [parse_head(one.payload).head for one in (*((earlier,) if earlier else ()), *since)]
    found: dict[str, float] = {}
    current = base_prices(state.products)
    for position, head in enumerate(versions):
        if position == 0 or head.jump or current.keys() - found.keys():
            for product, price in base_prices(store.read(head.sha256)).items():
                found.setdefault(product, price)
        if head.jump:
            jumps = _held_in(store, changes.find_change(connection, head.jump))
            found |= {one.product_id: one.wanted for one in jumps if one.wanted is not None}
    return found


def _waiting(
    connection: sa.Connection, settings: Settings, change: GovernedChange
) -> WaitingPrices:
    held = _held_in(_store(settings), change)
    approvals = tuple(
        one.who
        for one in changes.decisions_on(connection, change.change_id)
        if one.verdict == "approve"
    )
    return WaitingPrices(
        change.change_id,
        change.payload_sha256,
        change.author,
        change.needed,
        approvals,
        change.created_ms,
        len(held),
        held[:_SHOWN],
    )


_Row = dict[str, object]


def _rows(products: pa.Table) -> dict[str, _Row]:
    return {str(row["product_id"]): row for row in products.to_pylist()}


def _table(rows: Mapping[str, _Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows.values()), schema=schema.CATALOGUE)


def _price(rows: Mapping[str, _Row], product_id: str) -> object:
    return rows[product_id]["base_price"] if product_id in rows else None
