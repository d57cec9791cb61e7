"""Drift is measured against what chance alone would show."""

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.core.errors import DataError
from phantom_core.monitoring.drift import measure_drift, population_stability_index


def sessions(item_views: np.ndarray, browser: str | None = "Chrome") -> pa.Table:
    return pa.table(
        {
            "item_views": item_views,
            "browser_family": pa.array([browser] * len(item_views), pa.string()),
        }
    )


NAMES = ("item_views", "browser_family")
OLD = sessions(np.random.default_rng(0).normal(10, 2, 2_000))


def test_psi_of_two_bins_by_hand() -> None:
    old, new = np.array([49, 49]), np.array([24, 74])
    assert population_stability_index(old, new) == pytest.approx(
        (24.5 / 99 - 0.5) * np.log(49 / 99) + (74.5 / 99 - 0.5) * np.log(149 / 99)
    )


def test_the_same_period_twice_is_stable() -> None:
    assert [(row.psi, row.reading) for row in measure_drift(OLD, OLD, NAMES)] == [(0, "stable")] * 2


def test_a_fresh_sample_shows_no_more_than_chance() -> None:
    fresh = sessions(np.random.default_rng(1).normal(10, 2, 2_000))
    (row,) = measure_drift(OLD, fresh, ["item_views"])
    assert row.psi < 3 * row.psi_of_chance
    assert row.reading == "stable"


def test_the_feature_that_moved_comes_first() -> None:
    moved = sessions(np.random.default_rng(2).normal(13, 2, 2_000))
    rows = measure_drift(OLD, moved, NAMES)
    assert [(row.name, row.reading) for row in rows] == [
        ("item_views", "large shift"),
        ("browser_family", "stable"),
    ]


def test_a_shift_of_half_a_deviation_is_some_shift() -> None:
    (row,) = measure_drift(
        OLD, sessions(np.random.default_rng(3).normal(10.8, 2, 2_000)), ["item_views"]
    )
    assert row.reading == "some shift"


def test_values_that_became_undefined_or_another_category_are_drift() -> None:
    for browser in (None, "Firefox"):
        (row,) = measure_drift(OLD, sessions(np.full(2_000, 10.0), browser), ["browser_family"])
        assert row.reading == "large shift"


def test_a_feature_that_is_undefined_throughout_is_stable() -> None:
    empty = sessions(np.full(500, np.nan), None)
    assert {row.reading for row in measure_drift(empty, empty, NAMES)} == {"stable"}


def test_a_handful_of_sessions_is_too_few_to_tell() -> None:
    (row,) = measure_drift(OLD, sessions(np.array([1.0, 50.0, 10.0])), ["item_views"])
    assert row.reading == "too few sessions to tell"


def readings(old: np.ndarray, new: np.ndarray) -> tuple[str, str]:
    """Readings of a move from one set of values to the other, and back."""
    there, back = (
        measure_drift(sessions(x), sessions(y), ["item_views"])[0]
        for x, y in ((old, new), (new, old))
    )
    return there.reading, back.reading


def test_a_value_that_disappears_is_a_large_shift_whichever_way() -> None:
    assert readings(np.full(500, 5.0), np.full(500, 1.0)) == ("large shift", "large shift")
    mostly_true = np.arange(500) % 20 > 0
    assert readings(mostly_true, np.full(500, False)) == ("large shift", "large shift")


def test_a_value_that_fills_several_bins_is_detected_when_it_disappears() -> None:
    repeated = np.concatenate([np.full(900, 50.0), np.arange(100)])
    assert readings(repeated, np.full(1_000, 49.5)) == ("large shift", "large shift")
    at_the_bottom = np.concatenate([np.zeros(150), np.arange(1, 851)])
    below = np.concatenate([np.full(150, -1.0), np.arange(1, 851)])
    assert readings(at_the_bottom, below)[0] == "large shift"


def test_an_empty_period_is_refused() -> None:
    with pytest.raises(DataError, match="later period has no session"):
        measure_drift(OLD, OLD.slice(0, 0), NAMES)


def test_equal_shares_are_no_shift_whatever_the_sizes() -> None:
    index = population_stability_index
    assert index(np.array([500, 300, 200]), np.array([50, 30, 20])) == pytest.approx(0.0, abs=1e-12)
    assert index(np.array([50, 50, 0]), np.array([20, 80, 0])) == index(
        np.array([50, 50]), np.array([20, 80])
    )


@pytest.mark.parametrize("sessions_of_actor", [1, 3])
@pytest.mark.parametrize("n", [60, 300])
def test_an_unmoved_week_is_called_moved_no_more_often_than_stated(
    n: int, sessions_of_actor: int
) -> None:
    rng = np.random.default_rng(n + sessions_of_actor)
    names = ("item_views", "browser_family")
    alarms = 0
    for _ in range(60):
        old, new = (week(rng, size, sessions_of_actor) for size in (2_000, n))
        rows = measure_drift(old, new, names, level=0.05)
        alarms += any(row.reading in ("some shift", "large shift") for row in rows)
    assert alarms <= 7  # of 60 at 5 %: more once in a hundred


def week(rng: np.random.Generator, n: int, sessions_of_actor: int) -> pa.Table:
    """Sessions of actors who behave alike in each of theirs."""
    actor = np.arange(n) // sessions_of_actor
    browser = rng.choice(["Chrome", "Firefox", "Safari"], actor.max() + 1)[actor]
    return pa.table(
        {
            "session_id": [f"{k}" for k in range(n)],
            "experiment_id": [f"x{k}" for k in actor],
            "item_views": rng.poisson(8, actor.max() + 1)[actor].astype(float),
            "browser_family": pa.array(browser.tolist(), pa.string()),
        }
    )
