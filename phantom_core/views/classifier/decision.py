"""Decision: errors and costs of a threshold on the sessions a classifier was evaluated on."""

from dataclasses import dataclass

import numpy as np

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.evaluation.metrics import Confusion
from phantom_core.evaluation.report import ClassifierReport
from phantom_core.evaluation.threshold import price_threshold


@dataclass(frozen=True, slots=True)
class Costs:
    """What mistakes cost, in units of the average order, each from 0.

    Attributes:
        marking_up_human: one human marked up.
        leaking_to_agent: one agent that buys at the low quote; agents that do not buy cost nothing.
    """

    marking_up_human: float
    leaking_to_agent: float


@dataclass(frozen=True, slots=True)
class MoneyCurve:
    """Expected cost of every threshold, per session, in units of the average order.

    Attributes:
        threshold: a session is marked up from this probability on.
        cost: of each threshold.
        best_threshold: the one a training would choose at these costs.
        best_cost: its cost.
        nobody_cost: of marking up no session.
        everybody_cost: of marking up every session.
        agent_buying_rate: share of the agent sessions that bought.
    """

    threshold: tuple[float, ...]
    cost: tuple[float, ...]
    best_threshold: float
    best_cost: float
    nobody_cost: float
    everybody_cost: float
    agent_buying_rate: float

    def cost_at(self, threshold: float) -> float:
        """Cost of the curve's threshold nearest to one."""
        return self.cost[_nearest(self.threshold, threshold)]


@needs_no_permission
def confusion_at(report: ClassifierReport, threshold: float) -> Confusion:
    """Labelled sessions by label and prediction.

    Args:
        report: of a training; its figures are out of fold.
        threshold: in [0, 1]; the nearest one of the report's curve counts.
    """
    curve, (humans, agents) = report.threshold.curve, _classes(report)
    position = _nearest(curve.threshold, threshold)
    marked, missed = curve.humans_marked[position], curve.agents_missed[position]
    return Confusion(
        agents_found=agents - missed,
        agents_missed=missed,
        humans_marked=marked,
        humans_left=humans - marked,
    )


@needs_no_permission
def money_curve(report: ClassifierReport, costs: Costs) -> MoneyCurve:
    """Price every threshold.

    Args:
        report: of a training.
        costs: of its two mistakes.
    """
    choice = price_threshold(
        report.threshold.curve,
        marking_up_human_cost=costs.marking_up_human,
        leaking_to_agent_cost=costs.leaking_to_agent,
    )
    return MoneyCurve(
        threshold=choice.curve.threshold,
        cost=choice.curve.cost_per_session,
        best_threshold=choice.threshold,
        best_cost=choice.cost_per_session,
        nobody_cost=choice.nobody_cost_per_session,
        everybody_cost=choice.everybody_cost_per_session,
        agent_buying_rate=choice.agent_buying_rate,
    )


def _classes(report: ClassifierReport) -> tuple[int, int]:
    counted = report.confusion
    return counted.humans_marked + counted.humans_left, counted.agents_found + counted.agents_missed


def _nearest(thresholds: tuple[float, ...], threshold: float) -> int:
    return int(np.argmin(np.abs(np.array(thresholds) - threshold)))
