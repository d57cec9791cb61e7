"""The session market's optimum: the highest reward from the products in the carts, had the class
of each shopper been known.

It prices the products in the carts under a rule set, each purchase alone. What a recon buyer would
come back for at other prices is not part of it, so each rule set is compared with the optimum of
its own sessions.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from phantom_core.core.estimate import Estimate
from phantom_core.core.leakage_terms import USUAL_TERMS, LeakageTerms
from phantom_core.core.limits import GuardRails
from phantom_core.core.progress import Progress, no_progress
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.market.demand import purchase_probability
from phantom_core.models.network_pricer import NetworkPricer
from phantom_core.rules.evaluate import check_features
from phantom_core.rules.rule_set import RuleSet
from phantom_core.session_market.market import (
    AgentScorer,
    RuleQuote,
    run_sessions,
    sums_of,
)
from phantom_core.session_market.result import (
    SessionFigures,
    compare_results,
    plain_figures,
    reward_share,
)
from phantom_core.session_market.terms import INVENTED, MarketTerms
from phantom_core.shoppers.generate import Shoppers
from phantom_core.shoppers.path import Decisions

_STEP: Final = 0.001
_PROPOSED: Final = "proposed"
_LIVE: Final = "live"
_OPTIMUM: Final = "optimum"


def best_ratio(
    sensitivity: float,
    guard_rails: GuardRails,
    *,
    is_agent: bool,
    terms: LeakageTerms = USUAL_TERMS,
) -> float:
    """Mark-up that maximises the reward of one product in the cart, in thousandths.

    Args:
        sensitivity: exponent of the demand curve.
        guard_rails: limits of the mark-up.
        is_agent: whether a low price counts as leakage.
        terms: what leaks, and its weight.

    >>> best_ratio(2.0, GuardRails(0.7, 1.5), is_agent=False)
    1.0
    """
    ratio = np.arange(guard_rails.lowest_markup, guard_rails.highest_markup + _STEP / 2, _STEP)
    leakage = np.maximum(0.0, terms.reference_ratio - ratio) if is_agent else 0.0
    reward = purchase_probability(ratio, sensitivity) * (ratio - terms.leakage_weight * leakage)
    return float(np.round(ratio[np.argmax(reward)], 3))


def at_best(
    shoppers: Shoppers,
    decisions: Decisions,
    guard_rails: GuardRails,
    terms: MarketTerms = INVENTED,
) -> Decisions:
    """The same purchase decisions, each at the best price for its class.

    Args:
        shoppers: the shoppers, with their classes.
        decisions: their quotes and purchases.
        guard_rails: limits of the prices.
        terms: of the market.
    """
    best = np.array(
        [
            best_ratio(s, guard_rails, is_agent=is_agent, terms=terms.leakage)
            for s, is_agent in ((terms.human_sensitivity, False), (terms.agent_sensitivity, True))
        ]
    )
    is_agent = shoppers.is_agent[shoppers.population.actor[decisions.visit]]
    return replace(decisions, price=decisions.base_price * best[is_agent.astype(np.int64)])


@dataclass(frozen=True, slots=True)
class PairedTrial:
    """A proposed rule set, the live one and the optimum on the same sessions.

    Attributes:
        n_sessions, seed: of the sessions.
        proposed, live: figures.
        optimum: figures of the live sessions at the best prices.
        difference: proposed minus live, in the same resamples.
        proposed_of_optimum, live_of_optimum: reward over that of the optimum of the same sessions;
            at most 1 within the guard rails.
        terms: of the market.
    """

    n_sessions: int
    seed: int
    proposed: SessionFigures
    live: SessionFigures
    optimum: SessionFigures
    difference: SessionFigures
    proposed_of_optimum: Estimate
    live_of_optimum: Estimate
    terms: MarketTerms = INVENTED

    def to_json(self) -> dict[str, object]:
        """The trial as JSON values, intervals as …_ci."""
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
            "reference_ratio": self.terms.leakage.reference_ratio,
            **arms,
            **shares,
            "leakage_weight": self.terms.leakage.leakage_weight,
            "market": self.terms.says,
            "is_invented": not self.terms.calibrated_from,
        }


def paired_trial(
    proposed: RuleSet,
    live: RuleSet,
    scorer: AgentScorer,
    *,
    guard_rails: GuardRails,
    n_sessions: int,
    seed: int,
    networks: tuple[NetworkPricer | None, NetworkPricer | None] = (None, None),
    terms: MarketTerms = INVENTED,
    progress: Progress = no_progress,
) -> PairedTrial:
    """Price the same sessions with a proposed rule set, the live one and the optimum.

    Args:
        proposed: rule set under evaluation.
        live: what it would replace.
        scorer: gives p_agent.
        guard_rails: limits of the optimum.
        n_sessions: 1 or more.
        seed: source of all randomness.
        networks: price in place of the proposed rules and of the live ones.
        terms: of the market.
        progress: called after every arm.
    Raises:
        InputError: rules that read what is not known of a session.
    """
    for rules in (proposed, live):
        check_features(rules, (*feature_names(), P_AGENT))
    priced, best = {}, {}
    for position, (name, rules) in enumerate(((_PROPOSED, proposed), (_LIVE, live))):
        progress(position / 2, f"simulating generated sessions: {name} prices")
        quote = partial(RuleQuote, rules, scorer, network=networks[position])
        shoppers, decisions = run_sessions(quote, n_sessions, seed, terms)
        priced[name], best[name] = (
            sums_of(shoppers, decisions, terms),
            sums_of(shoppers, at_best(shoppers, decisions, guard_rails, terms), terms),
        )
    everything = priced | {_OPTIMUM: best[_LIVE]}
    found = compare_results(everything, _LIVE, np.random.default_rng(seed), terms.leakage)
    shares = {
        name: reward_share(priced[name], best[name], np.random.default_rng(seed), terms.leakage)
        for name in priced
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
        terms=terms,
    )
