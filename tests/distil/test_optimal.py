"""Optimal mark-ups of sessions, where the best price is known in closed form."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from phantom_core.core.limits import GuardRails
from phantom_core.distil import optimal
from phantom_core.distil.optimal import optimal_markups
from phantom_core.features.catalogue import feature_names
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.optimal_price import PricingObjective

USUAL = GuardRails(0.7, 1.5)
FREE = PricingObjective(USUAL, leakage_weight=0.0)


@dataclass(frozen=True)
class Buyers:
    """A network with P(buy) = 1 / (1 + r ^ s) at ratio r, s being the first session feature."""

    factor: float = 1.0

    def run(
        self, names: None, feed: dict[str, NDArray[np.float32]]
    ) -> tuple[None, NDArray[np.float64]]:
        sensitivity = self.factor * feed["session"][:, 0].astype(np.float64)
        return None, 1.0 / (1.0 + np.exp(sensitivity * feed["log_ratio"]))


def offers(*sensitivities: float) -> Inputs:
    session = np.zeros((len(sensitivities), len(feature_names())), np.float32)
    session[:, 0] = sensitivities
    return Inputs(
        session, np.zeros((len(session), 10), np.float32), np.zeros(len(session), np.float32)
    )


def best(
    sensitivities: list[float],
    session: list[int],
    n_sessions: int,
    *,
    terms: PricingObjective = FREE,
    agent: float = 0.0,
) -> list[float]:
    fold, p_agent = np.zeros(n_sessions, np.int64), np.full(n_sessions, agent)
    return optimal_markups(
        [Buyers()], fold, p_agent, offers(*sensitivities), np.array(session), terms
    ).tolist()  # type: ignore[list-item]


def test_a_session_of_one_offer_has_that_offers_best_price() -> None:
    assert best([2.0, 5.0], [0, 1], 2) == pytest.approx([1.0, 0.25 ** (1 / 5)], abs=2e-3)


def test_offers_of_a_session_are_priced_together() -> None:
    (together,) = best([2.0, 5.0], [0, 0], 1)
    ratios = np.linspace(0.7, 1.5, 80_001)
    assert together == pytest.approx(
        ratios[(ratios / (1 + ratios**2) + ratios / (1 + ratios**5)).argmax()], abs=2e-3
    )


def test_leakage_of_an_agent_raises_its_price() -> None:
    assert (
        best([5.0], [0], 1, terms=PricingObjective(USUAL, leakage_weight=0.5), agent=1.0)[0]
        > best([5.0], [0], 1)[0] + 0.02
    )


def test_a_session_that_was_offered_nothing_has_no_price() -> None:
    assert np.isnan(best([2.0], [1], 3)).tolist() == [True, False, True]


def test_each_fold_is_priced_by_its_own_network() -> None:
    found = optimal_markups(
        [Buyers(), Buyers(2.5)],
        np.array([1, 0]),
        np.zeros(2),
        offers(2.0, 2.0),
        np.array([0, 1]),
        FREE,
    )  # type: ignore[list-item]
    assert found.tolist() == pytest.approx([0.25 ** (1 / 5), 1.0], abs=2e-3)


def test_pieces_keep_a_session_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    session = np.sort(rng.integers(0, 40, 200))
    sensitivities = rng.uniform(1.2, 5.0, 200).tolist()
    whole = best(sensitivities, session.tolist(), 40)
    monkeypatch.setattr(optimal, "_OFFERS_AT_ONCE", 7)
    np.testing.assert_array_equal(best(sensitivities, session.tolist(), 40), whole)
