"""From the lake: quotes and units of purchases, and features just before each quote."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.features.aggregate import features_at_moments
from phantom_core.features.moments import features_at_many_moments
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.replay.period import Period, period_of
from phantom_core.replay.purchases import Purchases, read_purchases, units_by_quote
from phantom_core.replay.quotes import RELATIONS, Quotes, read_quotes
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.markets.calibrate import build_session_index
from tests.views.workspaces import NOON_MS, NOW_MS

Row = dict[str, object]
AGENTS = (
    (None, "curl/8", "Mozilla/5.0 Chrome/120.0 Safari/537.36"),
    ("HeadlessChrome", "curl/8", None),
    (None, None, None),
)


def event(
    session: str, second: float, name: str, product: str | None = None, **metadata: object
) -> Row:
    return {
        "sessionId": session, "storeMode": "hotel", "ts": NOON_MS + round(1_000 * second),
        "page": "/", "eventName": name, "productId": product, "metadata": metadata or None,
    }  # fmt: skip


def quote(
    session: str, second: float, product: str, price: float, base_price: float | None = 100.0
) -> Row:
    return {
        "sessionId": session, "storeMode": "hotel", "ts": NOON_MS + round(1_000 * second),
        "productId": product, "price": price, "base_price": base_price,
    }  # fmt: skip


def load_and_read(
    settings: Settings, events: Sequence[Row], quotes: Sequence[Row], period: Period | None = None
) -> tuple[Quotes, Purchases]:
    """Load rows and read them back."""
    settings.workspace.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, rows in (("events", events), ("quotes", quotes)):
        path = settings.workspace / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        paths += [path] if rows else []
    ingest_files(settings, paths, now_ms=NOW_MS)
    lake = open_lake(settings)
    FeatureStore(lake).refresh()
    index = build_session_index(FeatureStore(lake).matrix(), None)
    with lake.connect(RELATIONS) as connection:
        shown = read_quotes(connection, index, period or Period())
        return shown, read_purchases(connection, index, shown, period or Period())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace")


def test_a_purchase_is_made_at_the_last_quote_before_it(settings: Settings) -> None:
    shown, bought = load_and_read(
        settings,
        [
            event("a", 0, "view_item", "p"),
            event("a", 9, "purchase", "p", total=180, itemCount=2),
            event("a", 20, "view_item", "p"),
        ],
        [
            quote("a", 1, "p", 120),
            quote("a", 5, "p", 90),
            quote("a", 15, "p", 70),
            quote("b", 2, "p", 10),
        ],
    )
    assert shown.price.tolist() == [120, 90, 70]  # session b has no event
    assert (bought.price.tolist(), bought.units.tolist(), bought.base_price.tolist()) == (
        [90.0],
        [2.0],
        [100.0],
    )
    assert units_by_quote(bought, 3).tolist() == [0, 2, 0]


def test_unknown_units_follow_from_what_was_paid(settings: Settings) -> None:
    _, bought = load_and_read(
        settings, [event("a", 9, "purchase", "p", total=270)], [quote("a", 1, "p", 90)]
    )
    assert (bought.units.tolist(), bought.price.tolist()) == ([3.0], [90.0])


def test_a_purchase_that_names_no_product_bought_what_was_in_the_cart(settings: Settings) -> None:
    _, bought = load_and_read(
        settings,
        [
            event("a", 2, "add_to_cart", "p", quantity=2), event("a", 3, "add_to_cart", "q"),
            event("a", 9, "purchase", None, total=230), event("a", 12, "add_to_cart", "r"),
        ],
        [quote("a", 1, "p", 90), quote("a", 1, "q", 50, 40)],
    )  # fmt: skip
    found = dict(
        zip(
            [bought.products[k] for k in bought.product],
            zip(bought.units, bought.price, strict=True),
            strict=True,
        )
    )
    assert found == {"p": (2.0, 90.0), "q": (1.0, 50.0)}


def test_without_a_quote_the_price_is_what_was_paid_and_the_base_price_is_the_clients(
    settings: Settings,
) -> None:
    _, bought = load_and_read(
        settings,
        [
            event("a", 1, "view_item", "p", price=95, base_price=100),
            event("a", 9, "purchase", "p", total=190, quantity=2),
        ],
        [quote("b", 1, "q", 1)],
    )
    assert (bought.price.tolist(), bought.base_price.tolist(), bought.quote.tolist()) == (
        [95.0],
        [100.0],
        [-1],
    )


def test_an_unknown_price_is_undefined(settings: Settings) -> None:
    _, bought = load_and_read(settings, [event("a", 9, "purchase", "p")], [])
    assert np.isnan(bought.price).all() and np.isnan(bought.base_price).all()
    assert not bought.is_priced.any()


def test_the_channel_is_the_host_of_the_first_referrer(settings: Settings) -> None:
    _, bought = load_and_read(
        settings,
        [
            event("a", 0, "page_view", None, referrer="https://www.google.com/search?q=x"),
            event("a", 1, "page_view", None, referrer="direct"),
            event("a", 9, "purchase", "p", total=1), event("b", 9, "purchase", "p", total=1),
        ],
        [],
    )  # fmt: skip
    assert bought.channels == ("google.com",)
    assert sorted(bought.channel.tolist()) == [-1, 0]


def test_a_period_holds_its_first_and_its_last_day_and_nothing_else(settings: Settings) -> None:
    day_s = 86_400.0
    rows = [event("a", k * day_s, "purchase", "p", total=1) for k in (-1, 0)]
    _, bought = load_and_read(settings, rows, [], period_of("2026-03-01", "2026-03-01"))
    assert bought.event_ms.tolist() == [NOON_MS]


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [("x", "", "'x' is no date"), ("2026-02-02", "2026-02-01", "before it begins")],
)
def test_days_that_cannot_be_are_refused(first: str, last: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        period_of(first, last)


def test_a_cart_counts_only_after_the_quote(settings: Settings) -> None:
    shown, _ = load_and_read(
        settings,
        [event("a", 5, "add_to_cart", "p")],
        [quote("a", 1, "p", 90), quote("a", 8, "p", 80), quote("a", 2, "q", 9)],
    )
    assert shown.went_to_cart.tolist() == [True, False, False]


@pytest.mark.slow
def test_many_moments_give_what_the_sql_files_give(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [
        # Some have a late user agent, some two in turn, some none.
        event(f"s{n}", 7 * k + n, name, f"p{k % 3}", price=50 + k)
        | {"userAgent": AGENTS[n % 3][min(k // 3, 2)]}
        for n in range(9)
        for k, name in enumerate(["view_item", "search"] * 6)
    ]
    shown, _ = load_and_read(
        settings,
        events,
        [quote(f"s{n}", second, "p1", 90) for n in range(9) for second in (0, 20, 40, 200)],
    )
    lake = open_lake(settings)
    keys = FeatureStore(lake).matrix()["session_key"].to_numpy()[shown.session]
    scope = pa.table(
        {"scope_key": np.arange(keys.size), "session_key": keys, "as_of_ms": shown.event_ms - 1}
    )
    monkeypatch.setattr("phantom_core.features.moments.MOMENTS_PER_PART", 5)
    many = features_at_many_moments(lake.files("events"), scope).sort_by("scope_key")
    with lake.connect(("events",)) as connection:
        plain = features_at_moments(connection, scope)
    # No session has an event before the first of the four quotes.
    assert many.num_rows == plain.num_rows == 9 * 3
    for name in plain.column_names:
        left, right = many[name].to_pylist(), plain[name].to_pylist()
        assert (
            left == pytest.approx(right, nan_ok=True)
            if not isinstance(right[0], str)
            else left == right
        )
