"""Threshold by money: from which probability on marking up costs less than letting go."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# 0 marks up everybody, 1 nobody: calibrated probabilities never reach 1.
THRESHOLDS: Final = np.linspace(0, 1, 201)


@dataclass(frozen=True, slots=True)
class CostCurve:
    """What each threshold costs; all of one length.

    Attributes:
        threshold: a session is marked up from this probability on.
        cost_per_session: expected cost, in units of the average order.
        humans_marked: count.
        agents_missed: count.
    """

    threshold: tuple[float, ...]
    cost_per_session: tuple[float, ...]
    humans_marked: tuple[int, ...]
    agents_missed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """The threshold with the lowest expected cost.

    Attributes:
        threshold: a session is marked up from this probability on.
        cost_per_session: expected cost there, in units of the average order.
        nobody_cost_per_session: of marking up nobody.
        everybody_cost_per_session: of marking up everybody.
        break_even: the best threshold if probabilities were exact.
        marking_up_human_cost: what one human marked up costs, in units of the average order.
        leaking_to_agent_cost: what one agent missed costs, in units of the average order.
        curve: the cost of every threshold.
    """

    threshold: float
    cost_per_session: float
    nobody_cost_per_session: float
    everybody_cost_per_session: float
    break_even: float
    marking_up_human_cost: float
    leaking_to_agent_cost: float
    curve: CostCurve


def choose_threshold(
    is_agent: NDArray[np.bool_], probability: Floats, *, marking_up_human_cost: float, leaking_to_agent_cost: float
) -> ThresholdChoice:
    """Find the cheapest threshold; among equals the one nearest to the break-even.

    Args:
        is_agent: labels, shape (n_rows,).
        probability: calibrated and out of fold, in [0, 1), shape (n_rows,).
        marking_up_human_cost: what one human marked up costs, from 0.
        leaking_to_agent_cost: what one agent missed costs, from 0.
    """
    humans, agents = np.sort(probability[~is_agent]), np.sort(probability[is_agent])
    humans_marked = len(humans) - np.searchsorted(humans, THRESHOLDS, side="left")
    agents_missed = np.searchsorted(agents, THRESHOLDS, side="left")
    cost = (marking_up_human_cost * humans_marked + leaking_to_agent_cost * agents_missed) / len(is_agent)
    break_even = _break_even(marking_up_human_cost, leaking_to_agent_cost)
    cheapest = np.flatnonzero(np.isclose(cost, cost.min(), rtol=1e-12, atol=0))
    best = cheapest[np.argmin(np.abs(THRESHOLDS[cheapest] - break_even))]
    return ThresholdChoice(
        threshold=float(THRESHOLDS[best]),
        cost_per_session=float(cost[best]),
        nobody_cost_per_session=leaking_to_agent_cost * len(agents) / len(is_agent),
        everybody_cost_per_session=marking_up_human_cost * len(humans) / len(is_agent),
        break_even=break_even,
        marking_up_human_cost=marking_up_human_cost,
        leaking_to_agent_cost=leaking_to_agent_cost,
        curve=CostCurve(tuple(THRESHOLDS.tolist()), tuple(cost.tolist()), tuple(humans_marked.tolist()), tuple(agents_missed.tolist())),
    )


def _break_even(marking_up_human_cost: float, leaking_to_agent_cost: float) -> float:
    """Where p · leak = (1 − p) · mark-up.

    Source: Elkan 2001, The foundations of cost-sensitive learning.
    """
    total = marking_up_human_cost + leaking_to_agent_cost
    return marking_up_human_cost / total if total else 0.5
