"""The session market: generated shoppers get prices from a rule set that reads their sessions.

Events → features → P(agent) → rule → price → purchase. All rule sets price the same shoppers, who
move alike whatever they are quoted: whether a product in the cart is bought is not drawn but
counted with its probability. Rule sets differ in prices, in the features that contain prices, and
in the product a recon buyer comes back for, namely the one quoted lowest; from there on its last
session differs too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import InputError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.features.catalogue import CATEGORIES, feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.market.demand import purchase_probability
from phantom_core.market.traffic import AGENT, HUMAN
from phantom_core.models.network_pricer import NetworkPricer
from phantom_core.models.quote_classifier import QuoteClassifier
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column, check_features, evaluate_rules
from phantom_core.rules.rule_set import Rule, RuleSet
from phantom_core.session_market.features import MarketSessionFeatures
from phantom_core.session_market.result import SessionResult, Sums, compare_results
from phantom_core.session_market.terms import INVENTED, MarketTerms
from phantom_core.shoppers.catalogue import Catalogue, demo_catalogue
from phantom_core.shoppers.generate import Shoppers, draw_shoppers, walk_shoppers
from phantom_core.shoppers.path import Decisions
from phantom_core.shoppers.quotes import Quote, Quoted, QuoteRequest, Shop

NO_MARKUP: Final = RuleSet("none", ())
BANDS: Final = RuleSet(
    "bands",
    (
        Rule((Condition(P_AGENT, ">", 0.7),), 1.3, "very likely an agent"),
        Rule((Condition(P_AGENT, ">", 0.4),), 1.1, "likely an agent"),
    ),
)


class AgentScorer(Protocol):
    """A model that estimates P(agent) from session features."""

    def __call__(self, columns: Mapping[str, Column]) -> NDArray[np.float64]:
        """P(agent) of each row.

        Args:
            columns: the session features, numbers with NaN and texts with None where undefined,
                shape (n_rows,) each.
        """


@dataclass(frozen=True, slots=True, eq=False)
class ClassifierScorer:
    """A trained classifier as a scorer.

    Attributes:
        classifier: the part of the model that learned from sessions at their quotes.
    """

    classifier: QuoteClassifier

    def __call__(self, columns: Mapping[str, Column]) -> NDArray[np.float64]:
        """Calibrated P(agent)."""
        numbers = [
            _coded(columns[name], CATEGORIES[name]) if name in CATEGORIES else columns[name]
            for name in self.classifier.names
        ]
        values = np.stack(numbers, axis=1).astype(np.float32)
        return self.classifier.probability_of(values)


def _coded(texts: Column, known: Sequence[str]) -> NDArray[np.float64]:
    """Category codes of the encoding: unknown ones are the last, None is NaN."""
    number = {text: float(position) for position, text in enumerate(known)} | {None: np.nan}
    return np.array([number.get(text, len(known) - 1.0) for text in texts.tolist()], np.float64)


@dataclass(slots=True, eq=False)
class RuleQuote:
    """Prices by a rule set, as a quote policy for generated shoppers.

    Attributes:
        rules: mark-ups on the base price, over the session features and p_agent.
        scorer: gives p_agent.
        shoppers: possible visitors.
        catalogue: sold products.
        watch: called with every quote: rows of the sessions, times in UTC milliseconds, features
            and mark-ups.
        network: prices in place of the rules, which then apply where it cannot; None for none.
    """

    rules: RuleSet
    scorer: AgentScorer
    shoppers: Shoppers
    catalogue: Catalogue
    watch: (
        Callable[
            [NDArray[np.int64], NDArray[np.int64], Mapping[str, Column], NDArray[np.float64]], None
        ]
        | None
    ) = None
    network: NetworkPricer | None = None
    _features: MarketSessionFeatures | None = field(default=None, init=False)

    def __call__(self, request: QuoteRequest, rng: np.random.Generator) -> Quoted:
        """The base price times the mark-up of the first matching rule, rounded to cents."""
        markup = np.full(request.visit.size, self.rules.otherwise)
        if request.visit.size and (self.rules.rules or self.watch or self.network):
            columns = self._columns(request)
            markup = evaluate_rules(self.rules, columns, request.visit.size).markup_ratio
            if self.network:
                products = [self.catalogue.product_id[at] for at in request.product.tolist()]
                asked = self.network.markup_ratios(columns, products, request.base_price)
                markup = np.where(np.isnan(asked), markup, asked)
            if self.watch:
                self.watch(_sessions(request), request.event_ms, columns, markup)
        return Quoted(np.round(request.base_price * markup, 2), np.full(request.visit.size, np.nan))

    def _columns(self, request: QuoteRequest) -> dict[str, Column]:
        if self._features is None or self._features.path is not request.path:
            population, sessions = self.shoppers.population, request.path.sessions
            if sessions is None:
                raise InputError(
                    "The sessions behind these quotes are unknown.",
                    hint="Walk them with their sessions.",
                )
            self._features = MarketSessionFeatures(
                request.path,
                population.store[population.actor[sessions]],
                self.shoppers.clients.user_agent[sessions],
                self.catalogue,
            )
        columns = self._features.columns(request.visit)
        if P_AGENT in self.rules.features:
            columns[P_AGENT] = self.scorer(columns)
        return columns


def _sessions(request: QuoteRequest) -> NDArray[np.int64]:
    return request.visit if request.path.sessions is None else request.path.sessions[request.visit]


@dataclass(frozen=True, slots=True)
class SessionTrial:
    """Results of rule sets on the same sessions.

    Attributes:
        n_sessions, seed: of the sessions.
        reference_ratio: price that an agent should pay, in units of the base price.
        results: one per rule set, in the order requested.
    """

    n_sessions: int
    seed: int
    reference_ratio: float
    results: tuple[SessionResult, ...]

    def to_json(self) -> dict[str, object]:
        """The trial as JSON values, results by name."""
        head = {
            "sessions": self.n_sessions,
            "seed": self.seed,
            "reference_ratio": self.reference_ratio,
        }
        return {**head, "results": {result.name: result.to_json() for result in self.results}}


def session_trial(
    rule_sets: Sequence[RuleSet],
    scorer: AgentScorer,
    *,
    n_sessions: int,
    seed: int,
    terms: MarketTerms = INVENTED,
    progress: Progress = no_progress,
) -> SessionTrial:
    """Price the same sessions with each rule set, and without a mark-up for comparison.

    Args:
        rule_sets: with distinct names.
        scorer: gives p_agent.
        n_sessions: 1 or more.
        seed: source of all randomness.
        terms: of the market.
        progress: called after every rule set.
    Raises:
        InputError: no rule set, two of one name, or one that reads what is not known of a
            session.
    """
    _check(rule_sets, n_sessions)
    arms = {rules.name: rules for rules in (NO_MARKUP, *rule_sets)}
    sums: dict[str, Sums] = {}
    for position, (name, rules) in enumerate(arms.items()):
        progress(position / len(arms), f"simulating sessions: {name}")
        quote = partial(RuleQuote, rules, scorer)
        sums[name] = sums_of(*run_sessions(quote, n_sessions, seed, terms), terms)
    progress(1, "compared")
    rng = np.random.default_rng(seed)
    figures = compare_results(sums, NO_MARKUP.name, rng, terms.leakage)
    results = tuple(figures[rules.name] for rules in rule_sets)
    return SessionTrial(n_sessions, seed, terms.leakage.reference_ratio, results)


def _check(rule_sets: Sequence[RuleSet], n_sessions: int) -> None:
    if not rule_sets:
        raise InputError("There are no rules to try.", hint="Name none, bands or a file of rules.")
    if n_sessions < 1:
        raise InputError(f"{n_sessions} sessions cannot be simulated.", hint="Ask for one or more.")
    found = [rules.name for rules in rule_sets]
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise InputError(
            f"Two rule sets are called '{twice[0]}'.", hint="Give each file a different name."
        )
    for rules in rule_sets:
        check_features(rules, (*feature_names(), P_AGENT))
        if rules.name == NO_MARKUP.name and rules != NO_MARKUP:
            raise InputError(
                f"'{NO_MARKUP.name}' is the name of prices without a mark-up.",
                hint="Call the rules something else.",
            )


def run_sessions(
    quote: Callable[[Shoppers, Catalogue], Quote],
    n_sessions: int,
    seed: int,
    terms: MarketTerms = INVENTED,
) -> tuple[Shoppers, Decisions]:
    """Simulate sessions under one quote policy.

    Args:
        quote: makes the quote policy, given the shoppers and the catalogue.
        n_sessions: 1 or more.
        seed: of the shoppers and how they move.
        terms: of the market: how many of the shoppers are agents.
    """
    rng, catalogue = np.random.default_rng(seed), demo_catalogue()
    shoppers = draw_shoppers(n_sessions, terms.families, rng)
    _, decisions = walk_shoppers(
        shoppers, Shop(catalogue, quote(shoppers, catalogue)), rng, price_blind=True
    )
    return shoppers, decisions


def sums_of(shoppers: Shoppers, decisions: Decisions, terms: MarketTerms = INVENTED) -> Sums:
    """Totals of each actor, counted by the demand and the leakage of a market."""
    actor = shoppers.population.actor[decisions.visit]
    is_agent, n_actors = shoppers.is_agent, shoppers.is_agent.size
    ratio = decisions.price / decisions.base_price
    s = np.where(is_agent[actor], terms.agent_sensitivity, terms.human_sensitivity)
    units = decisions.considered * purchase_probability(ratio, s)
    marked = ratio > 1.0 + 0.005 / decisions.base_price  # a cent of rounding is no mark-up

    def total(values: NDArray[np.float64] | NDArray[np.bool_] | None) -> NDArray[np.float64]:
        return np.bincount(
            actor, None if values is None else values.astype(np.float64), minlength=n_actors
        ).astype(np.float64)

    return Sums(
        kind=np.where(is_agent, AGENT, HUMAN),
        sessions=np.bincount(shoppers.population.actor, minlength=n_actors).astype(np.float64),
        quotes=total(None),
        marked=total(marked),
        units=total(units),
        premium=total(units * (ratio - 1.0)),
        revenue=total(units * decisions.price),
        leakage=total(units * is_agent[actor] * terms.short(ratio) * decisions.base_price),
    )
