"""Price curve: expected outcome of each price within the guard rails, for one offer."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Z_95
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.scorer import NetworkScorer
from phantom_core.models.optimal_price import (
    PricingObjective,
    expected_revenue,
    optimal_prices,
    price_grid,
)

_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class PriceCurve:
    """Prices and what they bring, in units of the base price; arrays of shape (81,).

    Attributes:
        terms: how prices were scored.
        p_agent: P(agent); 0 where the network has no agent head.
        best_ratio: best price over base price, with its 95 % interval best_low, best_high.
        p_best: P(purchase) at it.
        is_at_guard_rail: whether a guard rail stopped it.
        ratios: prices evaluated.
        p_purchase: P(purchase) at each, with its 95 % interval p_low, p_high.
        revenue, leakage, value: expected at each; value is what the best price maximises.
    """

    terms: PricingObjective
    p_agent: float
    best_ratio: float
    best_low: float
    best_high: float
    p_best: float
    is_at_guard_rail: bool
    ratios: Floats
    p_purchase: Floats
    p_low: Floats
    p_high: Floats
    revenue: Floats
    leakage: Floats
    value: Floats


def price_curve(scorer: NetworkScorer, inputs: Inputs, terms: PricingObjective) -> PriceCurve:
    """Evaluate all prices for one row.

    Args:
        scorer: with the networks of its folds.
        inputs: one row; its own price does not matter.
        terms: how prices are scored.
    """
    p_agent = scorer.score(inputs).p_agent if scorer.knows_agents else np.zeros(1)
    best = optimal_prices(terms, lambda ratios: scorer.demand(inputs, ratios), p_agent)
    ratios = price_grid(terms)[None, :]
    p_purchase = scorer.demand(inputs, ratios)
    revenue, leakage, value = expected_revenue(terms, ratios, p_purchase, p_agent)
    p_low, p_high = _interval(
        _log_odds(p_purchase[0]), _log_odds(scorer.demand_by_fold(inputs, ratios)[:, 0])
    )
    low, high = _interval(best.ratio, _best_by_fold(scorer, inputs, terms, p_agent))
    return PriceCurve(
        terms=terms,
        p_agent=float(p_agent[0]),
        best_ratio=float(best.ratio[0]),
        best_low=terms.guard_rails.clamp(float(low[0])),
        best_high=terms.guard_rails.clamp(float(high[0])),
        p_best=float(best.p_purchase[0]),
        is_at_guard_rail=bool(best.is_at_guard_rail[0]),
        ratios=ratios[0],
        p_purchase=p_purchase[0],
        p_low=special.expit(p_low),
        p_high=special.expit(p_high),
        revenue=revenue[0],
        leakage=leakage[0],
        value=value[0],
    )


def _best_by_fold(
    scorer: NetworkScorer, inputs: Inputs, terms: PricingObjective, p_agent: Floats
) -> Floats:
    """Best price by the network of each fold, shape (n_folds, 1)."""
    return np.stack(
        [optimal_prices(terms, demand, p_agent).ratio for demand in scorer.demands_of_folds(inputs)]
    )


def _interval(value: Floats, by_fold: Floats) -> tuple[Floats, Floats]:
    """95 % interval by the delete-a-group jackknife over the networks of the folds.

    Source: Kott 2001, The delete-a-group jackknife, Journal of Official Statistics 17(4).
    """
    n = len(by_fold)
    error = np.sqrt((n - 1) / n * ((by_fold - by_fold.mean(axis=0)) ** 2).sum(axis=0))
    return value - Z_95 * error, value + Z_95 * error


def _log_odds(probability: Floats) -> Floats:
    return np.asarray(special.logit(np.clip(probability, _TINY, 1 - _TINY)))
