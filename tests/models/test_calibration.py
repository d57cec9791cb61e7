"""A calibrated probability rises with the margin and matches the observed shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from phantom_core.models.calibration import (
    METHODS,
    choose_calibration,
    choose_event_curves,
    fit_beta,
    fit_isotonic,
    fit_platt,
    log_loss,
)
from phantom_core.models.curves import Calibration


def sample(n: int, slope: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Margins whose true log-odds are slope × margin."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(0, 2, n)
    return margin, rng.random(n) < 1 / (1 + np.exp(-slope * margin))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-20, 20), st.booleans()), min_size=2, max_size=40).filter(
        lambda rows: len({y for _, y in rows}) == 2
    ),
    st.sampled_from(sorted(METHODS)),
)
def test_the_probability_never_falls_as_the_margin_rises_and_stays_inside_0_and_1(
    rows: list[tuple[float, bool]], method: str
) -> None:
    margin, is_agent = (np.array(column) for column in zip(*rows, strict=True))
    probability = METHODS[method](margin, is_agent).probability(np.linspace(-30, 30, 301))
    assert (np.diff(probability) >= -1e-12).all()
    assert probability.min() > 0
    assert probability.max() < 1


def test_platt_finds_the_slope_of_an_overconfident_margin() -> None:
    margin, is_agent = sample(20_000, slope=0.5)
    fitted = fit_platt(margin, is_agent)
    assert fitted.slope == pytest.approx(0.5, abs=0.03)
    assert fitted.intercept == pytest.approx(0, abs=0.05)


def test_beta_is_the_identity_for_a_margin_that_is_right_already() -> None:
    fitted = fit_beta(*sample(20_000, slope=1))
    assert fitted.probability(np.array([-2.0, 0.0, 2.0])) == pytest.approx(
        [0.119, 0.5, 0.881], abs=0.02
    )


def test_isotonic_pools_neighbours_that_fall() -> None:
    fitted = fit_isotonic(np.array([0.0, 1.0, 2.0, 3.0]), np.array([False, True, False, True]))
    assert fitted.probability(np.array([1.0, 1.5, 2.0])) == pytest.approx([0.5, 0.5, 0.5])
    assert fitted.probability(np.array([-9.0, 9.0])) == pytest.approx([1 / 4, 3 / 4])


def test_margins_that_point_the_wrong_way_give_the_base_rate() -> None:
    margin, is_agent = sample(2_000, slope=1)
    assert fit_platt(-margin, is_agent).probability(np.array([-5.0, 5.0])) == pytest.approx(
        [is_agent.mean()] * 2
    )


def test_the_method_with_the_lowest_held_out_loss_is_chosen() -> None:
    margin, is_agent = sample(3_000, slope=0.4)
    choice = choose_calibration(margin, is_agent, np.arange(3_000) % 3)
    assert choice.log_loss[choice.calibration.method] == min(choice.log_loss.values())
    assert log_loss(is_agent, choice.probability) == pytest.approx(
        choice.log_loss[choice.calibration.method]
    )
    held_out = np.arange(3_000) % 3 == 0
    alone = METHODS[choice.calibration.method](margin[~held_out], is_agent[~held_out])
    np.testing.assert_array_equal(choice.probability[held_out], alone.probability(margin[held_out]))


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_curve_survives_json(method: str) -> None:
    fitted, adapter = METHODS[method](*sample(200, slope=1)), TypeAdapter(Calibration)
    assert adapter.validate_json(adapter.dump_json(fitted)) == fitted


def test_each_length_of_a_session_gets_a_curve_where_labels_are_many_enough() -> None:
    rng = np.random.default_rng(3)
    n_events = np.repeat([1.0, 3.0, 30.0], 4_000)
    slope = np.repeat([0.3, 1.0, 2.0], 4_000)
    margin = rng.normal(0, 1.5, n_events.size)
    is_agent = rng.random(n_events.size) < 1 / (1 + np.exp(-slope * margin))
    fold = rng.integers(0, 3, n_events.size)
    found = choose_event_curves(margin, is_agent, fold, n_events)
    assert found.calibration.starts == (0, 3, 5)
    one = np.ones(3)
    odds = found.calibration.probability(one, np.array([2.0, 4.0, 99.0]))
    assert np.log(odds / (1 - odds)) == pytest.approx([0.3, 1.0, 2.0], abs=0.25)
    for at in np.unique(n_events):
        rows = n_events == at
        assert found.probability[rows].mean() == pytest.approx(is_agent[rows].mean(), abs=0.02)


def test_few_labels_or_an_unreadable_number_of_events_leave_one_curve() -> None:
    rng = np.random.default_rng(3)
    margin = rng.normal(0, 1.5, 60)
    is_agent, fold = rng.random(60) < 1 / (1 + np.exp(-margin)), np.arange(60) % 3
    n_events = np.repeat([1.0, 30.0], 30)
    assert choose_event_curves(margin, is_agent, fold, n_events).calibration.starts == (0,)
    assert choose_event_curves(margin, is_agent, fold, None).calibration.starts == (0,)
