"""Demand curve of a training: elasticities and price bands by class, on held-out shoppers."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.evaluation.learning import Learning
from phantom_core.evaluation.multitask_report import DemandCurve
from phantom_core.evaluation.price_response import (
    ElasticityEstimate,
    Response,
    elasticity_of_class,
    price_bands,
)
from phantom_core.models.curves import Curve
from phantom_core.models.multitask.cross_fit import CrossFitted, log_odds
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.network import Network

# Elasticity at the base price is a difference over this step to both sides, in log price.
_STEP: Final = 0.01
_ROWS_CHECKED: Final = 500
_RATIOS: Final = np.linspace(0.5, 2.0, 31)
_ROUNDING: Final = 1e-7
LEAST_OF_A_CLASS: Final = 10


def refused_curve(why: DataError) -> DemandCurve:
    """A missing curve, with its reason."""
    return DemandCurve(why.message, why.hint, None, None, (), is_monotone=True)


def demand_curve(
    learning: Learning, fitted: CrossFitted, purchase: Curve, p_agent: Floats | None
) -> DemandCurve:
    """Measure the curve on held-out offers.

    Args:
        learning: offers and sessions.
        fitted: networks of all folds.
        purchase: calibration of the purchase head.
        p_agent: out-of-fold P(agent) of each offer, shape (n_offers,); None where no model
            gives it.
    """
    offers, n = learning.rows[learning.is_offer], learning.offers.num_rows
    priced = ~np.isnan(offers.inputs.log_ratio)
    at = {
        ratio: _out_of_fold(fitted, offers.inputs, fitted.fold[:n], purchase, ratio)
        for ratio in (-_STEP, 0.0, _STEP)
    }
    response = Response(
        log_ratio=offers.inputs.log_ratio[priced].astype(np.float64),
        bought=offers.bought[priced] == 1,
        p_purchase=purchase.probability(fitted.purchase[:n])[priced],
        p_at_base=at[0.0][priced],
        elasticity=((np.log(at[_STEP]) - np.log(at[-_STEP])) / (2 * _STEP))[priced],
        actor=offers.actor[priced],
    )
    weights = _class_weights(offers.is_agent[priced], None if p_agent is None else p_agent[priced])
    return DemandCurve(
        refusal="",
        hint="",
        human=_measured(response, weights.get("human")),
        agent=_measured(response, weights.get("agent")),
        bands=price_bands(response, weights) if weights else (),
        is_monotone=is_monotone(fitted.networks[0], offers.inputs[:_ROWS_CHECKED], purchase),
    )


def is_monotone(network: Network, inputs: Inputs, purchase: Curve) -> bool:
    """Whether P(purchase) of these rows falls or stays at each of 31 rising prices."""
    ratios = np.broadcast_to(_RATIOS, (len(inputs), _RATIOS.size))
    _, scores = log_odds(network, inputs.at_ratios(ratios))
    return bool(
        (np.diff(purchase.probability(scores).reshape(ratios.shape), axis=1) <= _ROUNDING).all()
    )


def _out_of_fold(
    fitted: CrossFitted, inputs: Inputs, fold: NDArray[np.int64], purchase: Curve, log_ratio: float
) -> Floats:
    """P(purchase) at one price, by the network that did not see the offer."""
    priced = Inputs(inputs.session, inputs.product, np.full(len(inputs), log_ratio, np.float32))
    found = np.empty(len(inputs))
    for k, network in enumerate(fitted.networks):
        found[fold == k] = purchase.probability(log_odds(network, priced[fold == k])[1])
    return found


def _class_weights(label: NDArray[np.float32], p_agent: Floats | None) -> dict[str, Floats]:
    """Class → probability that an offer was made to it: its label, else P(agent)."""
    if p_agent is None:
        return {}
    agent = np.where(np.isnan(label), p_agent, label).astype(np.float64)
    return {"human": 1.0 - agent, "agent": agent}


def _measured(response: Response, weight: Floats | None) -> ElasticityEstimate | None:
    if weight is None or weight[response.bought].sum() < LEAST_OF_A_CLASS:
        return None
    return elasticity_of_class(response, weight)
