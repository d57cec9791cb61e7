"""The session market: generated shoppers meet prices that a rule set makes from what they did so
far.

Events → features → P(agent) → rule → price → purchase. All rule sets meet the same people, who move
alike whatever they are quoted: whether a considered product would be bought is not drawn but
counted with its probability. What differs from one rule set to the next are prices, the features
that hold prices, and what a recon buyer comes back for, namely what it was quoted lowest; from
there on its last visit goes its own way.
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
from phantom_core.models.classifier import Classifier, classifier_margin
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column, check_features, evaluate_rules
from phantom_core.rules.rule_set import Rule, RuleSet
from phantom_core.session_market.features import MarketSessionFeatures
from phantom_core.session_market.result import SessionResult, Sums, compare_results
from phantom_core.shoppers.catalogue import Catalogue, demo_catalogue
from phantom_core.shoppers.families import AGENT_SENSITIVITY, FAMILIES, HUMAN_SENSITIVITY
from phantom_core.shoppers.generate import Shoppers, draw_people, walk_people
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
REFERENCE_RATIO: Final = 1.2


class AgentScorer(Protocol):
    """Anything that tells agents by session features."""

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
        classifier: the model; it learned from whole sessions and is asked about unfinished ones.
    """

    classifier: Classifier

    def __call__(self, columns: Mapping[str, Column]) -> NDArray[np.float64]:
        """Calibrated P(agent)."""
        numbers = [
            _coded(columns[name], CATEGORIES[name]) if name in CATEGORIES else columns[name]
            for name in self.classifier.names
        ]
        values = np.stack(numbers, axis=1).astype(np.float32)
        return self.classifier.calibration.probability(
            classifier_margin(self.classifier.booster, values)
        )


def _coded(texts: Column, known: Sequence[str]) -> NDArray[np.float64]:
    """Categories as the encoding numbers them: unknown ones are the last, None is NaN."""
    number = {text: float(position) for position, text in enumerate(known)} | {None: np.nan}
    return np.array([number.get(text, len(known) - 1.0) for text in texts.tolist()], np.float64)


@dataclass(slots=True, eq=False)
class RuleQuote:
    """Prices by a rule set, for shoppers to meet.

    Attributes:
        rules: mark-ups on the base price, over the session features and p_agent.
        scorer: gives p_agent.
        people: who may come.
        catalogue: what is sold.
        watch: told of every quote: rows of the sessions, moments in UTC milliseconds, features and
            mark-ups.
    """

    rules: RuleSet
    scorer: AgentScorer
    people: Shoppers
    catalogue: Catalogue
    watch: (
        Callable[
            [NDArray[np.int64], NDArray[np.int64], Mapping[str, Column], NDArray[np.float64]], None
        ]
        | None
    ) = None
    _features: MarketSessionFeatures | None = field(default=None, init=False)

    def __call__(self, asked: QuoteRequest, rng: np.random.Generator) -> Quoted:
        """The base price times the mark-up of the first rule that holds, rounded to cents."""
        markup = np.full(asked.visit.size, self.rules.otherwise)
        if asked.visit.size and (self.rules.rules or self.watch):
            columns = self._columns(asked)
            markup = evaluate_rules(self.rules, columns, asked.visit.size).markup_ratio
            if self.watch:
                self.watch(_sessions(asked), asked.event_ms, columns, markup)
        return Quoted(np.round(asked.base_price * markup, 2), np.full(asked.visit.size, np.nan))

    def _columns(self, asked: QuoteRequest) -> dict[str, Column]:
        if self._features is None or self._features.path is not asked.path:
            crowd, sessions = self.people.crowd, asked.path.sessions
            if sessions is None:
                raise InputError(
                    "Nobody said whose visits these are.", hint="Walk them with their sessions."
                )
            self._features = MarketSessionFeatures(
                asked.path,
                crowd.store[crowd.actor[sessions]],
                self.people.clients.user_agent[sessions],
                self.catalogue,
            )
        columns = self._features.columns(asked.visit)
        if P_AGENT in self.rules.features:
            columns[P_AGENT] = self.scorer(columns)
        return columns


def _sessions(asked: QuoteRequest) -> NDArray[np.int64]:
    return asked.visit if asked.path.sessions is None else asked.path.sessions[asked.visit]


@dataclass(frozen=True, slots=True)
class SessionTrial:
    """Rule sets tried on the same sessions.

    Attributes:
        n_sessions, seed: which sessions.
        reference_ratio: what an agent should have paid, in units of the base price.
        results: one per rule set, in the order asked for.
    """

    n_sessions: int
    seed: int
    reference_ratio: float
    results: tuple[SessionResult, ...]

    def to_json(self) -> dict[str, object]:
        """The trial as plain values, results by name."""
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
    progress: Progress = no_progress,
) -> SessionTrial:
    """Let the same sessions meet each rule set, and no mark-up to compare with.

    Args:
        rule_sets: with names of their own.
        scorer: gives p_agent.
        n_sessions: 1 or more.
        seed: of everything random.
        progress: told after every rule set.
    Raises:
        InputError: nothing to try, two rule sets of one name, or one that reads what is not known
        of a session.
    """
    _check(rule_sets, n_sessions)
    arms = {rules.name: rules for rules in (NO_MARKUP, *rule_sets)}
    sums: dict[str, Sums] = {}
    for position, (name, rules) in enumerate(arms.items()):
        progress(position / len(arms), f"sessions meet {name}")
        sums[name] = sums_of(*run_sessions(partial(RuleQuote, rules, scorer), n_sessions, seed))
    progress(1, "compared")
    rng = np.random.default_rng(seed)
    figures = compare_results(sums, NO_MARKUP.name, rng)
    return SessionTrial(
        n_sessions, seed, REFERENCE_RATIO, tuple(figures[rules.name] for rules in rule_sets)
    )


def _check(rule_sets: Sequence[RuleSet], n_sessions: int) -> None:
    if not rule_sets:
        raise InputError("There are no rules to try.", hint="Name none, bands or a file of rules.")
    if n_sessions < 1:
        raise InputError(f"{n_sessions} sessions cannot be simulated.", hint="Ask for one or more.")
    found = [rules.name for rules in rule_sets]
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise InputError(
            f"Two rule sets are called '{twice[0]}'.", hint="Give each file a name of its own."
        )
    for rules in rule_sets:
        check_features(rules, (*feature_names(), P_AGENT))
        if rules.name == NO_MARKUP.name and rules != NO_MARKUP:
            raise InputError(
                f"'{NO_MARKUP.name}' is the name of prices without a mark-up.",
                hint="Call the rules something else.",
            )


def run_sessions(
    quote: Callable[[Shoppers, Catalogue], Quote], n_sessions: int, seed: int
) -> tuple[Shoppers, Decisions]:
    """Who comes, and what they consider at which price.

    Args:
        quote: makes what sets the prices, of who may come and what is sold.
        n_sessions: 1 or more.
        seed: of who comes and how they move.
    """
    rng, catalogue = np.random.default_rng(seed), demo_catalogue()
    people = draw_people(n_sessions, FAMILIES, rng)
    _, decisions = walk_people(
        people, Shop(catalogue, quote(people, catalogue)), rng, price_blind=True
    )
    return people, decisions


def sums_of(people: Shoppers, decisions: Decisions) -> Sums:
    """What each actor looks at and spends."""
    actor = people.crowd.actor[decisions.visit]
    is_agent, n_actors = people.is_agent, people.is_agent.size
    ratio = decisions.price / decisions.base_price
    s = np.where(is_agent[actor], AGENT_SENSITIVITY, HUMAN_SENSITIVITY)
    units = decisions.considered * purchase_probability(ratio, s)
    marked = ratio > 1.0 + 0.005 / decisions.base_price  # a cent of rounding is no mark-up

    def total(values: NDArray[np.float64] | NDArray[np.bool_] | None) -> NDArray[np.float64]:
        return np.bincount(
            actor, None if values is None else values.astype(np.float64), minlength=n_actors
        ).astype(np.float64)

    return Sums(
        kind=np.where(is_agent, AGENT, HUMAN),
        sessions=np.bincount(people.crowd.actor, minlength=n_actors).astype(np.float64),
        quotes=total(None),
        marked=total(marked),
        units=total(units),
        premium=total(units * (ratio - 1.0)),
        revenue=total(units * decisions.price),
        leakage=total(
            units
            * is_agent[actor]
            * np.maximum(0.0, REFERENCE_RATIO - ratio)
            * decisions.base_price
        ),
    )
