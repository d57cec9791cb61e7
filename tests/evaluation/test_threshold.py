"""The threshold has the lowest expected cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom_core.evaluation.threshold import ThresholdChoice, choose_threshold, price_threshold

LABELS = np.array([False, False, True, True])
PROBABILITIES = np.array([0.1, 0.6, 0.4, 0.9])


def chosen(
    human_cost: float,
    agent_cost: float,
    is_agent: np.ndarray = LABELS,
    p: np.ndarray = PROBABILITIES,
    bought: np.ndarray | None = None,
) -> ThresholdChoice:
    """The choice where every session buys, unless given."""
    buyers = np.full(len(p), True) if bought is None else bought
    return choose_threshold(
        is_agent, buyers, p, marking_up_human_cost=human_cost, leaking_to_agent_cost=agent_cost
    )


def test_marking_up_a_human_dearly_moves_the_threshold_up() -> None:
    choice = chosen(3, 1)  # one agent missed, no human marked, anywhere in (0.6, 0.9]
    assert (choice.threshold, choice.cost_per_session) == (0.75, 0.25)


def test_missing_an_agent_dearly_moves_the_threshold_down() -> None:
    choice = chosen(1, 3)  # one human marked, no agent missed, anywhere in (0.1, 0.4]
    assert (choice.threshold, choice.cost_per_session) == (0.25, 0.25)


def test_the_two_trivial_policies_stand_beside_it() -> None:
    choice = chosen(3, 1)
    assert (choice.nobody_cost_per_session, choice.everybody_cost_per_session) == (2 / 4, 6 / 4)
    assert (choice.curve.cost_per_session[0], choice.curve.cost_per_session[-1]) == (6 / 4, 2 / 4)
    assert (choice.curve.humans_marked[0], choice.curve.agents_missed[-1]) == (2, 2)


def test_a_session_at_the_threshold_is_marked_up() -> None:
    choice = chosen(1, 1)
    at = choice.curve.threshold.index(0.6)
    assert (choice.curve.humans_marked[at], choice.curve.humans_marked[at + 1]) == (1, 0)


def test_without_any_cost_the_threshold_is_a_half() -> None:
    assert chosen(0, 0).threshold == 0.5


def test_exact_probabilities_have_their_threshold_at_the_break_even() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(200_000)
    choice = chosen(0.3, 0.2, rng.random(200_000) < p, p)
    assert choice.break_even == pytest.approx(0.6)
    assert choice.threshold == pytest.approx(0.6, abs=0.03)


def test_agents_that_do_not_buy_cost_nothing() -> None:
    choice = chosen(1, 3, bought=np.array([True, True, True, False]))
    assert choice.agent_buying_rate == 0.5
    assert choice.break_even == pytest.approx(1 / (1 + 3 * 0.5))
    assert choice.nobody_cost_per_session == 3 * 1 / 4
    assert (choice.curve.agents_missed[-1], choice.curve.buyers_missed[-1]) == (2, 1)


def test_the_threshold_rises_as_agents_buy_less() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(200_000)
    choice = chosen(0.3, 0.2, rng.random(200_000) < p, p, bought=rng.random(200_000) < 0.5)
    assert choice.break_even == pytest.approx(0.75, abs=0.01)
    assert choice.threshold == pytest.approx(0.75, abs=0.03)


def test_where_no_agent_bought_the_threshold_is_the_break_even_of_agents_that_all_buy() -> None:
    choice = chosen(0.3, 0.2, bought=np.array([True, True, False, False]))
    assert (choice.agent_buying_rate, choice.nobody_cost_per_session) == (0, 0)
    assert choice.threshold == choice.break_even == pytest.approx(0.6)
    assert choice.cost_per_session == pytest.approx(0.3 * 1 / 4)


def test_other_costs_give_what_a_training_at_these_costs_would_have_chosen() -> None:
    assert price_threshold(
        chosen(3, 1).curve, marking_up_human_cost=1, leaking_to_agent_cost=3
    ) == chosen(1, 3)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 0.999), st.booleans(), st.booleans()), min_size=1, max_size=30),
    st.floats(0, 2),
    st.floats(0, 2),
)
def test_where_agents_buy_the_choice_is_never_dearer_than_a_trivial_policy(
    rows: list[tuple[float, bool, bool]], human_cost: float, agent_cost: float
) -> None:
    p, is_agent, bought = (
        np.array(column) for column in zip(*rows, (0.5, True, True), strict=True)
    )
    choice = chosen(human_cost, agent_cost, is_agent, p, bought)
    assert (
        choice.cost_per_session
        <= min(choice.nobody_cost_per_session, choice.everybody_cost_per_session) + 1e-9
    )
