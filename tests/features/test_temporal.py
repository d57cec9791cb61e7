"""The temporal family, checked by hand."""

import pytest

from tests.features.events import event, features


def test_duration_is_last_minus_first_event() -> None:
    assert features(event(1_000), event(4_500), event(61_000))["session_duration_sec"] == 60.0


def test_interactions_are_all_events_also_clicks() -> None:
    assert (
        features(event(0), event(1, "click"), event(2, "session_start"))["total_interactions"] == 3
    )


def test_average_gap_is_duration_over_gaps() -> None:
    assert features(event(0), event(1_000), event(5_000))["avg_time_between_events"] == 2.5


def test_spread_of_gaps_divides_by_one_less() -> None:
    """Gaps 1 s and 4 s: mean 2.5, squares 2.25 + 2.25, over 1, root of 4.5."""
    assert features(event(0), event(1_000), event(5_000))[
        "std_time_between_events"
    ] == pytest.approx(4.5**0.5)


def test_shortest_gap_may_be_zero() -> None:
    assert features(event(0), event(0, event_id=2), event(5_000))["min_time_between_events"] == 0.0


def test_gaps_follow_time_not_the_order_of_rows() -> None:
    assert features(event(5_000), event(0), event(1_000))["min_time_between_events"] == 1.0


def test_velocity_is_events_per_minute() -> None:
    assert features(event(0), event(10_000), event(30_000))["interaction_velocity"] == 6.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("times_ms", "most"),
    [
        ([0], 1),
        ([0, 300_000], 2),  # the window is closed on both sides
        ([0, 300_001], 1),
        ([0, 200_000, 400_000, 450_000, 900_000], 3),
        ([7, 7, 7], 3),  # one millisecond is one moment
    ],
)
def test_busiest_five_minutes_end_at_an_event(times_ms: list[int], most: int) -> None:
    events = [event(time_ms, event_id=i) for i, time_ms in enumerate(times_ms)]
    assert features(*events)["max_velocity_5min"] == most


@pytest.mark.slow
@pytest.mark.parametrize(
    ("event_ms", "hour"),
    [(0, 0), (3_599_999, 0), (3_600_000, 1), (1_735_689_599_999, 23), (1_735_689_600_000, 0)],
)
def test_start_hour_is_utc(event_ms: int, hour: int) -> None:
    assert features(event(event_ms), event(event_ms + 7_200_000))["session_start_hour"] == hour


def test_one_event_has_no_gaps_and_no_velocity() -> None:
    row = features(event(5_000))
    assert row["session_duration_sec"] == 0.0
    undefined = (
        "avg_time_between_events",
        "std_time_between_events",
        "min_time_between_events",
        "interaction_velocity",
    )
    assert [row[name] for name in undefined] == [None] * 4


def test_two_events_have_a_gap_but_no_spread() -> None:
    row = features(event(0), event(1_000))
    assert (row["avg_time_between_events"], row["std_time_between_events"]) == (1.0, None)


def test_events_of_one_millisecond_have_no_velocity() -> None:
    row = features(event(0), event(0, event_id=1))
    assert (row["interaction_velocity"], row["avg_time_between_events"]) == (None, 0.0)
