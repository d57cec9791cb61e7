"""Leakage terms and a calibrated market change the figures of every consumer."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from phantom_core.core.leakage_terms import LeakageTerms
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import ObjectiveSettings, Settings
from phantom_core.distil.markup import recovered_leakage
from phantom_core.replay.reference import constant_reference, leakage_of
from phantom_core.rules.evaluate import Column
from phantom_core.session_market.market import BANDS, NO_MARKUP, session_trial
from phantom_core.session_market.optimum import best_ratio, paired_trial
from phantom_core.session_market.terms import INVENTED, MarketTerms
from tests.replay.shop import purchases

LOW = LeakageTerms(1.0, 1.0)


def half(columns: Mapping[str, Column]) -> NDArray[np.float64]:
    return np.full(next(iter(columns.values())).size, 0.5)


def test_settings_hold_the_terms() -> None:
    settings = Settings(objective=ObjectiveSettings(reference_ratio=1.0, leakage_weight=2.0))
    assert settings.leakage_terms == LeakageTerms(1.0, 2.0)


def test_the_ledger_counts_by_the_reference_ratio() -> None:
    bought = purchases([0], [1.1])
    usual, low = (
        leakage_of(bought, constant_reference(bought, terms)).tolist()
        for terms in (LeakageTerms(), LOW)
    )
    assert usual == pytest.approx([10.0])
    assert low == [0.0]
    assert constant_reference(bought, LOW).says == "×1.00 of the base price"


def test_distillation_counts_by_the_reference_ratio() -> None:
    markup = np.array([1.0, 1.1])
    assert recovered_leakage(markup).tolist() == pytest.approx([0.0, 0.1])
    assert recovered_leakage(markup, LOW).tolist() == [0.0, 0.0]


def test_the_session_market_counts_by_both() -> None:
    found = [
        session_trial([BANDS], half, n_sessions=60, seed=3, terms=MarketTerms(terms)).results[0]
        for terms in (LeakageTerms(), LOW)
    ]
    usual, low = (one.figures for one in found)
    assert usual.leakage.value > 0
    assert low.leakage.value == 0.0
    assert low.revenue == usual.revenue
    assert usual.reward.value == pytest.approx(usual.revenue.value - 0.5 * usual.leakage.value)
    assert low.reward.value == pytest.approx(low.revenue.value)


def test_evidence_counts_by_both_and_by_the_shops_own_demand() -> None:
    rails = GuardRails(0.7, 1.5)
    of_shop = MarketTerms(LeakageTerms(1.1, 2.0), 1.0, 3.0, 0.2, "400 quotes of this workspace")
    usual, own = (
        paired_trial(BANDS, NO_MARKUP, half, guard_rails=rails, n_sessions=60, seed=3, terms=terms)
        for terms in (INVENTED, of_shop)
    )
    assert usual.live.reward.value == pytest.approx(
        usual.live.revenue.value - 0.5 * usual.live.leakage.value
    )
    assert own.live.reward.value == pytest.approx(
        own.live.revenue.value - 2.0 * own.live.leakage.value
    )
    assert own.live.leakage.value < usual.live.leakage.value
    written = own.to_json()
    assert (written["reference_ratio"], written["leakage_weight"]) == (1.1, 2.0)
    assert (written["is_invented"], usual.to_json()["is_invented"]) == (False, True)
    assert str(written["market"]).startswith("Calibrated from 400 quotes of this workspace")


def test_the_optimum_weighs_leakage_by_the_settings() -> None:
    rails = GuardRails(0.7, 1.5)
    cheap, dear = (
        best_ratio(5.0, rails, is_agent=True, terms=LeakageTerms(1.2, weight))
        for weight in (0.0, 5.0)
    )
    assert cheap == pytest.approx(0.758)
    assert dear == pytest.approx(1.2, abs=0.01)


def test_agents_of_a_calibrated_market_have_its_share() -> None:
    families = MarketTerms(agent_share=0.2).families
    assert sum(one.share for one in families) == pytest.approx(1.0)
    assert sum(one.share for one in families if one.is_agent) == pytest.approx(0.2)
