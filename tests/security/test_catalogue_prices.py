"""A base price reaches shoppers within the bounds, or once a second person approved it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from phantom_core.accounts.account_actors import Account
from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.approvals import governed_changes as changes
from phantom_core.approvals.governed_kinds import CATALOGUE
from phantom_core.approvals.limits import set_limits
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError
from phantom_core.core.settings import PricingSettings, Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.lake.lake import open_lake
from phantom_core.services.pricing import catalogue_cache
from phantom_core.services.pricing.catalogue import read_catalogue
from phantom_core.services.pricing.catalogue_cache import CatalogueCache
from phantom_core.use_cases.data.catalogue import (
    CatalogueOutcome,
    approve_prices,
    catalogue_status,
    follow_source,
    reject_prices,
    restore_head,
    submit_catalogue,
)
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.valkey.server import stop_embedded
from tests.databases import database_url
from tests.security.people import add_people, control
from tests.services.conftest import served, wait_until

__all__ = ["database_url"]

SHELL = Internal.SHELL.value
HOUR_MS = 3_600_000
START_MS = 1_772_366_400_000
SHOP = {f"room-{number:03}": 40.0 + number for number in range(40)}


def opened(workspace: Path, database_url: str = "") -> Settings:
    """A shop of 40 rooms whose first catalogue is in force, with accounts of every role."""
    settings = Settings(workspace=workspace, database_url=database_url)
    load(settings, SHOP, at_ms=START_MS)
    add_people(control(settings))
    return settings


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that is copied for each test."""
    workspace = tmp_path_factory.mktemp("opened") / "shop"
    control(opened(workspace)).dispose()
    return workspace


@pytest.fixture
def settings(opened_once: Path, tmp_path: Path) -> Iterator[Settings]:
    """A shop of its own."""
    made = Settings(workspace=shutil.copytree(opened_once, tmp_path / "shop"))
    yield made
    stop_embedded(made)


@pytest.fixture
def on_each_database(database_url: str, tmp_path: Path) -> Settings:
    """The same shop, its control database in SQLite or PostgreSQL."""
    return opened(tmp_path / "shop", database_url)


def load(
    settings: Settings,
    prices: dict[str, float],
    who: str = SHELL,
    at_ms: int = START_MS + 48 * HOUR_MS,
) -> CatalogueOutcome:
    """Load a catalogue as the verb and the page do."""
    path = settings.workspace.parent / "catalogue.csv"
    lines = (f"{product},{price}" for product, price in prices.items())
    path.write_text("\n".join(("product_id,base_price", *lines)) + "\n")
    actor = Internal.SHELL if who == SHELL else Account(who)
    folders = settings.loading.model_copy(update={"server_folders": (str(path.parent),)})
    allowed = settings.model_copy(update={"loading": folders})
    with acting_as(actor, allowed):
        report = ingest_files(allowed, [], now_ms=at_ms, catalogue=str(path))
    assert report.prices is not None
    return report.prices


def prices_of(settings: Settings) -> dict[str, float]:
    """Base prices as a pricing service that starts now serves them."""
    products = read_catalogue(settings).products
    return {name: product.base_price for name, product in products.items()}


def approve(settings: Settings, who: str, change_id: int | None = None) -> None:
    waiting = catalogue_status(settings).waiting
    one = next(one for one in waiting if change_id in (None, one.change_id))
    approve_prices(settings, who, one.change_id, one.payload_sha256, now_ms=START_MS + 49 * HOUR_MS)


def actions(settings: Settings) -> list[tuple[str, str]]:
    with control(settings).connect() as connection:
        return [(one.who, one.action) for one in audit.list_entries(connection)]


def test_an_analyst_alone_cannot_move_a_live_base_price_far(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_cache, "LOOK_EVERY_S", 0.02)
    with served(settings) as shop:

        def price(product: str) -> float:
            found = shop.get(f"/api/hotel/price/{product}").json()
            return float(found["base_price"])

        load(settings, {"room-000": 0.05, "room-018": 99_999.0, "room-007": 50.0}, "ana")
        wait_until(lambda: price("room-007") == 50.0)
        assert price("room-000") == SHOP["room-000"]
        assert price("room-018") == SHOP["room-018"]
        assert shop.get("/health").json()["catalogue_held"] == 2
        assert "phantom_catalogue_held 2.0" in shop.get("/metrics").text
        approve(settings, "max")
        wait_until(lambda: price("room-000") == 0.05)
        assert price("room-018") == 99_999.0
    assert ("ana", "change.in_force") in actions(settings)
    assert ("max", "change.approved") in actions(settings)


def test_daily_work_passes_with_an_audit_entry(settings: Settings) -> None:
    before = len(actions(settings))
    outcome = load(settings, {"room-001": 45.0, "room-002": 40.0}, "ana")
    assert (outcome.changed, outcome.waiting) == (2, 0)
    assert prices_of(settings)["room-001"] == 45.0
    assert actions(settings)[before:] == [("ana", "change.proposed"), ("ana", "change.in_force")]


@pytest.mark.parametrize(
    ("product", "price"),
    [
        ("room-000", 0.05),
        ("room-000", 400.0),
        ("room-000", 31.9),
        ("room-000", 48.1),
        ("room-000", 0.0),
        ("suite", 0.01),
        ("suite", 100_000.0),
    ],
)
def test_jumps_zeroes_and_implausible_products_wait(
    settings: Settings, product: str, price: float
) -> None:
    outcome = load(settings, {product: price}, "ana")
    assert (outcome.changed, outcome.waiting) == (0, 1)
    assert prices_of(settings) == SHOP
    for who in ("ana", "vera", "root", "ghost", SHELL):
        with pytest.raises(NotAllowedError):
            approve(settings, who)
    assert prices_of(settings) == SHOP
    approve(settings, "mia")
    expected = SHOP | {product: price}
    assert prices_of(settings) == {name: value for name, value in expected.items() if value > 0}


def test_a_manager_does_not_approve_their_own_jump_nor_one_that_nobody_signed(
    settings: Settings,
) -> None:
    load(settings, {"room-000": 1.0}, "max")
    with pytest.raises(NotAllowedError, match="own change"):
        approve(settings, "max")
    load(settings, {"room-001": 1.0}, SHELL)
    (from_shell,) = [one for one in catalogue_status(settings).waiting if one.author == SHELL]
    assert from_shell.needed == 2
    approve(settings, "max", from_shell.change_id)
    assert prices_of(settings) == SHOP
    approve(settings, "mia", from_shell.change_id)
    assert prices_of(settings) == SHOP | {"room-001": 1.0}


def test_loading_again_makes_nobody_else_the_author(settings: Settings) -> None:
    load(settings, {"room-000": 1.0}, "max")
    load(settings, {"room-000": 1.0, "room-001": 41.5}, "ana")
    (waiting,) = catalogue_status(settings).waiting
    assert waiting.author == "max"
    with pytest.raises(NotAllowedError, match="own change"):
        approve(settings, "max")


def test_many_small_loads_within_a_day_add_up(settings: Settings) -> None:
    at_ms, price = START_MS + 48 * HOUR_MS, SHOP["room-000"]
    for hour in range(12):
        price *= 0.82
        load(settings, {"room-000": price}, "ana", at_ms + hour * HOUR_MS)
    assert prices_of(settings)["room-000"] >= SHOP["room-000"] * 0.7
    assert catalogue_status(settings).waiting
    days, price = START_MS + 96 * HOUR_MS, prices_of(settings)["room-000"]
    load(settings, {"room-000": price * 0.9}, "ana", days)
    assert prices_of(settings)["room-000"] == pytest.approx(price * 0.9)


def test_many_loads_over_days_add_up(settings: Settings) -> None:
    """Each load is within the step and the day, and the price would slide to nothing."""
    price = SHOP["room-005"]
    for day in range(2, 7):
        price = round(price * 0.85, 2)
        load(settings, {"room-005": price}, "ana", START_MS + day * 24 * HOUR_MS)
    lowest = SHOP["room-005"] * 0.5
    assert lowest <= prices_of(settings)["room-005"] < SHOP["room-005"] * 0.6
    (waiting,) = catalogue_status(settings).waiting
    assert "more than may change within 30 days" in waiting.prices[0].sentence
    approve(settings, "max")
    assert prices_of(settings)["room-005"] == price


def test_all_prices_together_do_not_slide_over_days(settings: Settings) -> None:
    for day in range(2, 6):
        slid = {name: round(price * 0.96 ** (day - 1), 2) for name, price in SHOP.items()}
        load(settings, slid, "ana", START_MS + day * 24 * HOUR_MS)
    mean = sum(prices_of(settings)[name] / SHOP[name] for name in SHOP) / len(SHOP)
    assert 0.85 <= mean < 0.9
    found = catalogue_status(settings).waiting[0].prices[0].sentence
    assert "all base prices together change more than they may within 30 days" in found


def test_the_window_rolls(settings: Settings) -> None:
    """Seasonal prices move again once the month before has passed."""
    load(settings, {"room-005": 38.0}, "ana", START_MS + 48 * HOUR_MS)
    load(settings, {"room-005": 32.0}, "ana", START_MS + 96 * HOUR_MS)
    load(settings, {"room-005": 26.0}, "ana", START_MS + 144 * HOUR_MS)
    later = load(settings, {"room-005": 22.0}, "ana", START_MS + 192 * HOUR_MS)
    assert later.waiting == 1
    load(settings, {"room-005": 22.0}, "ana", START_MS + 40 * 24 * HOUR_MS)
    assert prices_of(settings)["room-005"] == 22.0


def test_all_prices_together_do_not_slide(settings: Settings) -> None:
    outcome = load(settings, {name: price * 0.85 for name, price in SHOP.items()}, "ana")
    assert outcome.waiting == len(SHOP)
    assert prices_of(settings) == SHOP
    slightly = {name: price * 1.02 for name, price in SHOP.items()}
    assert load(settings, slightly, "ana").waiting == 0
    assert prices_of(settings) == slightly


def test_a_rejected_jump_stays_held_and_is_not_proposed_again(settings: Settings) -> None:
    load(settings, {"room-000": 1.0}, "ana")
    (waiting,) = catalogue_status(settings).waiting
    with pytest.raises(InputError, match="reason"):
        reject_prices(
            settings, "max", waiting.change_id, waiting.payload_sha256, " ", now_ms=START_MS
        )
    reject_prices(
        settings, "max", waiting.change_id, waiting.payload_sha256, "A typo.", now_ms=START_MS
    )
    assert load(settings, {"room-001": 41.2}, "ana").change_ids == ()
    assert prices_of(settings)["room-000"] == SHOP["room-000"]
    assert catalogue_status(settings).waiting == ()
    assert load(settings, {"room-000": 2.0}, "ana").change_ids


def test_an_approval_is_worth_nothing_once_the_catalogue_asks_for_another_price(
    settings: Settings,
) -> None:
    load(settings, {"room-000": 1.0}, "ana")
    (seen,) = catalogue_status(settings).waiting
    load(settings, {"room-000": 0.01}, "ana")
    with pytest.raises(ConflictError):
        approve_prices(settings, "max", seen.change_id, seen.payload_sha256, now_ms=START_MS)
    assert prices_of(settings) == SHOP


def test_an_administrator_bounds_what_passes(settings: Settings) -> None:
    set_limits(control(settings), "root", {"base_price_step": 0.01}, settings, now_ms=START_MS)
    assert load(settings, {"room-000": 41.0}, "ana").waiting == 1
    with pytest.raises(NotAllowedError):
        set_limits(control(settings), "ana", {"base_price_step": 0.9}, settings, now_ms=START_MS)


LOOSE = {"base_price_step": 0.9, "base_price_day_step": 0.95, "base_price_level": 0.9}


def test_an_administrator_who_loosens_a_bound_does_not_load_within_it(settings: Settings) -> None:
    at_ms = START_MS + 48 * HOUR_MS
    set_limits(control(settings), "root", LOOSE, settings, now_ms=START_MS)
    outcome = load(settings, {"room-000": SHOP["room-000"] * 0.5}, "root", at_ms)
    assert (outcome.waiting, prices_of(settings)) == (1, SHOP)
    tighter = {"base_price_step": 0.8}
    set_limits(control(settings), "root", tighter, settings, now_ms=at_ms + 1)
    load(settings, {"room-001": SHOP["room-001"] * 0.5}, "root", at_ms + 2)
    assert prices_of(settings) == SHOP
    load(settings, {"room-001": SHOP["room-001"] * 0.5}, "ana", at_ms + 3)
    assert prices_of(settings)["room-001"] == SHOP["room-001"] * 0.5


def test_the_machine_follows_a_loosened_bound_after_a_day(settings: Settings) -> None:
    half = {"room-000": SHOP["room-000"] * 0.5}
    set_limits(control(settings), "root", LOOSE, settings, now_ms=START_MS)
    with control(settings).connect() as connection:
        at_ms = audit.list_entries(connection, newest=1)[0].at_ms
    assert load(settings, half, SHELL, at_ms + 23 * HOUR_MS).waiting == 1
    assert prices_of(settings) == SHOP
    assert load(settings, half, SHELL, at_ms + 25 * HOUR_MS).waiting == 0
    assert prices_of(settings)["room-000"] == half["room-000"]


def test_rows_written_into_the_lake_reach_no_price(settings: Settings) -> None:
    lake = open_lake(settings)
    with lake.lock:
        row = {"product_id": "room-000", "base_price": 0.05}
        rows = pa.Table.from_pylist([row], schema=pq.read_schema(lake.files("catalogue")[0]))
        lake.upsert("catalogue", rows, "product_id")
    assert prices_of(settings) == SHOP


def test_a_forged_version_is_not_served(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_cache, "LOOK_EVERY_S", 0.02)
    folder = settings.paths.approved_catalogue
    head, cache = folder / "approved.json", CatalogueCache(settings)
    true_head = head.read_bytes()
    document = json.loads(true_head)
    (forged,) = folder.glob(f"{document['head']['sha256']}.parquet")
    table = pq.read_table(forged)
    cheap = table.set_column(1, "base_price", pa.array([0.05] * table.num_rows))
    try:
        pq.write_table(cheap, forged)
        head.write_bytes(true_head)
        wait_until(lambda: "SHA-256" in cache.problem)
        pq.write_table(table, forged, compression="zstd")
        document["head"]["number"] += 1
        head.write_text(json.dumps(document))
        wait_until(lambda: "not signed" in cache.problem)
        assert cache.find("room-000").base_price == SHOP["room-000"]
        assert restore_head(settings)
        wait_until(lambda: not cache.problem)
    finally:
        cache.stop()


def test_an_earlier_version_does_not_come_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_cache, "LOOK_EVERY_S", 0.02)
    head = settings.paths.approved_catalogue / "approved.json"
    earlier = head.read_bytes()
    load(settings, {"room-000": 44.0}, "ana")
    cache = CatalogueCache(settings)
    try:
        head.write_bytes(earlier)
        wait_until(lambda: "went back" in cache.problem)
        assert cache.find("room-000").base_price == 44.0
    finally:
        cache.stop()


def test_a_signed_jump_without_approval_is_refused_by_the_pricing_service(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An intruder with the key and the database puts a jump in force without a second person."""
    monkeypatch.setattr(catalogue_cache, "LOOK_EVERY_S", 0.02)
    cache = CatalogueCache(settings)
    monkeypatch.setattr("phantom_core.use_cases.data.catalogue.hold_prices", lambda *_: ())
    load(settings, {"room-000": 1.0}, "ana")
    monkeypatch.undo()
    try:
        wait_until(lambda: "without approval" in cache.problem)
        assert cache.find("room-000").base_price == SHOP["room-000"]
    finally:
        cache.stop()


def test_plain_sql_approves_no_jump(on_each_database: Settings) -> None:
    settings = on_each_database
    load(settings, {"room-000": 1.0}, "ana")
    (waiting,) = catalogue_status(settings).waiting
    for statement in (
        "UPDATE governed_changes SET state = 'approved' WHERE kind = 'catalogue' "
        "AND state = 'waiting'",
        "INSERT INTO governed_decisions (change_id, who, verdict, comment, at_ms) VALUES "
        f"({waiting.change_id}, 'ana', 'approve', '', 1)",
    ):
        with pytest.raises(sa.exc.DBAPIError), write_transaction(control(settings)) as connection:
            connection.execute(sa.text(statement))


@pytest.fixture
def file_shop(tmp_path: Path) -> Iterator[tuple[Settings, Path]]:
    """A shop whose catalogue is a file that anything may rewrite."""
    path = tmp_path / "products.json"
    path.write_text(json.dumps([{"product_id": "room", "base_price": 100.0}]))
    made = Settings(workspace=tmp_path / "shop", pricing=PricingSettings(catalogue=str(path)))
    yield made, path
    stop_embedded(made)


def test_a_file_as_catalogue_moves_prices_within_bounds_only(
    file_shop: tuple[Settings, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, path = file_shop
    monkeypatch.setattr(catalogue_cache, "LOOK_EVERY_S", 0.02)
    with served(settings) as shop:

        def health() -> dict[str, object]:
            found: dict[str, object] = shop.get("/health").json()
            return found

        def price() -> float:
            return float(shop.get("/api/hotel/price/room").json()["base_price"])

        path.write_text(json.dumps([{"product_id": "room", "base_price": 110.0}]))
        wait_until(lambda: price() == 110.0)
        path.write_text(json.dumps([{"product_id": "room", "base_price": 0.05}]))
        wait_until(lambda: health()["catalogue_held"] == 1)
        assert price() == 100.0
        assert "room: 100.00 → 0.05" in str(health()["problems"])
        path.write_text(json.dumps([{"product_id": "other", "base_price": 100.0}]))
        wait_until(lambda: "no longer have a price" in str(health()["problems"]))
        assert price() == 100.0


def test_a_changed_file_is_recorded_and_its_jumps_wait(file_shop: tuple[Settings, Path]) -> None:
    settings, path = file_shop
    with acting_as(Internal.WATCHER):
        seen = follow_source(settings, now_ms=START_MS)
    add_people(control(settings))
    path.write_text(json.dumps([{"product_id": "room", "base_price": 5.0}]))
    with acting_as(Internal.WATCHER):
        follow_source(settings, now_ms=START_MS + 1, seen=seen)
    (waiting,) = catalogue_status(settings).waiting
    assert (waiting.author, waiting.needed) == (Internal.WATCHER, 2)
    with control(settings).connect() as connection:
        assert changes.waiting_changes(connection, CATALOGUE)
    assert prices_of(settings) == {"room": 100.0}


def test_nothing_loaded_is_nothing_approved(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    assert submit_catalogue(settings, now_ms=START_MS) == CatalogueOutcome()
    assert prices_of(settings) == {}
