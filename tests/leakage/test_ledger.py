"""Ledger: parts add up to hand-checked sums, and intervals cover the actual leakage."""

import numpy as np
import pytest

from phantom_core.core.arrays import Floats
from phantom_core.leakage.dimensions import by_day, by_name, by_store
from phantom_core.leakage.ledger import Account, total_leakage
from phantom_core.replay.purchases import Purchases
from phantom_core.replay.reference import clean_quote, constant_reference, leakage_of
from phantom_core.replay.resampler import Resampler
from tests.replay.shop import NAN, purchases, quotes, resampler, session_index

pytestmark = pytest.mark.slow


def ledger(bought: Purchases, p_agent: Floats, sessions: object, seed: int = 1) -> Account:
    drawn = resampler(sessions, seed)  # type: ignore[arg-type]
    dimensions = (
        by_day(bought),
        by_store(bought),
        by_name("product", bought.product, bought.products, "not named"),
    )
    return total_leakage(
        bought,
        p_agent,
        constant_reference(bought),
        dimensions,
        drawn,
        bought.session,
        np.random.default_rng(seed),
    )


def test_an_agent_that_pays_the_base_price_leaks_a_fifth_of_it_a_unit() -> None:
    sessions, bought = session_index([1, 1, 0, 0]), purchases([0, 1, 2], [1.0, 1.3, 0.7], units=2)
    found = ledger(bought, sessions.best_known[bought.session], sessions)
    assert found.leakage.value == pytest.approx(
        2 * 20.0
    )  # the second paid more than the reference, the third is human
    assert found.share_of_revenue.value == pytest.approx(40 / 600)


def test_a_session_that_may_be_an_agent_leaks_with_its_probability() -> None:
    sessions, bought = session_index([NAN, 0], [0.25, NAN]), purchases([0, 1], [1.0, 1.0])
    assert ledger(
        bought, sessions.best_known[bought.session], sessions
    ).leakage.value == pytest.approx(0.25 * 20.0)


def test_a_purchase_without_a_base_price_has_no_defined_leakage() -> None:
    bought = purchases([0], [1.0])
    unknown = purchases([0], [1.0], base=NAN)
    assert leakage_of(bought, constant_reference(bought)).tolist() == pytest.approx([20.0])
    assert leakage_of(unknown, constant_reference(unknown)).tolist() == [0.0]
    assert unknown.is_priced.tolist() == [False]


@pytest.mark.parametrize("dimension", ["day", "store mode", "product"])
def test_the_total_is_the_sum_of_its_parts(dimension: str) -> None:
    rng = np.random.default_rng(3)
    sessions = session_index([NAN] * 200, rng.random(200).tolist())
    bought = purchases(rng.integers(0, 200, 500).tolist(), rng.uniform(0.6, 1.5, 500).tolist())
    found = ledger(bought, sessions.best_known[bought.session], sessions)
    parts = found.parts[dimension]
    assert sum(part.leakage.value for part in parts) == pytest.approx(
        found.leakage.value, rel=1e-12
    )
    assert sum(part.purchases for part in parts) == 500
    assert sum(part.by_agents for part in parts) == pytest.approx(
        sessions.best_known[bought.session].sum()
    )


def test_the_interval_covers_the_actual_leakage_as_often_as_stated() -> None:
    hits, n = 0, 120
    for seed in range(n):
        rng = np.random.default_rng(seed)
        p_agent = rng.beta(0.6, 0.6, 300)
        is_agent = rng.random(300) < p_agent
        sessions = session_index([NAN] * 300, p_agent.tolist())
        bought = purchases(np.flatnonzero(rng.random(300) < 0.4).tolist(), [])
        bought = purchases(
            bought.session.tolist(),
            rng.choice([0.7, 0.85, 1.0, 1.2, 1.4], bought.session.size).tolist(),
        )
        true = float(
            (is_agent[bought.session] * leakage_of(bought, constant_reference(bought))).sum()
        )
        found = ledger(bought, p_agent[bought.session], sessions, seed).leakage
        hits += found.low <= true <= found.high
    assert hits / n >= 0.95


def test_certain_classes_leave_only_the_chance_of_sampling() -> None:
    sessions, bought = session_index([1.0] * 50), purchases(list(range(50)), [1.0] * 50)
    found = ledger(bought, np.ones(50), sessions).leakage
    assert found.value == pytest.approx(1_000.0)
    assert (
        found.low == pytest.approx(found.high) == pytest.approx(1_000.0)
    )  # every actor leaks the same


def test_a_clean_quote_is_the_price_for_humans_with_the_same_interest() -> None:
    sessions = session_index([0] * 6 + [1] * 6)
    shown = quotes(list(range(12)), [0.9] * 6 + [1.4] * 6, in_cart=True)
    bought = purchases([7], [1.0])
    assert clean_quote(sessions, shown, bought).ratio.tolist() == pytest.approx([0.9])
    few = quotes([0, 1, 7], [0.9, 0.9, 1.4], in_cart=True)
    refused = clean_quote(sessions, few, bought)
    assert np.isnan(refused.ratio).all()
    assert "Too few humans" in refused.problem


def test_a_resampler_keeps_actors_together() -> None:
    sessions = session_index([0.0] * 4)
    drawn = Resampler.of(sessions, np.array([True, True, True, False]), np.random.default_rng(1))
    assert drawn.block.tolist()[-1] == -1
    assert (drawn.weights.sum(axis=1) == 3).all()
    assert drawn.ratio(np.ones(3), np.ones(3), np.arange(3)).value == 1.0
