"""A limit is crossed by the figure, and an alert needs more than chance."""

import pytest

from phantom_core.monitoring.alarm_budget import level_of_look
from phantom_core.monitoring.comparison import (
    Count,
    Money,
    features_drifted,
    money_fell,
    rate_moved,
    share_rejected,
    too_old,
)
from phantom_core.monitoring.drift import FeatureDrift


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        (Count(200, 1_000), Count(239, 1_000), "ok"),  # +19.5 %
        (Count(400, 2_000), Count(500, 2_000), "alert"),  # +25 %, 3.8 standard deviations
        (Count(200, 1_000), Count(250, 1_000), "watch"),  # +25 %, 2.7, once in three weeks of looks
        (Count(500, 2_000), Count(380, 2_000), "alert"),  # −24 %
        (Count(20, 100), Count(25, 100), "watch"),  # +25 %, but of 20 sessions
        (Count(20, 49), Count(25, 100), "unknown"),
        (Count(0, 500), Count(25, 500), "unknown"),
    ],
)
def test_a_share_of_agents_that_moves_a_fifth_is_an_alert_unless_chance_explains_it(
    before: Count, after: Count, status: str
) -> None:
    assert rate_moved("detection_rate", "The share of agents", before, after, 0.2).status == status


def test_the_sentence_has_the_figures_behind_it() -> None:
    check = rate_moved(
        "detection_rate", "The share of agents", Count(400, 2_000), Count(500, 2_000), 0.2
    )
    assert (
        check.sentence
        == "The share of agents moved from 20.0 % to 25.0 % (+25 %) week on week; 2,000 and 2,000 "
        "sessions."
    )
    assert check.value == pytest.approx(0.25)


def equal_orders(n: int, price: float = 100.0) -> Money:
    return Money(n * price, n * price**2, n)


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        (1_000, 960, "ok"),  # −4 %
        (10_000, 9_400, "alert"),  # −6 %, 4.3 standard deviations
        (100, 90, "watch"),  # −10 % of a hundred orders is chance
        (9, 0, "unknown"),
        (100, 0, "alert"),
        (100, 200, "ok"),  # a rise is no fall
    ],
)
def test_revenue_that_falls_a_twentieth_is_an_alert_unless_chance_explains_it(
    before: int, after: int, status: str
) -> None:
    assert money_fell("revenue", equal_orders(before), equal_orders(after), 0.05).status == status


def test_one_check_names_the_features_that_moved() -> None:
    rows = [
        FeatureDrift("item_views", 0.4, 0.01, "large shift", 0.001),
        FeatureDrift("page_views", 0.1, 0.01, "some shift", 0.001),
    ]
    check = features_drifted(rows, 0.25, "the four weeks before")
    assert (check.status, check.value) == ("alert", 0.4)
    assert check.sentence == "Features moved against the four weeks before, PSI: item views 0.40."
    assert features_drifted(rows[1:], 0.25, "the four weeks before").status == "ok"
    assert "and 2 more" in features_drifted(rows[:1] * 7, 0.25, "the four weeks before").sentence


def test_a_feature_with_too_few_sessions_raises_nothing() -> None:
    assert (
        features_drifted(
            [FeatureDrift("item_views", 0.4, 0.2, "too few sessions to tell")], 0.25, ""
        ).status
        == "unknown"
    )
    assert features_drifted([], 0.25, "").status == "unknown"


def test_age_and_quarantine_are_measured_against_their_limits() -> None:
    assert too_old("stale", "The classifier", 15.0, 14, "Retrain it.").sentence.endswith(
        "limit: 14 days. Retrain it."
    )
    assert too_old("stale", "The classifier", 13.0, 14, "Retrain it.").status == "ok"
    assert too_old("stale", "The classifier", None, 1.0, "").status == "unknown"
    assert share_rejected("quarantine", 6, 100, 0.05).status == "alert"
    assert share_rejected("quarantine", 5, 100, 0.05).status == "ok"
    assert share_rejected("quarantine", 99, 99, 0.05).status == "unknown"


def test_a_shift_that_chance_explains_is_watched() -> None:
    rows = [FeatureDrift("item_views", 0.4, 0.2, "within chance", 0.1)]
    check = features_drifted(rows, 0.25, "the four weeks before")
    assert check.status == "watch"
    assert "it is 0.20 on average when nothing moved" in check.sentence


def test_sessions_of_one_actor_are_not_as_many_sessions() -> None:
    alone = Count(400, 2_000), Count(500, 2_000)
    # The same figures, of actors with ten sessions each, all of a kind.
    alike = (
        Count(400, 2_000, 4_000, 4_000, 20_000, 200),
        Count(500, 2_000, 5_000, 5_000, 20_000, 200),
    )
    assert rate_moved("detection_rate", "The share", *alone, 0.2).status == "alert"
    assert rate_moved("detection_rate", "The share", *alike, 0.2).status == "watch"


def test_more_looks_a_week_spend_the_same_budget() -> None:
    before, after = Count(400, 2_000), Count(480, 2_000)  # +20 %, 3.1 standard deviations
    at_once, hourly = (
        rate_moved("detection_rate", "The share", before, after, 0.19, level_of_look(every_s))
        for every_s in (7 * 86_400, 3_600)
    )
    assert (at_once.status, hourly.status) == ("alert", "watch")
