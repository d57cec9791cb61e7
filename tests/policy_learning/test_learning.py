"""Learning: trees that keep what was asked, rounded without moving, as rules."""

from functools import cache

import numpy as np
import pytest

from phantom_core.core.errors import DataError, InputError
from phantom_core.distil.tree import Leaf, SplitNode, markup_of
from phantom_core.policy_learning.constraints import PolicyConstraints
from phantom_core.policy_learning.demand_curves import assumed_demand
from phantom_core.policy_learning.known_classes import price_classes, price_of_agents
from phantom_core.policy_learning.learned_policy import rules_of_tree
from phantom_core.policy_learning.money_tree import condition_tree, with_figures
from phantom_core.policy_learning.payoff import candidate_ratios, measure_payoff
from phantom_core.policy_learning.policy_figures import Judge
from phantom_core.policy_learning.rounding import Rounder, rounder_numbers
from phantom_core.policy_learning.selection import choose_policy, keeps
from phantom_core.policy_learning.sweep import (
    ExchangeRates,
    Learner,
    SweptPolicy,
    agents_for_each_human,
)
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import evaluate_rules
from phantom_core.rules.text import format_rules
from tests.policy_learning.samples import TRUE, drawn_sample

RATIOS = candidate_ratios(0.7, 1.5)
FEATURES = ("p_agent", "total_interactions", "avg_time_between_events")
SAMPLE = drawn_sample(3_000, 7)
DEMAND = assumed_demand(2.0, 5.0)


def learner(constraints: PolicyConstraints) -> Learner:
    payoff = measure_payoff(SAMPLE, TRUE, RATIOS, 1.2, is_corrected=False)
    return Learner.of(SAMPLE, payoff, SAMPLE.actor % 4, constraints, FEATURES)


@cache
def swept() -> tuple[SweptPolicy, ...]:
    """Trees of a few exchange rates; what is asked of leakage and humans does not change them."""
    pairs = [ExchangeRates(a, b) for a in (1.15, 1.3, 1.6, 2.0) for b in (0.0, 0.1, 0.3)]
    return learner(PolicyConstraints()).sweep(pairs)


def judge() -> Judge:
    return Judge.of(SAMPLE, DEMAND, RATIOS, 1.2, np.random.default_rng(0))


def test_chosen_rules_keep_what_was_asked_and_cost_less_than_bands() -> None:
    asked = PolicyConstraints(leakage_cut=0.3, human_conversion_loss=0.01)
    chosen = choose_policy(swept(), judge(), asked)
    assert keeps(chosen.figures, asked)
    assert chosen.figures.by_curves.leakage.value <= -0.3
    bands = np.select(
        [SAMPLE.columns["p_agent"] > 0.7, SAMPLE.columns["p_agent"] > 0.4], [1.3, 1.1], 1.0
    )
    difference = judge().difference(chosen.swept.ratio, bands)
    assert difference.revenue.low > 0


def test_no_policy_beats_known_classes_at_the_same_leakage() -> None:
    asked = PolicyConstraints()
    found = judge()
    chosen = choose_policy(swept(), found, asked)
    agent = price_of_agents(found.payoff, chosen.figures.by_curves.leakage.value - 0.03)
    bound = found.difference(chosen.swept.ratio, price_classes(1.0, agent, SAMPLE.p_agent))
    assert bound.leakage.value > 0
    within = chosen.figures.by_curves.human_conversion.value
    assert bound.revenue.value < 0.03 + max(0.0, -within)


def test_what_no_rules_can_keep_is_refused_with_what_comes_closest() -> None:
    asked = PolicyConstraints(leakage_cut=0.99, human_conversion_loss=0.0)
    with pytest.raises(DataError, match="No rules recover 99% of the leakage"):
        choose_policy(swept(), judge(), asked)


def test_rules_ask_what_the_tree_asks_and_rise_with_p_agent() -> None:
    work = learner(PolicyConstraints(most_rules=6))
    root = condition_tree(
        work.grow(ExchangeRates(1.6, 0.0)), work.binned, SAMPLE.columns, work.ratios
    )
    figures = judge().figures(markup_of(root, SAMPLE.columns, len(SAMPLE))).by_curves
    rounder = Rounder.of(root, SAMPLE.columns, work.payoff, figures, (0.9, 1.1))
    rounded = with_figures(rounder.rounded(root), SAMPLE)
    rules = rules_of_tree(rounded, "learned")
    asked = evaluate_rules(rules, SAMPLE.columns, len(SAMPLE)).markup_ratio
    np.testing.assert_array_equal(asked, markup_of(rounded, SAMPLE.columns, len(SAMPLE)))
    assert len([rule for rule in rules.rules if rule.note != "not classified"]) <= 6
    assert format_rules(rules).startswith("MARKUP RISES WITH p_agent")
    swept = [
        evaluate_rules(
            rules, {**SAMPLE.columns, "p_agent": np.full(len(SAMPLE), p)}, len(SAMPLE)
        ).markup_ratio
        for p in np.linspace(0, 1, 41)
    ]
    assert (np.diff(np.array(swept), axis=0) >= 0).all()
    moved = np.abs(rounder.changes(rounded) - rounder.original)
    assert (moved <= rounder.tolerated).all()


def test_an_unknown_probability_is_priced_like_a_low_one() -> None:
    work = learner(PolicyConstraints(depth=1))
    root = condition_tree(
        work.grow(ExchangeRates(1.6, 0.0)), work.binned, SAMPLE.columns, work.ratios
    )
    rules = rules_of_tree(root, "learned")
    assert rules.features == ("p_agent",)
    columns = {"p_agent": np.array([0.0, np.nan, 1.0])}
    low, unknown, high = evaluate_rules(rules, columns, 3).markup_ratio
    assert low == unknown < high


def test_no_discount_is_earned_by_hiding_from_the_classifier() -> None:
    human, agent = Leaf(0.9, 10), Leaf(1.1, 10, 10)
    likely = Condition("p_agent", ">", 0.5, when_undefined=False)
    unlikely = Condition("p_agent", "<=", 0.5, when_undefined=True)
    rules = rules_of_tree(SplitNode(likely, unlikely, agent, human), "learned")
    columns = {"p_agent": np.array([0.0, np.nan, 1.0])}
    assert evaluate_rules(rules, columns, 3).markup_ratio.tolist() == [0.9, 1.0, 1.1]


def test_what_may_be_undefined_at_a_quote_is_priced_by_a_rule() -> None:
    """The first price may be asked for before any event: no feature is always defined there."""
    work = learner(PolicyConstraints())
    root = condition_tree(
        work.grow(ExchangeRates(1.6, 0.0)), work.binned, SAMPLE.columns, work.ratios
    )
    splits = [root]
    for node in splits:
        if isinstance(node, SplitNode):
            assert node.condition.when_undefined != node.opposite.when_undefined
            splits += [node.yes, node.no]


def test_banned_features_are_not_read_and_prices_stay_within_bounds() -> None:
    work = learner(PolicyConstraints(banned=("p_agent",), lowest_markup=0.94, highest_markup=1.06))
    root = condition_tree(
        work.grow(ExchangeRates(2.0, 0.0)), work.binned, SAMPLE.columns, work.ratios
    )
    assert "p_agent" not in rules_of_tree(root, "x").features
    assert work.ratios.min() == 0.94
    assert work.ratios.max() == 1.06


def test_the_worst_case_over_shares_is_at_an_end_and_not_above_the_recorded_one() -> None:
    asked = PolicyConstraints(agent_share=(0.2, 0.8))
    low, high = agents_for_each_human(SAMPLE, asked.agent_share)
    assert low < 1 < high
    for one in learner(asked).sweep([ExchangeRates(1.6, 0.1), ExchangeRates(0.5, 0.0)]):
        assert one.worst_revenue <= one.changes[0] + 1e-12


@pytest.mark.parametrize(
    "asked",
    [
        {"leakage_cut": 1.0},
        {"depth": 6},
        {"most_rules": 0},
        {"lowest_markup": 1.05},
        {"agent_share": (0.7, 0.3)},
    ],
)
def test_impossible_constraints_are_refused(asked: dict[str, object]) -> None:
    with pytest.raises(InputError):
        PolicyConstraints(**asked)


def test_rounder_numbers_are_rounder() -> None:
    assert rounder_numbers(0.6571) == (0.7, 0.66, 0.657)
    assert rounder_numbers(0.0) == ()
