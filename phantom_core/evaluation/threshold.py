"""Threshold by cost: the probability from which marking up is cheaper than not."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats

# 0 marks up every session, 1 none: calibrated probabilities never reach 1.
THRESHOLDS: Final = np.linspace(0, 1, 201)


@dataclass(frozen=True, slots=True)
class CostCurve:
    """What each threshold does and costs; all of one length.

    Attributes:
        threshold: a session is marked up from this probability on.
        cost_per_session: expected cost, in units of the average order.
        humans_marked: count.
        agents_missed: count.
        buyers_missed: those of the missed agents that bought; only they cost anything, count.
    """

    threshold: tuple[float, ...]
    cost_per_session: tuple[float, ...]
    humans_marked: tuple[int, ...]
    agents_missed: tuple[int, ...]
    buyers_missed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """The threshold with the lowest expected cost, or the break-even where no agent bought.

    Attributes:
        threshold: a session is marked up from this probability on.
        cost_per_session: expected cost there, in units of the average order.
        nobody_cost_per_session: without any mark-up.
        everybody_cost_per_session: of marking up every session.
        break_even: the best threshold if probabilities were exact; where no agent bought, the one
            if every agent did.
        marking_up_human_cost: what one human marked up costs, in units of the average order.
        leaking_to_agent_cost: what one agent that buys at the low quote costs, in units of the
            average order.
        agent_buying_rate: share of the agent sessions that bought; 0 without agents.
        curve: the cost of every threshold.
    """

    threshold: float
    cost_per_session: float
    nobody_cost_per_session: float
    everybody_cost_per_session: float
    break_even: float
    marking_up_human_cost: float
    leaking_to_agent_cost: float
    agent_buying_rate: float
    curve: CostCurve


def choose_threshold(
    is_agent: NDArray[np.bool_],
    bought: NDArray[np.bool_],
    probability: Floats,
    *,
    marking_up_human_cost: float,
    leaking_to_agent_cost: float,
) -> ThresholdChoice:
    """Find the cheapest threshold; among equals the one nearest to the break-even.

    Args:
        is_agent: labels, shape (n_rows,).
        bought: whether the session ended in a purchase, shape (n_rows,).
        probability: calibrated and out of fold, in [0, 1), shape (n_rows,).
        marking_up_human_cost: what one human marked up costs, from 0.
        leaking_to_agent_cost: what one agent that buys at the low quote costs, from 0.
    """
    humans = np.sort(probability[~is_agent])
    curve = CostCurve(
        threshold=tuple(THRESHOLDS.tolist()),
        cost_per_session=(0.0,) * len(THRESHOLDS),
        humans_marked=tuple(
            (len(humans) - np.searchsorted(humans, THRESHOLDS, side="left")).tolist()
        ),
        agents_missed=_missed(probability[is_agent]),
        buyers_missed=_missed(probability[is_agent & bought]),
    )
    return price_threshold(
        curve,
        marking_up_human_cost=marking_up_human_cost,
        leaking_to_agent_cost=leaking_to_agent_cost,
    )


def price_threshold(
    curve: CostCurve, *, marking_up_human_cost: float, leaking_to_agent_cost: float
) -> ThresholdChoice:
    """Choose among the same thresholds for other costs.

    Args:
        curve: what each threshold does; its costs are not read.
        marking_up_human_cost: what one human marked up costs, from 0.
        leaking_to_agent_cost: what one agent that buys at the low quote costs, from 0.
    """
    # The lowest threshold marks all humans, the highest misses all agents.
    n_humans, n_agents, n_buyers = (
        curve.humans_marked[0],
        curve.agents_missed[-1],
        curve.buyers_missed[-1],
    )
    n_sessions, buying_rate = n_humans + n_agents, n_buyers / max(1, n_agents)
    cost = (
        marking_up_human_cost * np.array(curve.humans_marked)
        + leaking_to_agent_cost * np.array(curve.buyers_missed)
    ) / n_sessions
    break_even = _break_even(marking_up_human_cost, leaking_to_agent_cost * (buying_rate or 1.0))
    # Where no agent bought, no mark-up at all would always win, whatever the probabilities.
    best = _nearest(
        np.array(curve.threshold), break_even, _cheapest(cost) if n_buyers else np.arange(len(cost))
    )
    return ThresholdChoice(
        threshold=curve.threshold[best],
        cost_per_session=float(cost[best]),
        nobody_cost_per_session=leaking_to_agent_cost * n_buyers / n_sessions,
        everybody_cost_per_session=marking_up_human_cost * n_humans / n_sessions,
        break_even=break_even,
        marking_up_human_cost=marking_up_human_cost,
        leaking_to_agent_cost=leaking_to_agent_cost,
        agent_buying_rate=buying_rate,
        curve=replace(curve, cost_per_session=tuple(cost.tolist())),
    )


def _missed(probability: Floats) -> tuple[int, ...]:
    """How many of these probabilities lie below each threshold."""
    return tuple(np.searchsorted(np.sort(probability), THRESHOLDS, side="left").tolist())


def _cheapest(cost: Floats) -> NDArray[np.int64]:
    return np.flatnonzero(np.isclose(cost, cost.min(), rtol=1e-12, atol=0))


def _nearest(threshold: Floats, wanted: float, among: NDArray[np.int64]) -> int:
    return int(among[np.argmin(np.abs(threshold[among] - wanted))])


def _break_even(marking_up_human_cost: float, missing_agent_cost: float) -> float:
    """Where p · leak = (1 − p) · mark-up.

    Source: Elkan 2001, The foundations of cost-sensitive learning.
    """
    total = marking_up_human_cost + missing_agent_cost
    return marking_up_human_cost / total if total else 0.5
