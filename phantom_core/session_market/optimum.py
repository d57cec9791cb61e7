"""The session market's optimum: the most that the purchases which visitors considered could have
brought, had their class been known.

It prices what was considered under a rule set, each purchase alone. What other prices would have
had a recon buyer come back for is not part of it, so each rule set is held against the optimum of
its own visits.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from phantom_core.core.estimate import Estimate
from phantom_core.core.limits import GuardRails
from phantom_core.core.progress import Progress, no_progress
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.market.demand import purchase_probability
from phantom_core.rules.evaluate import check_features
from phantom_core.rules.rule_set import RuleSet
from phantom_core.session_market.market import (
    REFERENCE_RATIO,
    AgentScorer,
    RuleQuote,
    run_sessions,
    sums_of,
)
from phantom_core.session_market.result import (
    LEAKAGE_WEIGHT,
    SessionFigures,
    compare_results,
    plain_figures,
    reward_share,
)
from phantom_core.shoppers.families import AGENT_SENSITIVITY, HUMAN_SENSITIVITY
from phantom_core.shoppers.generate import Shoppers
from phantom_core.shoppers.path import Decisions

_STEP: Final = 0.001
_PROPOSED: Final = "proposed"
_LIVE: Final = "live"
_OPTIMUM: Final = "optimum"


def best_ratio(sensitivity: float, guard_rails: GuardRails, *, is_agent: bool) -> float:
    """Mark-up that makes the most of one considered purchase, in thousandths.

    Args:
        sensitivity: exponent of the demand curve.
        guard_rails: it lies within them.
        is_agent: whether a low price counts as leakage.

    >>> best_ratio(2.0, GuardRails(0.7, 1.5), is_agent=False)
    1.0
    """
    ratio = np.arange(guard_rails.lowest_markup, guard_rails.highest_markup + _STEP / 2, _STEP)
    leakage = np.maximum(0.0, REFERENCE_RATIO - ratio) if is_agent else 0.0
    reward = purchase_probability(ratio, sensitivity) * (ratio - LEAKAGE_WEIGHT * leakage)
    return float(np.round(ratio[np.argmax(reward)], 3))


def at_best(people: Shoppers, decisions: Decisions, guard_rails: GuardRails) -> Decisions:
    """The same considered purchases, each at the best price for its class.

    Args:
        people: who came, and who of them is an agent.
        decisions: what they considered.
        guard_rails: prices lie within them.
    """
    human = best_ratio(HUMAN_SENSITIVITY, guard_rails, is_agent=False)
    best = np.array([human, best_ratio(AGENT_SENSITIVITY, guard_rails, is_agent=True)])
    is_agent = people.is_agent[people.crowd.actor[decisions.visit]]
    return replace(decisions, price=decisions.base_price * best[is_agent.astype(np.int64)])


@dataclass(frozen=True, slots=True)
class PairedTrial:
    """A proposed rule set, the live one and the optimum on the same sessions.

    Attributes:
        n_sessions, seed: which sessions.
        proposed, live: figures.
        optimum: figures of the live visits at the best prices.
        difference: proposed minus live, in the same resamples.
        proposed_of_optimum, live_of_optimum: reward over that of the optimum of the same visits; at
            most 1 within the guard rails.
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
        arms = {
            name: plain_figures(getattr(self, name))
            for name in (_PROPOSED, _LIVE, _OPTIMUM, "difference")
        }
        shares: dict[str, object] = {}
        for name in ("proposed_of_optimum", "live_of_optimum"):
            share: Estimate = getattr(self, name)
            shares |= {name: share.value, f"{name}_ci": [share.low, share.high]}
        return {
            "sessions": self.n_sessions,
            "seed": self.seed,
            "reference_ratio": REFERENCE_RATIO,
            **arms,
            **shares,
        }


def paired_trial(
    proposed: RuleSet,
    live: RuleSet,
    scorer: AgentScorer,
    *,
    guard_rails: GuardRails,
    n_sessions: int,
    seed: int,
    progress: Progress = no_progress,
) -> PairedTrial:
    """Let the same sessions meet a proposed rule set, the live one and the optimum.

    Args:
        proposed: in question.
        live: what it would replace.
        scorer: gives p_agent.
        guard_rails: the optimum chooses within them.
        n_sessions: 1 or more.
        seed: of everything random.
        progress: told after every arm.
    Raises:
        InputError: rules that read what is not known of a session.
    """
    for rules in (proposed, live):
        check_features(rules, (*feature_names(), P_AGENT))
    met, best = {}, {}
    for position, (name, rules) in enumerate(((_PROPOSED, proposed), (_LIVE, live))):
        progress(position / 2, f"generated sessions meet the {name} prices")
        people, decisions = run_sessions(partial(RuleQuote, rules, scorer), n_sessions, seed)
        met[name], best[name] = (
            sums_of(people, decisions),
            sums_of(people, at_best(people, decisions, guard_rails)),
        )
    found = compare_results(met | {_OPTIMUM: best[_LIVE]}, _LIVE, np.random.default_rng(seed))
    shares = {
        name: reward_share(met[name], best[name], np.random.default_rng(seed)) for name in met
    }
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
