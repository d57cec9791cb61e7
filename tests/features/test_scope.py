"""Scopes: nothing after the moment counts, and there may be many moments."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.features import catalogue
from phantom_core.features.aggregate import features_at, features_at_moments
from phantom_core.features.relations import relations
from tests.examples import examples
from tests.features.events import Event, connect, event, features, histories, relation

QUOTED = [
    event(0, "search"),
    event(1_000, "view_item_page", product_id="a", price_seen=10.0),
    event(5_000, "purchase_complete"),
]


def at_moments(events: list[Event], *moments: tuple[int, int, int]) -> dict[int, dict[str, object]]:
    """Features by scope_key; moments are (scope_key, session_key, as_of_ms)."""
    columns = zip(*moments, strict=True)
    scope = pa.table(
        [pa.array(column, pa.int64()) for column in columns],
        names=["scope_key", "session_key", "as_of_ms"],
    )
    with connect(events) as connection:
        return {
            row.pop("scope_key"): row for row in features_at_moments(connection, scope).to_pylist()
        }


@pytest.mark.slow
@pytest.mark.parametrize("name", relations())
@examples(25)
@given(past=histories(), future=histories(min_size=1, min_ms=700_001))
def test_the_future_changes_nothing(name: str, past: list[Event], future: list[Event]) -> None:
    with connect(past) as before, connect(past + future) as after:
        assert relation(after, name, as_of_ms=700_000) == relation(before, name, as_of_ms=700_000)


def test_the_event_of_the_moment_itself_counts() -> None:
    assert [
        features(*QUOTED, as_of_ms=moment)["total_interactions"]
        for moment in (0, 999, 1_000, 9_999)
    ] == [1, 1, 2, 3]


def test_without_a_moment_everything_counts() -> None:
    assert features(*QUOTED) == features(*QUOTED, as_of_ms=2**63 - 1)


def test_sessions_that_begin_later_have_no_row() -> None:
    with connect([event(0), event(9, session_key=2)]) as connection:
        assert features_at(connection, 5)["session_key"].to_pylist() == [1]


def test_one_session_has_several_moments() -> None:
    found = at_moments(
        QUOTED, (70, 1, 0), (80, 1, 4_999), (90, 1, 5_000), (60, 1, -1), (50, 2, 5_000)
    )
    assert list(found) == [70, 80, 90]
    assert [found[key]["item_views"] for key in found] == [0, 1, 1]
    assert [found[key]["conversion_rate"] for key in found] == [None, 0.0, 1.0]
    assert [found[key]["purchased"] for key in found] == [False, False, True]


@examples(25)
@given(events=histories(min_size=1), as_of_ms=st.integers(0, 700_000))
def test_one_moment_per_session_is_one_moment_for_all(events: list[Event], as_of_ms: int) -> None:
    found = at_moments(events, *((10 * key, key, as_of_ms) for key in (-1, 0, 1)))
    with connect(events) as connection:
        expected = features_at(connection, as_of_ms).to_pylist()
    assert found == {10 * row.pop("session_key"): row for row in expected}


def test_a_scope_may_hold_more_columns_in_another_order() -> None:
    scope = pa.table({"as_of_ms": [0], "note": ["x"], "session_key": [1], "scope_key": [5]})
    with connect(QUOTED) as connection:
        assert features_at_moments(connection, scope)["scope_key"].to_pylist() == [5]


def test_columns_are_those_of_the_catalogue() -> None:
    with connect([]) as connection:
        empty = features_at(connection)
    assert (empty.num_rows, empty.column_names) == (
        0,
        ["session_key", *catalogue.feature_names(), "purchased", "total_revenue"],
    )


@examples(25)
@given(events=histories(min_size=1))
def test_values_stay_within_the_catalogue(events: list[Event]) -> None:
    with connect(events) as connection:
        rows = features_at(connection).to_pylist()
    for feature in catalogue.FEATURES:
        values = [row[feature.name] for row in rows]
        assert feature.null_when != "never" or None not in values
        numbers = (
            []
            if feature.unit == "category"
            else [float(value) for value in values if value is not None]
        )
        assert all(feature.low is None or value >= feature.low for value in numbers)
        assert all(feature.high is None or value <= feature.high for value in numbers)
