"""Price response: how far a fitted demand curve can be trusted, by class and by price.

Elasticity at the base price comes from the curves of held-out shoppers, corrected by their
choices: with the fitted log-odds as an offset, a logistic regression on the log price
ratio and its square finds the slope that the curves miss there, and its standard error is the
interval's. Without the correction a network, which shrinks uncertain effects, would report too
little.

Source: van der Laan and Rose 2011, Targeted learning, for the one-step correction; Liang and Zeger
1986 for errors robust to clusters.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate, normal_interval
from phantom_core.evaluation.metrics import CalibrationBin, calibration_bins

BAND_EDGES: Final = (0.9, 1.1)
_STEPS: Final = 30
_RIDGE: Final = 1e-9
_LONGEST_STEP: Final = 2.0


@dataclass(frozen=True, slots=True)
class ElasticityEstimate:
    """Of one class, at the base price.

    Attributes:
        value: percent more purchases per percent more price, with its 95 % interval.
        as_fitted: by the curves alone, uncorrected.
        n_offers, n_bought: offers behind it, each weighted with its probability to be of this
            class.
    """

    value: Estimate
    as_fitted: float
    n_offers: float
    n_bought: float


@dataclass(frozen=True, slots=True)
class Band:
    """Offers of one class at neighbouring prices: predicted and observed.

    Attributes:
        who: "human" or "agent".
        low_ratio, high_ratio: of the prices; None for no limit.
        bin: mean probability and observed share with its interval.
    """

    who: str
    low_ratio: float | None
    high_ratio: float | None
    bin: CalibrationBin


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """Held-out offers with a price, arrays of shape (n,).

    Attributes:
        log_ratio: natural logarithm of price over base price.
        bought: whether it was bought.
        p_purchase: out-of-fold probability at the price offered.
        p_at_base: the same at the base price.
        elasticity: of the fitted curve at the base price.
        actor: behind each offer.
    """

    log_ratio: Floats
    bought: NDArray[np.bool_]
    p_purchase: Floats
    p_at_base: Floats
    elasticity: Floats
    actor: NDArray[np.int64]


def elasticity_of_class(response: Response, weight: Floats) -> ElasticityEstimate:
    """Elasticity of the offers made to one class.

    Args:
        response: held-out offers.
        weight: probability that an offer was made to the class, shape (n,).
    """
    at_base = weight * response.p_at_base
    total = max(float(at_base.sum()), _RIDGE)
    as_fitted = float((at_base * response.elasticity).sum() / total)
    missed, error = _missed_slope(response, weight)
    # A slope of the log-odds moves the probability itself by this much less.
    lost = 1.0 - float((at_base * response.p_at_base).sum() / total)
    return ElasticityEstimate(
        normal_interval(as_fitted + missed * lost, error * lost),
        as_fitted,
        float(weight.sum()),
        float(weight[response.bought].sum()),
    )


def price_bands(response: Response, weights: dict[str, Floats]) -> tuple[Band, ...]:
    """Predicted against observed purchases, by class and price.

    Args:
        response: held-out offers.
        weights: class → probability that an offer was made to it; an offer counts for the likelier
            class.
    """
    edges = [-np.inf, *np.log(BAND_EDGES), np.inf]
    ratios = [None, *BAND_EDGES, None]
    likeliest = np.stack(list(weights.values())).argmax(axis=0)
    bands = []
    for position, who in enumerate(weights):
        for low, high, low_ratio, high_ratio in zip(
            edges, edges[1:], ratios, ratios[1:], strict=False
        ):
            rows = (
                (likeliest == position) & (response.log_ratio >= low) & (response.log_ratio < high)
            )
            if rows.any():
                (one,) = calibration_bins(
                    response.bought[rows], response.p_purchase[rows], n_bins=1
                )
                bands.append(Band(who, low_ratio, high_ratio, one))
    return tuple(bands)


def _missed_slope(response: Response, weight: Floats) -> tuple[float, float]:
    """Slope on the log price ratio that the curves miss, and its standard error."""
    design = np.stack(
        [np.ones(response.log_ratio.size), response.log_ratio, response.log_ratio**2], axis=1
    )
    offset = special.logit(np.clip(response.p_purchase, 1e-9, 1 - 1e-9))
    theta = np.zeros(design.shape[1])
    hessian = np.eye(theta.size)
    for _ in range(_STEPS):
        p = special.expit(offset + design @ theta)
        hessian = design.T @ ((weight * p * (1 - p))[:, None] * design) + _RIDGE * np.eye(
            theta.size
        )
        step = np.linalg.solve(hessian, design.T @ (weight * (response.bought - p)))
        theta = theta + np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        if np.abs(step).max() < 1e-8:
            break
    scores = (weight * (response.bought - special.expit(offset + design @ theta)))[:, None] * design
    _, actor = np.unique(response.actor, return_inverse=True)
    by_actor = np.stack([np.bincount(actor, column) for column in scores.T], axis=1)
    bread = np.linalg.inv(hessian)
    n_actors = len(by_actor)
    covariance = bread @ (by_actor.T @ by_actor) @ bread * n_actors / max(n_actors - 1, 1)
    return float(theta[1]), float(np.sqrt(covariance[1, 1]))
