"""Model scores: what a trained model said of held-out sessions, as a market draws them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats
from phantom_core.market.traffic import SampledScorer

_N_QUANTILES: Final = 201


@dataclass(frozen=True, slots=True)
class ModelScores:
    """A model's scores of each class, and its own idea of how they buy.

    Attributes:
        source: the model and its version.
        human, agent: quantiles of P(agent) of held-out sessions of either class, rising.
        human_sensitivity, agent_sensitivity: exponent s of the demand that the model fitted.
    """

    source: str
    human: tuple[float, ...]
    agent: tuple[float, ...]
    human_sensitivity: float
    agent_sensitivity: float

    def scorer(self) -> SampledScorer:
        """Scores visitors as the model would."""
        return SampledScorer(
            np.array(self.human),
            np.array(self.agent),
            self.human_sensitivity,
            self.agent_sensitivity,
        )


def quantiles_of(scores: Floats) -> tuple[float, ...]:
    """Evenly spaced quantiles of some scores, at least one."""
    return tuple(np.quantile(scores, np.linspace(0.0, 1.0, _N_QUANTILES)).tolist())
