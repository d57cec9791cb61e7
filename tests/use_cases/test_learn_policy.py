"""Learning rules for money on a workspace, from its log to rules that pass the check."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phantom_core.core.errors import DataError, InputError, NotFoundError
from phantom_core.core.progress import no_progress
from phantom_core.core.settings import Settings
from phantom_core.policy_learning.constraints import PolicyConstraints
from phantom_core.policy_learning.sweep import LEAKAGE_WEIGHTS
from phantom_core.replay.quotes import Quotes
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.markets.calibrate import calibrate_market
from phantom_core.use_cases.models.model_use import pricing_version
from phantom_core.use_cases.rules import policy_sample
from phantom_core.use_cases.rules.check_rules import check_rule_set
from phantom_core.use_cases.rules.job_learn_policy import LearnPolicyRequest
from phantom_core.use_cases.rules.learn_policy import (
    PRICE_FEATURES,
    learn_policy,
    open_learned,
    usual_constraints,
)
from phantom_core.use_cases.rules.policy_sample import last_in_cart
from phantom_core.use_cases.rules.trace_frontier import open_frontier, trace_frontier
from phantom_core.views.frontier.frontier import point_rules
from tests.conftest import NOW_MS


@pytest.fixture(scope="module")
def shop(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("learning") / "shop"
    return Settings(workspace=shutil.copytree(trained, folder), demo_sessions=300)


def test_rules_are_learned_saved_checked_and_compared(shop: Settings) -> None:
    with pytest.raises(NotFoundError, match="No rules have been learned"):
        open_learned(shop)
    asked = replace(
        usual_constraints(shop), leakage_cut=0.05, human_conversion_loss=0.3, fewest_quotes=10
    )
    learned = learn_policy(shop, now_ms=NOW_MS, constraints=asked)
    assert open_learned(shop) == learned
    assert learned.figures.by_curves.leakage.value <= -0.05
    assert learned.figures.doubly_robust is not None
    assert learned.learned_from.randomised == 1
    titles = {one.name: one.figures for one in learned.compared}
    assert titles["none"].by_curves.revenue.value == 0
    assert {"none", "bands", "known_classes"} <= set(titles)
    assert not set(learned.rules.features) & {*PRICE_FEATURES, *asked.banned}
    assert not [one.says for one in check_rule_set(shop, learned.rules) if one.severity != "note"]
    markups = [*(rule.markup_ratio for rule in learned.rules.rules), learned.rules.otherwise]
    assert 0.9 <= min(markups) <= max(markups) <= 1.1


def test_the_request_fills_in_what_the_gates_allow(shop: Settings) -> None:
    found = LearnPolicyRequest(leakage_cut=0.2, without="item_views").constraints(shop)
    assert (found.lowest_markup, found.highest_markup) == (0.9, 1.1)
    assert found.human_premium == 0.05
    assert "item_views" in found.banned
    assert "is_headless_browser" in found.banned
    with pytest.raises(InputError, match="1 shares of agents"):
        LearnPolicyRequest(agent_share=(0.3,)).constraints(shop)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (PolicyConstraints(highest_markup=1.8), "leave the guard rails"),
        (PolicyConstraints(banned=("shoe_size",)), "no feature 'shoe_size'"),
    ],
)
def test_constraints_against_the_limits_are_refused(
    shop: Settings, asked: PolicyConstraints, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        learn_policy(shop, now_ms=NOW_MS, constraints=asked)


def test_without_a_classifier_learning_is_refused(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, demo_sessions=100)
    load_demo(settings, now_ms=NOW_MS)
    with pytest.raises(DataError, match="No classifier is in use"):
        learn_policy(settings, now_ms=NOW_MS)


def test_the_last_price_of_a_product_before_its_cart_counts() -> None:
    n = 5
    quotes = Quotes(
        session=np.array([0, 0, 0, 1, 1]),
        event_ms=np.arange(n),
        event_id=np.arange(n),
        product=np.array([0, 1, 0, 0, 0]),
        store=np.zeros(n, np.int64),
        price=np.ones(n),
        base_price=np.ones(n),
        propensity=np.ones(n),
        went_to_cart=np.array([True, False, True, True, False]),
        products=("a", "b"),
    )
    assert last_in_cart(quotes).tolist() == [False, False, True, True, False]


def test_a_frontier_is_traced_from_the_log_with_its_bound_above_the_rules(shop: Settings) -> None:
    asked = replace(usual_constraints(shop), fewest_quotes=10)
    found = trace_frontier(shop, now_ms=NOW_MS, constraints=asked)
    assert open_frontier(shop) == found
    assert found.learned_from.source == "log"
    assert len(found.of_kind("learned")) == len(LEAKAGE_WEIGHTS)
    assert {point.name for point in found.of_kind("other")} >= {"none", "bands"}
    best = max(point.figures.by_curves.revenue.value for point in found.of_kind("known classes"))
    assert all(point.figures.by_curves.revenue.value < best for point in found.of_kind("learned"))
    for point in found.of_kind("learned"):
        assert point_rules(found, point).name.startswith(found.version)


def test_simulated_shoppers_stand_in_where_no_price_was_drawn(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = str(pricing_version(shop, "classifier"))
    monkeypatch.setattr(policy_sample, "MARKET_SESSIONS", 400)
    monkeypatch.setattr(policy_sample, "LEAST_RANDOMISED", 1.01)  # as if all prices were the shop's
    with pytest.raises(DataError, match="may have followed demand"):
        policy_sample.logged_sample(shop, version, no_progress)
    found = policy_sample.read_policy_sample(shop, "auto", 1, no_progress)
    assert found.quotes.source == "invented market"
    assert "may have followed demand" in found.problem
    assert found.demand.curves.human_slope == 2.0
    calibrate_market(shop, now_ms=NOW_MS)
    measured = policy_sample.read_policy_sample(shop, "market", 1, no_progress)
    assert measured.quotes.source == "calibrated market"
    assert measured.demand.covariance[0, 0] > 0
    assert (measured.quotes.ratio == 1).all()
    assert measured.quotes.columns["p_agent"].size == len(measured.quotes)
