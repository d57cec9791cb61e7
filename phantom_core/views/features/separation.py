"""Separation: how well one feature alone separates agents from humans."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Z_95


@dataclass(frozen=True, slots=True)
class Separation:
    """How far the values of agents and humans lie apart, over sessions where they are defined.

    Attributes:
        auc: probability that an agent's value is above a human's, ties counting half; None where a
            class has no value.
        auc_low: lower end of its 95 % interval.
        auc_high: upper end.
        ks: largest distance between the two distribution functions (of a category: half the summed
            distance of the shares), in [0, 1].
    """

    auc: float | None
    auc_low: float | None
    auc_high: float | None
    ks: float | None


UNDEFINED: Final = Separation(None, None, None, None)


@needs_no_permission
def measure_separation(
    values: Floats, is_agent: NDArray[np.bool_], actor: NDArray[np.int64]
) -> Separation:
    """Measure how well a quantity separates.

    Args:
        values: NaN where undefined, shape (n_sessions,).
        is_agent: labels, shape (n_sessions,).
        actor: number of the actor behind each session, from 0, shape (n_sessions,).
    Source: Obuchowski 1997, Nonparametric analysis of clustered ROC curve data: an actor's sessions
        vary together.
    """
    known = ~np.isnan(values)
    values, is_agent, actor = values[known], is_agent[known], actor[known]
    agents, humans = values[is_agent], values[~is_agent]
    if not (len(agents) and len(humans)):
        return UNDEFINED
    of_agents, of_humans = _placements(agents, humans), 1 - _placements(humans, agents)
    auc = float(of_agents.mean())
    influence = np.empty(len(values))
    influence[is_agent], influence[~is_agent] = (
        (of_agents - auc) / len(agents),
        (of_humans - auc) / len(humans),
    )
    per_actor = np.bincount(actor, weights=influence)
    n_actors = len(np.unique(actor))
    reach = Z_95 * float(np.sqrt(np.sum(per_actor**2) * n_actors / max(1, n_actors - 1)))
    return Separation(auc, max(0.0, auc - reach), min(1.0, auc + reach), _ks(agents, humans))


@needs_no_permission
def category_separation(codes: NDArray[np.int64], is_agent: NDArray[np.bool_]) -> Separation:
    """Measure how well a category separates; it has no order and so no AUC.

    Args:
        codes: number of each session's category, -1 where undefined, shape (n_sessions,).
        is_agent: labels, shape (n_sessions,).
    """
    agents, humans = codes[is_agent & (codes >= 0)], codes[~is_agent & (codes >= 0)]
    if not (len(agents) and len(humans)):
        return UNDEFINED
    n_codes = int(codes.max()) + 1
    shares = [np.bincount(part, minlength=n_codes) / len(part) for part in (agents, humans)]
    return Separation(None, None, None, float(np.abs(shares[0] - shares[1]).sum() / 2))


def _placements(values: Floats, others: Floats) -> Floats:
    """Share of the others below each value, ties counting half."""
    ordered = np.sort(others)
    below, not_above = (
        np.searchsorted(ordered, values, side="left"),
        np.searchsorted(ordered, values, side="right"),
    )
    return (below + not_above) / (2 * len(others))


def _ks(agents: Floats, humans: Floats) -> float:
    points = np.concatenate([agents, humans])
    apart = np.searchsorted(np.sort(agents), points, side="right") / len(agents)
    apart -= np.searchsorted(np.sort(humans), points, side="right") / len(humans)
    return float(np.abs(apart).max())
