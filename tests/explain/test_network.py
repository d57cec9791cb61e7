"""The network taken apart: exact sums, shares that are Shapley's, nothing for what it does not
read.
"""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
import torch

from phantom_core.core.errors import CancelledError
from phantom_core.explain.network import COLUMNS, ExplainedNetwork, take_apart
from phantom_core.features.catalogue import feature_names
from phantom_core.models.multitask.cross_fit import log_odds
from phantom_core.models.multitask.inputs import Inputs, values_of
from phantom_core.models.multitask.network import Network
from tests.models.multitask.test_network import network
from tests.models.multitask.worlds import inputs

RNG = np.random.default_rng(4)
BACKGROUND, ROWS = inputs(30, RNG), inputs(12, RNG)
N_SESSION, PRICE_AT = len(feature_names()), len(COLUMNS) - 1
VARIED = (
    "session_duration_sec",
    "item_views",
    "browser_family",
    "base_price",
    "is_refundable",
    "price_ratio",
)


def said(made: Network, values: np.ndarray) -> np.ndarray:
    """Both log-odds, shape (2, n)."""
    session, product = np.split(values[:, :PRICE_AT], [N_SESSION], axis=1)
    return np.array(log_odds(made, Inputs(session, product, values[:, PRICE_AT])))


def exact(made: Network, background: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Shapley values by their definition, over all sets of the columns that differ; shape (2,
    n_varied).
    """
    at = [COLUMNS.index(name) for name in VARIED]
    n, worth = len(at), {}
    for size in range(n + 1):
        for chosen in combinations(range(n), size):
            mixed = background.copy()
            mixed[:, [at[i] for i in chosen]] = row[[at[i] for i in chosen]]
            worth[chosen] = said(made, mixed).mean(axis=1)
    found = np.zeros((2, n))
    for i in range(n):
        for chosen, value in worth.items():
            if i not in chosen:
                weight = factorial(len(chosen)) * factorial(n - len(chosen) - 1) / factorial(n)
                found[:, i] += weight * (worth[tuple(sorted((*chosen, i)))] - value)
    return found


@pytest.mark.parametrize("has_price", [True, False])
def test_base_and_contributions_add_up_to_both_log_odds_where_values_are_missing_too(
    has_price: bool,
) -> None:
    made, values = network(1, has_price=has_price), values_of(ROWS)
    assert np.isnan(values).any()
    parts = take_apart(made, values_of(BACKGROUND), values, seed=1)
    for found, expected in zip(parts, said(made, values), strict=True):
        np.testing.assert_allclose(found.output, expected, atol=1e-4)
        assert np.ptp(expected) > 1
    assert [part.base for part in parts] == pytest.approx(
        said(made, values_of(BACKGROUND)).mean(axis=1).tolist(), abs=1e-5
    )


def test_shares_are_those_of_shapleys_definition() -> None:
    made, row = network(2), values_of(ROWS)[0]
    at = [COLUMNS.index(name) for name in VARIED]
    background = np.tile(row, (6, 1))
    background[:, at] = values_of(BACKGROUND)[:6, at]
    # Many orders to the same six offers: the sum is exact with one, each share only on average over
    # orders.
    parts = take_apart(made, np.tile(background, (400, 1)), row[None], seed=3)
    expected = exact(made, background, row)
    for found, shares in zip(parts, expected, strict=True):
        np.testing.assert_allclose(
            found.values[0, at], shares, atol=0.03 * max(1.0, np.abs(shares).max())
        )
        np.testing.assert_allclose(np.delete(found.values[0], at), 0.0, atol=1e-6)


def test_product_and_price_add_nothing_to_who_it_is() -> None:
    agent, purchase = take_apart(network(1), values_of(BACKGROUND), values_of(ROWS), seed=1)
    assert not agent.values[:, N_SESSION:].any()
    assert (np.abs(purchase.values[:, N_SESSION:]).mean(axis=0) > 1e-3).all()


def test_where_prices_never_varied_the_price_adds_nothing() -> None:
    _, purchase = take_apart(
        network(1, has_price=False), values_of(BACKGROUND), values_of(ROWS), seed=1
    )
    np.testing.assert_allclose(purchase.values[:, COLUMNS.index("price_ratio")], 0.0, atol=1e-6)


def test_a_higher_price_never_adds_to_a_purchase() -> None:
    dear, cheap = (values_of(ROWS).copy() for _ in range(2))
    dear[:, -1], cheap[:, -1] = np.log(1.5), np.log(0.7)
    of = [
        take_apart(network(3), values_of(BACKGROUND), values, seed=1)[1].values[:, -1]
        for values in (dear, cheap)
    ]
    assert (of[0] <= of[1] + 1e-6).all()


def test_an_offer_explained_alone_gets_what_it_gets_among_others() -> None:
    explained = ExplainedNetwork(network(1), "purchase", values_of(BACKGROUND), seed=5)
    whole, alone = (
        explained.contributions(values_of(ROWS)),
        explained.contributions(values_of(ROWS)[[9]]),
    )
    np.testing.assert_allclose(alone.values[0], whole.values[9], atol=1e-5)
    assert (alone.base, explained.names) == (whole.base, COLUMNS)


def test_nothing_is_explained_of_no_offers() -> None:
    agent, _ = take_apart(network(1), values_of(BACKGROUND), values_of(ROWS)[:0], seed=1)
    assert agent.values.shape == (0, 40)


def test_explaining_stops_when_told_and_leaves_torch_as_it_was() -> None:
    before = torch.get_num_threads()

    def stop(fraction: float, message: str, values: object = None) -> None:
        raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        take_apart(network(1), values_of(BACKGROUND), values_of(ROWS), seed=1, progress=stop)
    assert torch.get_num_threads() == before
