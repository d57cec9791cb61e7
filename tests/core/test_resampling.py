"""Percentile intervals and resamples of units."""

import numpy as np
import pytest

from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import count_draws, count_some, quantile_interval, share_of


def test_undefined_resamples_are_left_out() -> None:
    drawn = np.arange(41.0)
    holed = np.concatenate([drawn, [np.nan, np.inf, -np.inf]])
    assert quantile_interval(7.0, holed) == Estimate(7.0, 1.0, 39.0)


def test_without_any_defined_resample_the_bounds_are_undefined() -> None:
    found = quantile_interval(7.0, np.array([np.nan, np.inf]))
    assert found.value == 7.0
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("n_cells", [1, 7, 35, 1_000])
def test_the_draws_are_the_same_however_many_are_made_at_once(
    n_cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = count_draws(7, 30, np.random.default_rng(4))
    monkeypatch.setattr("phantom_core.core.resampling.CHUNK_CELLS", n_cells)
    some = list(count_some(7, 30, np.random.default_rng(4)))
    assert len(some) == -(-30 // max(1, n_cells // 7))
    np.testing.assert_array_equal(np.concatenate(some), at_once)
    assert (at_once.sum(axis=1) == 7).all()


def test_groups_that_agree_within_themselves_widen_the_interval() -> None:
    values, rng = np.repeat([0.0, 1.0], 50), np.random.default_rng(0)
    alone = share_of(values, np.arange(100), rng)
    together = share_of(values, np.arange(100) // 10, rng)
    assert alone.value == together.value == 0.5
    assert together.high - together.low > 2 * (alone.high - alone.low)
