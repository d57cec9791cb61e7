"""Human purchases: how many purchases of an arm were humans', where the class is only guessed.

A guess at who bought is never good enough to be a weight: purchases that agents no longer make
would count as lost human ones, to the extent that agents look human. So a score of each purchase is
unmixed instead. Among labelled purchases a human's scores m_h on average and an agent's m_a; then
(m_a − score) / (m_a − m_h) is 1 on average over human purchases and 0 over agents', whatever the
score is and however many there are of each. Its mean over an arm is human conversion without bias.
That asks for a score that a price does not change within a class: see `purchase_scores`.

Source: Forman 2008, Quantifying counts and costs via classification (adjusted counts), with scores
instead of decisions.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Z_95

FEWEST_OF_A_CLASS: Final = 30
# Below this difference of the means, in standard deviations of the score, the two classes cannot be
# told apart by it.
LEAST_SEPARATION: Final = 0.5


@dataclass(frozen=True, slots=True)
class ScoreMeans:
    """Mean score of a labelled purchase of each class.

    Attributes:
        human, agent: means; the agents' is the larger one.
        agent_error: standard error of the agents' mean, clustered by actor. That of the humans'
            only scales every arm alike, so it does not matter.
        human_purchases, agent_purchases: counts they were taken from.
    """

    human: float
    agent: float
    agent_error: float
    human_purchases: int
    agent_purchases: int

    def human_weight(self, score: Floats, errors: float = 0.0) -> Floats:
        """What each purchase counts as human: 1 on average over humans' and 0 over agents'.

        Args:
            score: of each purchase.
            errors: how many standard errors the agents' mean is moved by.
        """
        agent = self.agent + errors * self.agent_error
        return np.asarray((agent - score) / (agent - self.human))

    @property
    def errors(self) -> tuple[float, ...]:
        """The agents' mean as estimated, and at both ends of its interval."""
        return (0.0, -Z_95, Z_95)


def measure_means(score: Floats, is_agent: NDArray[np.bool_], actor: Ints) -> ScoreMeans:
    """Mean scores of labelled purchases.

    Args:
        score: of each, by models that did not see its actor, shape (n,).
        is_agent: labels, shape (n,).
        actor: behind each, shape (n,).
    Raises:
        DataError: too few of a class, or scores that do not tell them apart.
    """
    counts = {"human": int((~is_agent).sum()), "agent": int(is_agent.sum())}
    if min(counts.values()) < FEWEST_OF_A_CLASS:
        raise DataError(
            f"{counts['human']} purchases are labelled human and {counts['agent']} agent; "
            f"{FEWEST_OF_A_CLASS} of each are needed to tell human purchases apart.",
            hint="Load labels of more sessions that buy.",
        )
    human, agent = float(score[~is_agent].mean()), float(score[is_agent].mean())
    centred = score[is_agent] - agent
    _, position = np.unique(actor[is_agent], return_inverse=True)
    error = float(np.sqrt((np.bincount(position, centred) ** 2).sum())) / counts["agent"]
    spread = float(np.sqrt((score[is_agent].var() + score[~is_agent].var()) / 2))
    if agent - human < max(LEAST_SEPARATION * spread, 2 * Z_95 * error):
        raise DataError(
            f"Purchases of agents score {agent:.2f} on average and those of humans {human:.2f}: "
            "too close to tell them apart.",
            hint="Load labels of more sessions that buy.",
        )
    return ScoreMeans(human, agent, error, counts["human"], counts["agent"])
