"""Label model: how often each weak rule is right, learned from agreement alone, without labels.

A latent class model of the sessions that a rule votes on: each is an agent's or a human's, and each
rule votes with a probability that depends on that alone. EM finds them; a prior that a rule is more
often right than wrong says which class is which. Two guards, as rules are not independent: rules
that agree more than the classes explain (two signs of one cause) share their weight instead of
counting twice, and that a rule abstains counts half, since agents are of several kinds, of which
each rule knows some. (Where rules are independent, precisions are off by .09 on average with it and
.03 without; on the demo set, whose agents are of five kinds, by .09 and .13.)

Source: Dawid and Skene 1979, Maximum likelihood estimation of observer error-rates; Ratner et al.
2017, Snorkel; dependence by tempered likelihoods as in Varin et al. 2011, composite likelihoods.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.errors import DataError
from phantom_core.labelling.weak_rules import ABSTAIN, AGENT, HUMAN, Votes

# Pseudo-sessions that say that a rule fires so many times as often on the class it votes for.
PRIOR_ODDS: Final = 2.0
PRIOR_SESSIONS: Final = 20.0
ABSTENTION_WEIGHT: Final = 0.5
_ROUNDS: Final = 500
_TOLERANCE: Final = 1e-7
_LEAST: Final = 1e-6
# Rules count as signs of one cause from this residual correlation on.
DEPENDENT: Final = 0.1
_DEPENDENCE_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class RuleQuality:
    """What the label model learned of one rule.

    Attributes:
        name: of the rule.
        says: agent or human.
        title: the sign, in words.
        n_votes: sessions it votes on.
        fires_on_agents: probability that it votes on an agent's session.
        fires_on_humans: the same of a human's.
        precision: probability that a session it votes on is what it says.
        weight: below 1 where it says in part what other rules say.
    """

    name: str
    says: str
    title: str
    n_votes: int
    fires_on_agents: float
    fires_on_humans: float
    precision: float
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class LabelModel:
    """Probability of each session, and the quality of each rule.

    Attributes:
        probability: that a session is an agent's; `prior` where no rule votes, shape
            (n_sessions,).
        is_covered: sessions that at least one rule votes on, shape (n_sessions,).
        prior: share of agents among the sessions that a rule votes on.
        rules: what was learned of each rule that votes at all.
    """

    probability: Floats
    is_covered: NDArray[np.bool_]
    prior: float
    rules: tuple[RuleQuality, ...]


def fit_label_model(votes: Votes) -> LabelModel:
    """Learn how often rules are right, and what each session is.

    Args:
        votes: of at least one rule for each class.
    Raises:
        DataError: no rule votes for one of the classes.
    """
    fired = votes.cast != ABSTAIN
    used = np.flatnonzero(fired.any(axis=0))
    for_agent = np.array([rule.says == "agent" for rule in votes.rules])
    _check_both(for_agent[used])
    is_covered = fired.any(axis=1)
    hit, says_agent = fired[is_covered][:, used], for_agent[used]
    patterns, row_of, times = _patterns(hit)
    weight = np.ones(used.size)
    for _ in range(_DEPENDENCE_ROUNDS):
        prior, fires, probability = _expectation_maximisation(patterns, times, says_agent, weight)
        updated = _weights(patterns, times, fires, probability)
        if np.allclose(updated, weight, atol=0.01):
            break
        weight = updated
    rules = tuple(
        _quality(votes, int(k), fires[:, at], prior, int(hit[:, at].sum()), float(weight[at]))
        for at, k in enumerate(used)
    )
    found = np.full(is_covered.size, prior)
    found[is_covered] = probability[row_of]
    return LabelModel(found, is_covered, prior, rules)


def _check_both(says_agent: NDArray[np.bool_]) -> None:
    for verdict, has in (("agent", says_agent.any()), ("human", (~says_agent).any())):
        if not has:
            raise DataError(
                f"No weak rule votes '{verdict}' on any session, so the rules cannot be weighed "
                "against each other.",
                hint="Label some sessions on the page Label desk, or load labels "
                "(ingest --labels).",
            )


def _patterns(hit: NDArray[np.bool_]) -> tuple[Floats, Ints, Floats]:
    """Distinct rows, the row of each session, and how many sessions have it."""
    distinct, row_of, times = np.unique(hit, axis=0, return_inverse=True, return_counts=True)
    return distinct.astype(np.float64), row_of.reshape(-1), times.astype(np.float64)


def _expectation_maximisation(
    patterns: Floats, times: Floats, says_agent: NDArray[np.bool_], weight: Floats
) -> tuple[float, Floats, Floats]:
    """Share of agents, how often rules fire by class, shape (2, n_rules), and probabilities."""
    n = times.sum()
    rate = (times @ patterns + 1) / (n + 2)
    pseudo = _pseudo_rates(rate, says_agent)
    prior, fires = 0.5, pseudo.copy()
    for _ in range(_ROUNDS):
        odds = _log_odds(patterns, fires, weight) + np.log(prior / (1 - prior))
        probability = 1 / (1 + np.exp(-odds))
        mass = np.stack([times * (1 - probability), times * probability])
        updated = (mass @ patterns + PRIOR_SESSIONS * pseudo) / (
            mass.sum(axis=1, keepdims=True) + PRIOR_SESSIONS
        )
        prior = float(np.clip((mass[1].sum() + 1) / (n + 2), 0.01, 0.99))
        moved = float(np.abs(updated - fires).max())
        fires = np.clip(updated, _LEAST, 1 - _LEAST)
        if moved < _TOLERANCE:
            break
    return prior, fires, probability


def _pseudo_rates(rate: Floats, says_agent: NDArray[np.bool_]) -> Floats:
    """How often rules fire by class before anything is learned, shape (2, n_rules)."""
    low = np.clip(2 * rate / (1 + PRIOR_ODDS), _LEAST, 0.49)
    high = np.clip(PRIOR_ODDS * low, _LEAST, 0.98)
    return np.stack([np.where(says_agent, low, high), np.where(says_agent, high, low)])


def _log_odds(patterns: Floats, fires: Floats, weight: Floats) -> Floats:
    """Evidence of the rules for an agent, for each pattern of votes."""
    voted = weight * np.log(fires[AGENT] / fires[HUMAN])
    abstained = ABSTENTION_WEIGHT * weight * np.log((1 - fires[AGENT]) / (1 - fires[HUMAN]))
    return np.asarray(patterns @ voted + (1 - patterns) @ abstained)


def _weights(patterns: Floats, times: Floats, fires: Floats, probability: Floats) -> Floats:
    """Weight of each rule: 1 over the number of rules that say what it says."""
    expected = probability[:, None] * fires[AGENT] + (1 - probability[:, None]) * fires[HUMAN]
    residual = patterns - expected
    covariance = (times[:, None] * residual).T @ residual
    scale = np.sqrt(np.maximum(np.diag(covariance), _LEAST))
    correlation = covariance / scale[:, None] / scale[None, :]
    np.fill_diagonal(correlation, 0.0)
    return np.asarray(1 / (1 + np.where(correlation >= DEPENDENT, correlation, 0.0).sum(axis=1)))


def _quality(
    votes: Votes, k: int, fires: Floats, prior: float, n_votes: int, weight: float
) -> RuleQuality:
    rule = votes.rules[k]
    on_humans, on_agents = float(fires[HUMAN]), float(fires[AGENT])
    is_agent = prior * on_agents / (prior * on_agents + (1 - prior) * on_humans)
    precision = is_agent if rule.says == "agent" else 1 - is_agent
    return RuleQuality(
        rule.name, rule.says, rule.title, n_votes, on_agents, on_humans, precision, weight
    )
