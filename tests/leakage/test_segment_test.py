"""A segment is named only where chance does not explain it, among all that were looked at."""

import numpy as np

from phantom_core.leakage.segment_test import enough_purchases, leaking_segments

N_SEGMENTS, N_PURCHASES, N_RESAMPLES = 40, 1_000, 200


def found_in(seed: int, planted: float = 0.0) -> tuple[list[int], int]:
    """Segments found in a shop whose segments leak alike but for the first, and how many
    intervals of single segments would have named.
    """
    rng = np.random.default_rng(seed)
    code = rng.integers(N_SEGMENTS, size=N_PURCHASES)
    revenue = np.full(N_PURCHASES, 100.0)
    leakage = rng.exponential(20.0, N_PURCHASES) * (rng.random(N_PURCHASES) < 0.4)
    leakage[code == 0] += planted
    within = np.concatenate(
        [code[:, None] == np.arange(N_SEGMENTS), np.ones((N_PURCHASES, 1), bool)], axis=1
    )
    weights = rng.multinomial(
        N_PURCHASES, np.full(N_PURCHASES, 1 / N_PURCHASES), size=N_RESAMPLES
    ).astype(float)
    sums, drawn = leakage @ within, weights @ (leakage[:, None] * within)
    taken, drawn_taken = revenue @ within, weights @ (revenue[:, None] * within)
    found = leaking_segments(sums, taken, drawn, drawn_taken, N_SEGMENTS)
    rate = sums[-1] / taken[-1]
    excess = drawn - (drawn[:, [-1]] / drawn_taken[:, [-1]]) * drawn_taken
    naive = int((np.quantile(excess, 0.025, axis=0)[:-1] > 0).sum())
    assert np.isclose(rate, sums[-1] / (100.0 * N_PURCHASES))
    return [one.position for one in found], naive


def test_where_all_leak_alike_almost_none_is_named() -> None:
    results = [found_in(seed) for seed in range(20)]
    assert sum(bool(found) for found, _ in results) <= 3
    assert sum(naive for _, naive in results) >= 10  # one by one, chance names many


def test_a_segment_that_leaks_more_is_named_and_no_other() -> None:
    assert [found_in(seed, planted=30.0)[0] for seed in range(5)] == [[0]] * 5


def test_without_revenue_or_with_few_purchases_nothing_is_tested() -> None:
    nothing = np.zeros((5, 2))
    assert leaking_segments(np.zeros(2), np.zeros(2), nothing, nothing, 1) == ()
    assert enough_purchases([19, 20, 0]) == [1]
