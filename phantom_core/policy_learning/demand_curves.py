"""Demand curves: how likely each class buys what it put in the cart, at any price."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special, stats

from phantom_core.core.arrays import Floats
from phantom_core.market.calibration.sensitivity import Choices, Curves, fit_curves

# Curves with intercepts are used where the data speak this clearly against those without.
_REJECTED_BELOW: Final = 0.05


@dataclass(frozen=True, slots=True)
class DemandCurves:
    """logit P(buy | in the cart) = intercept − slope · log(price / base price), for each class.

    Attributes:
        human_slope, human_intercept: of humans.
        agent_slope, agent_intercept: of agents.
    """

    human_slope: float
    human_intercept: float
    agent_slope: float
    agent_intercept: float

    def human(self, ratio: Floats) -> Floats:
        """P(buy) of a human at each price over base price."""
        return np.asarray(special.expit(self.human_intercept - self.human_slope * np.log(ratio)))

    def agent(self, ratio: Floats) -> Floats:
        """P(buy) of an agent at each price over base price.

        >>> DemandCurves(2.0, 0.0, 5.0, 0.0).agent(np.array([1.0])).tolist()
        [0.5]
        """
        return np.asarray(special.expit(self.agent_intercept - self.agent_slope * np.log(ratio)))

    def mixed(self, ratio: Floats, p_agent: Floats) -> Floats:
        """P(buy) of a shopper who is an agent with a probability."""
        return np.asarray((1.0 - p_agent) * self.human(ratio) + p_agent * self.agent(ratio))


@dataclass(frozen=True, slots=True, eq=False)
class FittedDemand:
    """Demand curves, and how well they are known.

    Attributes:
        curves: the fit.
        covariance: of its four parameters, clustered by actor, shape (4, 4); zeros where the curves
            are assumed.
        p_no_intercept: probability of intercepts this far from 0 if there are none; NaN where
            the curves are assumed.
    """

    curves: DemandCurves
    covariance: Floats
    p_no_intercept: float

    def near(self, position: int, step: float) -> DemandCurves:
        """The curves with one parameter moved."""
        parameters = parameters_of(self.curves)
        parameters[position] += step
        return DemandCurves(*parameters.tolist())


def parameters_of(curves: DemandCurves) -> Floats:
    """Slope and intercept of humans, then of agents."""
    return np.array(
        [
            curves.human_slope,
            curves.human_intercept,
            curves.agent_slope,
            curves.agent_intercept,
        ]
    )


def assumed_demand(human_slope: float, agent_slope: float) -> FittedDemand:
    """Curves of the simulated market, which are bought at even odds at the base price."""
    curves = DemandCurves(human_slope, 0.0, agent_slope, 0.0)
    return FittedDemand(curves, np.zeros((4, 4)), float("nan"))


def fit_demand(choices: Choices) -> FittedDemand:
    """Fit both curves to products in the cart, bought or not.

    The intercepts are left out where the choices do not speak against that: two parameters that are
    not needed would double the error of the two that are.

    Raises:
        DataError: the choices do not identify them.
    """
    full = fit_curves(choices, intercept=True)
    intercepts = full.values[:, 1]
    wald = intercepts @ np.linalg.solve(full.covariance[1::2, 1::2], intercepts)
    p_no_intercept = float(stats.chi2.sf(wald, 2))
    if p_no_intercept < _REJECTED_BELOW:
        return FittedDemand(_curves(full), full.covariance, p_no_intercept)
    plain = fit_curves(choices, intercept=False)
    covariance = np.zeros((4, 4))
    covariance[::2, ::2] = plain.covariance
    return FittedDemand(_curves(plain), covariance, p_no_intercept)


def _curves(fitted: Curves) -> DemandCurves:
    slopes = fitted.values[:, 0].tolist()
    intercepts = fitted.values[:, 1].tolist() if fitted.values.shape[1] > 1 else [0.0, 0.0]
    return DemandCurves(slopes[0], intercepts[0], slopes[1], intercepts[1])
