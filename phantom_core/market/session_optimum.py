"""The session market's optimum: the best that anybody could do who knew of every visitor whether it is an agent."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.errors import InputError
from phantom_core.evaluation.ranking import Estimate
from phantom_core.features.catalogue import names
from phantom_core.features.domains import P_AGENT
from phantom_core.market.demand import purchase_probability
from phantom_core.market.session_market import REFERENCE_RATIO, AgentScorer, RuleQuote, meet
from phantom_core.market.session_result import LEAKAGE_WEIGHT, SessionFigures, compare, plain_figures, reward_shares
from phantom_core.progress import Progress, silent
from phantom_core.rules.evaluate import check_features
from phantom_core.rules.rule_set import RuleSet
from phantom_core.shoppers.catalogue import Catalogue
from phantom_core.shoppers.families import AGENT_SENSITIVITY, HUMAN_SENSITIVITY
from phantom_core.shoppers.generate import People
from phantom_core.shoppers.quotes import Asked, Quote, Quoted

_STEP: Final = 0.001
_PROPOSED: Final = "proposed"
_LIVE: Final = "live"
_OPTIMUM: Final = "optimum"


def best_ratio(sensitivity: float, rails: tuple[float, float], *, is_agent: bool) -> float:
    """Mark-up that makes the most of one considered purchase, in thousandths.

    Args:
        sensitivity: exponent of the demand curve.
        rails: lowest and highest mark-up.
        is_agent: whether a low price counts as leakage.

    >>> best_ratio(2.0, (0.7, 1.5), is_agent=False)
    1.0
    """
    ratio = np.arange(rails[0], rails[1] + _STEP / 2, _STEP)
    leakage = np.maximum(0.0, REFERENCE_RATIO - ratio) if is_agent else 0.0
    reward = purchase_probability(ratio, sensitivity) * (ratio - LEAKAGE_WEIGHT * leakage)
    return float(np.round(ratio[np.argmax(reward)], 3))


@dataclass(frozen=True, slots=True, eq=False)
class OptimalQuote:
    """Prices of somebody who knows who is an agent.

    Attributes:
        rails: lowest and highest mark-up.
        people: who may come.
        catalogue: what is sold.
    """

    rails: tuple[float, float]
    people: People
    catalogue: Catalogue

    def __call__(self, asked: Asked, rng: np.random.Generator) -> Quoted:
        """The best mark-up for each class, rounded to cents."""
        if asked.path.sessions is None:
            raise InputError("Nobody said whose visits these are.", hint="Walk them with their sessions.")
        is_agent = self.people.is_agent[self.people.crowd.actor[asked.path.sessions[asked.visit]]]
        best = np.array(
            [best_ratio(HUMAN_SENSITIVITY, self.rails, is_agent=False), best_ratio(AGENT_SENSITIVITY, self.rails, is_agent=True)]
        )
        return Quoted(np.round(asked.base_price * best[is_agent.astype(np.int64)], 2), _unknown(asked))


@dataclass(frozen=True, slots=True)
class PairedTrial:
    """A proposed rule set, the live one and the optimum on the same sessions.

    Attributes:
        n_sessions, seed: which sessions.
        proposed, live, optimum: figures.
        difference: proposed minus live, in the same resamples.
        proposed_of_optimum, live_of_optimum: reward over the optimum's.
    """

    n_sessions: int
    seed: int
    proposed: SessionFigures
    live: SessionFigures
    optimum: SessionFigures
    difference: SessionFigures
    proposed_of_optimum: Estimate
    live_of_optimum: Estimate

    def to_json(self) -> dict[str, object]:
        """The trial as plain values, intervals as …_ci."""
        arms = {name: plain_figures(getattr(self, name)) for name in (_PROPOSED, _LIVE, _OPTIMUM, "difference")}
        shares: dict[str, object] = {}
        for name in ("proposed_of_optimum", "live_of_optimum"):
            share: Estimate = getattr(self, name)
            shares |= {name: share.value, f"{name}_ci": [share.low, share.high]}
        return {"sessions": self.n_sessions, "seed": self.seed, "reference_ratio": REFERENCE_RATIO, **arms, **shares}


def paired_trial(
    proposed: RuleSet,
    live: RuleSet,
    scorer: AgentScorer,
    *,
    rails: tuple[float, float],
    n_sessions: int,
    seed: int,
    progress: Progress = silent,
) -> PairedTrial:
    """Let the same sessions meet a proposed rule set, the live one and the optimum.

    Args:
        proposed: in question.
        live: what it would replace.
        scorer: gives p_agent.
        rails: lowest and highest mark-up that the optimum may choose.
        n_sessions: 1 or more.
        seed: of everything random.
        progress: told after every arm.
    Raises:
        InputError: rules that read what is not known of a session.
    """
    for rules in (proposed, live):
        check_features(rules, (*names(), P_AGENT))
    arms: dict[str, Callable[[People, Catalogue], Quote]] = {
        _PROPOSED: partial(RuleQuote, proposed, scorer),
        _LIVE: partial(RuleQuote, live, scorer),
        _OPTIMUM: partial(OptimalQuote, rails),
    }
    sums = {}
    for position, (name, quote) in enumerate(arms.items()):
        progress(position / len(arms), f"generated sessions meet the {name} prices")
        sums[name] = meet(quote, n_sessions, seed)
    found = compare(sums, _LIVE, np.random.default_rng(seed))
    shares = reward_shares(sums, _OPTIMUM, np.random.default_rng(seed))
    return PairedTrial(
        n_sessions=n_sessions,
        seed=seed,
        proposed=found[_PROPOSED].figures,
        live=found[_LIVE].figures,
        optimum=found[_OPTIMUM].figures,
        difference=found[_PROPOSED].vs_none,
        proposed_of_optimum=shares[_PROPOSED],
        live_of_optimum=shares[_LIVE],
    )


def _unknown(asked: Asked) -> NDArray[np.float64]:
    return np.full(asked.visit.size, np.nan)
