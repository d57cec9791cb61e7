"""Traffic: the shoppers who arrive in one hour at many shops, and their detector flags.

Nothing here depends on a price or on stock, nor does the number of random draws. So two policies
tried with the same seed get the same shoppers, with the same purchase thresholds: common random
numbers.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from phantom_core.market.demand import purchase_probability
from phantom_core.market.scenario import Detector, Scenario, Velocity

HUMAN: Final = 0
AGENT: Final = 1
CLASSES: Final = ("human", "agent")


@dataclass(frozen=True, slots=True)
class Traffic:
    """The shoppers of one hour at n_shops shops, shop after shop and in order of arrival; arrays
    (n_shoppers,) unless stated otherwise.

    Attributes:
        shop: row of the shop.
        agent: 1 for agents, 0 for humans.
        product: first choice.
        threshold: buys at a P(buy) above this, uniform in [0, 1).
        flagged: whether the detector flags them as agents.
        other: second choice for those who did not buy, -1 for those who leave.
        other_threshold: like `threshold`, for the second choice.
        arrivals: number by shop and class, shape (n_shops, 2).
        pace: sum of the visitors' velocities, events per minute, shape (n_shops,).
    """

    shop: NDArray[np.int64]
    agent: NDArray[np.int64]
    product: NDArray[np.int64]
    threshold: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    other: NDArray[np.int64]
    other_threshold: NDArray[np.float64]
    arrivals: NDArray[np.int64]
    pace: NDArray[np.float64]


def draw_traffic(
    scenario: Scenario,
    rate: NDArray[np.float64],
    share: NDArray[np.float64],
    rng: np.random.Generator,
) -> Traffic:
    """Draw the shoppers of one hour.

    Args:
        scenario: products, detector and velocities.
        rate: expected arrivals, shape (n_shops,).
        share: probability that an arrival is an agent, shape (n_shops,).
        rng: source of all randomness.
    """
    n_shops = rate.size
    shop = np.repeat(np.arange(n_shops), rng.poisson(rate))
    who, threshold, seen = rng.random((3, shop.size))
    agent = (who < share[shop]).astype(np.int64)
    arrivals = np.bincount(2 * shop + agent, minlength=2 * n_shops).reshape(n_shops, 2)
    product, other, other_threshold = _choices(scenario, shop.size, rng)
    return Traffic(
        shop=shop,
        agent=agent,
        product=product,
        threshold=threshold,
        flagged=seen < _flag_rate(scenario.detector)[agent],
        other=other,
        other_threshold=other_threshold,
        arrivals=arrivals,
        pace=_pace(scenario.human_velocity, arrivals[:, HUMAN], rng)
        + _pace(scenario.agent_velocity, arrivals[:, AGENT], rng),
    )


def _choices(
    scenario: Scenario, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """First choice, second choice and the threshold of the second; a shop with one product needs
    no draws.
    """
    n_products = len(scenario.products)
    if n_products == 1:
        return np.zeros(n, np.int64), np.full(n, -1), np.zeros(n)
    weights = np.cumsum([product.weight for product in scenario.products])
    wish, looks_on, which, other_threshold = rng.random((4, n))
    product = np.searchsorted(weights[:-1] / weights[-1], wish, side="right")
    other = (product + 1 + (which * (n_products - 1)).astype(np.int64)) % n_products
    return product, np.where(looks_on < scenario.substitution, other, -1), other_threshold


def _flag_rate(detector: Detector) -> NDArray[np.float64]:
    return np.array([detector.false_alarms, detector.recall])


def _pace(
    velocity: Velocity, visitors: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sum of the gamma distributed velocities of some visitors, again gamma distributed."""
    shape = 1.0 / velocity.spread**2
    return np.asarray(rng.standard_gamma(shape * visitors) * (velocity.mean / shape))


class ShopperScorer(Protocol):
    """A model that scores each visitor of the last hour, for observations of version v1."""

    def __call__(
        self, traffic: Traffic, ratio: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score visitors.

        Args:
            traffic: the visitors.
            ratio: price of each, in units of the base price, shape (n_shoppers,).
            rng: for the model's errors; never the traffic's own.
        Returns:
            P(agent) and P(purchase) at that price, shape (n_shoppers,) each.
        """


@dataclass(frozen=True, slots=True)
class DetectorScorer:
    """Scores from the detector's flags alone, by Bayes' rule.

    Args:
        scenario: gives the detector's quality, the usual agent share and the price sensitivities.
    """

    scenario: Scenario

    def __call__(
        self, traffic: Traffic, ratio: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """P(agent | flag), and P(purchase) of the mixture of both classes with that weight."""
        p_agent = self._given_flag()[traffic.flagged.astype(np.int64)]
        human = purchase_probability(ratio, self.scenario.human_sensitivity)
        agent = purchase_probability(ratio, self.scenario.agent_sensitivity)
        return p_agent, human + p_agent * (agent - human)

    def _given_flag(self) -> NDArray[np.float64]:
        """P(agent) without and with a flag."""
        share, flagged = self.scenario.agent_share, _flag_rate(self.scenario.detector)
        agents = share * np.array([1.0 - flagged[AGENT], flagged[AGENT]])
        humans = (1.0 - share) * np.array([1.0 - flagged[HUMAN], flagged[HUMAN]])
        return np.asarray(agents / np.maximum(agents + humans, np.finfo(float).tiny))


@dataclass(frozen=True, slots=True)
class SampledScorer:
    """Scores drawn from those that a trained model gave to held-out sessions.

    Args:
        human_scores, agent_scores: P(agent) of sessions of known class, in [0, 1], shape (any,).
        human_sensitivity, agent_sensitivity: of the purchase probability.
    """

    human_scores: NDArray[np.float64]
    agent_scores: NDArray[np.float64]
    human_sensitivity: float
    agent_sensitivity: float

    def __call__(
        self, traffic: Traffic, ratio: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Draw a score for each visitor from those of its class."""
        draw = rng.random(traffic.agent.size)
        as_human = self.human_scores[(draw * self.human_scores.size).astype(np.int64)]
        p_agent = np.where(
            traffic.agent == AGENT,
            self.agent_scores[(draw * self.agent_scores.size).astype(np.int64)],
            as_human,
        )
        human, agent = (
            purchase_probability(ratio, self.human_sensitivity),
            purchase_probability(ratio, self.agent_sensitivity),
        )
        return p_agent, human + p_agent * (agent - human)
