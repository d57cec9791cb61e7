"""Scores: predictions of the models for one session and product, each computed once, on demand."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Final

import numpy as np

from phantom_core.core.telemetry.metrics import count_error
from phantom_core.features.catalogue import feature_names
from phantom_core.features.offers.product_features import product_names
from phantom_core.models.encoding import encode_session
from phantom_core.models.inference_classifier import InferenceClassifier
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.optimal_price import PricingObjective, optimal_prices
from phantom_core.services.pricing.product import PricedProduct
from phantom_core.services.pricing.published_state import PublishedState

Features = Mapping[str, float | str | None]
_SESSION: Final = feature_names()
_PRODUCT: Final = product_names()
SERVICE: Final = "pricing"


class ModelScores:
    """Probabilities and the model's price for one request; a model that fails has no prediction,
    and the failure is counted.
    Args:
        state: has the models.
        product: to price.
        features: of the session; None where unknown.

    Attributes:
        is_broken: whether a model failed.
    """

    def __init__(
        self, state: PublishedState, product: PricedProduct, features: Features | None
    ) -> None:
        self._state, self._product, self._features = state, product, features
        self.is_broken = False

    @cached_property
    def p_agent(self) -> float | None:
        """P(agent) by the classifier; None without one, or without features."""
        classifier = self._state.classifier
        if classifier is None or self._features is None:
            return None
        found = agent_probability(classifier, self._features)
        self.is_broken |= found is None
        return found

    def p_purchase(self, price_ratio: float) -> float | None:
        """P(purchase) at a price over base price, by the network; None without one."""
        if self._state.network is None or self._inputs is None:
            return None
        try:
            scores = self._state.network.score(self._inputs.at_ratios(np.array([[price_ratio]])))
            return _probability(float(scores.p_purchase[0]))
        except Exception as error:  # as above
            self._failed(error)
            return None

    def best_ratio(self, objective: PricingObjective) -> float | None:
        """The model's price over base price; None without a demand curve."""
        network, inputs = self._state.network, self._inputs
        if network is None or inputs is None or not network.has_demand:
            return None
        try:
            p_agent = network.score(inputs).p_agent if network.knows_agents else np.zeros(1)
            return _probability(
                float(
                    optimal_prices(
                        objective, lambda ratios: network.demand(inputs, ratios), p_agent
                    ).ratio[0]
                )
            )
        except Exception as error:  # as above
            self._failed(error)
            return None

    @cached_property
    def _inputs(self) -> Inputs | None:
        if self._features is None:
            return None
        known = self._product.features(self._state.elasticities.get(self._product.product_id))
        return Inputs(
            encode_session(self._features, _SESSION)[None, :],
            encode_session(known, _PRODUCT)[None, :],
            np.full(1, math.nan, np.float32),
        )

    def _failed(self, error: Exception) -> None:
        self.is_broken = True
        count_error(SERVICE, type(error).__name__)


def agent_probability(classifier: InferenceClassifier, features: Features) -> float | None:
    """P(agent) of a session; None where the classifier fails, which is counted."""
    try:
        return _probability(classifier.agent_probability(features))
    except Exception as error:  # whatever a damaged model raises, the shop gets a price
        count_error(SERVICE, type(error).__name__)
        return None


def _probability(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"A model returned {value}.")
    return value
