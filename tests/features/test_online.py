"""Online features equal the SQL for every prefix of a session, with late and repeated events."""

import math
import random
from collections.abc import Iterable, Sequence
from itertools import accumulate

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings

from phantom_core.core.errors import DataError
from phantom_core.events import schema
from phantom_core.events.canonical import canonical_mapping
from phantom_core.events.columns import Columns
from phantom_core.events.staging import Staging
from phantom_core.features import catalogue
from phantom_core.features.aggregate import moments_statement
from phantom_core.features.online.session import Event, LiveSession
from phantom_core.features.online.user_agents import UserAgents
from phantom_core.features.relations import AGENT_MEASURES
from phantom_core.shoppers.generate import generate_sessions
from tests.features.events import event, histories

pytestmark = pytest.mark.slow

Row = dict[str, object]
FIELDS = (
    "event_ms",
    "event_seq",
    "event_id",
    "event_name",
    "page",
    "product_id",
    "price_seen",
    "user_agent",
    "store_mode",
)


@pytest.fixture(scope="module")
def user_agents() -> UserAgents:
    return UserAgents()


def live_event(row: Row) -> Event:
    return Event(**{name: row.get(name) for name in FIELDS})  # type: ignore[arg-type]


def prefixes(arrivals: Iterable[Row], user_agents: UserAgents) -> list[dict[str, object]]:
    """Features after each arrival."""
    session, found = LiveSession(), []
    for row in arrivals:
        session.add(live_event(row))
        found.append(session.features(user_agents))
    return found  # type: ignore[return-value]


def sql_prefixes(sessions: Sequence[Sequence[Row]]) -> list[dict[str, object]]:
    """Features of the distinct events of each prefix of each session, by the SQL."""
    rows = [row for arrivals in sessions for row in arrivals]
    names = [name for name in schema.EVENTS.names if name not in ("metadata", "load_seq")]
    arrived = pa.Table.from_pylist(
        [{name: row.get(name) for name in names} for row in rows],
        schema=pa.schema([schema.EVENTS.field(n) for n in names]),
    )
    starts = [0, *accumulate(len(arrivals) for arrivals in sessions)]
    session_of = [i for i, arrivals in enumerate(sessions) for _ in arrivals]
    arrived = arrived.append_column("place", pa.array(range(len(rows)))).append_column(
        "start", pa.array([starts[i] for i in session_of])
    )
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("arrived", arrived)
        connection.execute(
            """
            CREATE TABLE scoped AS
            SELECT DISTINCT ON (p.place, e.event_id)
                p.place AS scope_key, e.* EXCLUDE (place, start)
            FROM arrived AS p JOIN arrived AS e ON e.start = p.start AND e.place <= p.place
            ORDER BY p.place, e.event_id, e.place"""
        )
        statement = moments_statement(scoped_events="SELECT * FROM scoped")
        columns = ", ".join(catalogue.feature_names())
        return (
            connection.sql(f"SELECT {columns} FROM ({statement}) ORDER BY scope_key")
            .to_arrow_table()
            .to_pylist()
        )


def assert_same(found: Sequence[dict[str, object]], expected: Sequence[dict[str, object]]) -> None:
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert list(mine) == list(theirs) == list(catalogue.feature_names())
        for name, value in theirs.items():
            close = (
                isinstance(value, float)
                and isinstance(mine[name], float | int)
                and math.isclose(mine[name], value, rel_tol=1e-9)
            )
            assert mine[name] == value or close, (name, mine[name], value)
            assert (mine[name] is None) == (value is None)


@settings(max_examples=40, deadline=None)
@given(rows=histories(min_size=1), again=histories())
def test_every_prefix_has_the_features_of_the_sql(
    user_agents: UserAgents, rows: list[Row], again: list[Row]
) -> None:
    """Arrivals in any order, many in one millisecond, with NULLs, and some of them twice."""
    sessions: dict[object, list[Row]] = {}
    for row in [*rows, *rows[: len(again)]]:
        sessions.setdefault(row["session_key"], []).append(row)
    found = [
        features for arrivals in sessions.values() for features in prefixes(arrivals, user_agents)
    ]
    assert_same(found, sql_prefixes(list(sessions.values())))


@pytest.fixture(scope="module")
def shoppers(tmp_path_factory: pytest.TempPathFactory) -> list[list[Row]]:
    """Sessions of every family, each in the order (event_ms, event_seq)."""
    generated = generate_sessions(2_100, seed=7).events
    columns = Columns(generated.column_names, is_json=False)
    nothing = pa.nulls(generated.num_rows, pa.string())
    raw = pa.table(
        [pa.array(range(generated.num_rows)), nothing, nothing, nothing, *generated.columns],
        names=["_line", "_problem", "_detail", "_text", *generated.column_names],
    )
    with Staging(
        tmp_path_factory.mktemp("online"),
        canonical_mapping(columns),
        columns,
        now_ms=10**13,
        future_tolerance_s=0,
        max_chars=10**6,
    ) as staging:
        staging.add(raw)
        rows = staging.connection.sql(
            "SELECT *, line AS event_seq FROM staged WHERE reason IS NULL "
            "ORDER BY session_key, event_ms, line"
        ).to_arrow_table()
    sessions: dict[object, list[Row]] = {}
    for row in rows.to_pylist():
        sessions.setdefault(row["session_key"], []).append(row)
    return list(sessions.values())


def test_every_prefix_of_thousands_of_shoppers_has_the_features_of_the_sql(
    shoppers: list[list[Row]], user_agents: UserAgents
) -> None:
    assert len(shoppers) > 2_000
    for at in range(0, len(shoppers), 500):
        part = shoppers[at : at + 500]
        assert_same(
            [features for arrivals in part for features in prefixes(arrivals, user_agents)],
            sql_prefixes(part),
        )


def test_shoppers_whose_events_come_in_any_order_and_again(
    shoppers: list[list[Row]], user_agents: UserAgents
) -> None:
    draw = random.Random(3)
    shuffled = [
        draw.sample(arrivals + arrivals[::5], len(arrivals) + len(arrivals[::5]))
        for arrivals in shoppers[:400]
    ]
    assert_same(
        [features for arrivals in shuffled for features in prefixes(arrivals, user_agents)],
        sql_prefixes(shuffled),
    )


def test_a_known_event_changes_nothing(user_agents: UserAgents) -> None:
    session = LiveSession()
    assert session.add(live_event(event(0)))
    before = session.features(user_agents)
    assert not session.add(live_event(event(0, "purchase_complete")))
    assert session.features(user_agents) == before


def test_the_earliest_event_gives_the_store_mode() -> None:
    session = LiveSession()
    assert session.store_mode is None
    for at, mode in ((5, "shop"), (3, "hotel"), (3, "airline"), (9, "hotel")):
        session.add(live_event(event(at, event_id=hash((at, mode)), store_mode=mode)))
    assert session.store_mode == "airline"


def test_a_session_without_events_has_no_features(user_agents: UserAgents) -> None:
    with pytest.raises(DataError, match="without events"):
        LiveSession().features(user_agents)


def test_user_agents_are_looked_up_in_bulk_and_evicted_in_turn() -> None:
    few = UserAgents(most_known=2)
    few.learn(
        [None, "", "curl/8.4.0", "Mozilla/5.0 HeadlessChrome/131.0", "Mozilla/5.0 Firefox/133.0"]
    )
    words = [measure.word for measure in AGENT_MEASURES]
    kinds = {
        agent: dict(zip(words, few.kind(agent), strict=True))
        for agent in ("curl/8.4.0", "Mozilla/5.0 HeadlessChrome/131.0", "Mozilla/5.0 Firefox/133.0")
    }
    assert [found["headless"] for found in kinds.values()] == [False, True, False]
    assert [found["tool"] for found in kinds.values()] == [True, False, False]
    assert [found["browser"] for found in kinds.values()] == ["Other", "Chrome", "Firefox"]


def test_a_session_of_a_hundred_thousand_events_stays_fast(user_agents: UserAgents) -> None:
    session = LiveSession()
    for i in range(100_000):
        session.add(live_event(event(i * 700, event_id=i, page=f"/{i % 50}")))
    assert session.features(user_agents)["max_velocity_5min"] == 300_000 // 700 + 1
