"""Mark-ups: prices of a rule set on recorded sessions, by class, and the leakage recovered."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.estimate import Estimate
from phantom_core.replay.purchases import Purchases
from phantom_core.replay.quotes import Quotes
from phantom_core.replay.reference import Reference, ReferenceName, leakage_of
from phantom_core.replay.resampler import Resampler
from phantom_core.rules.evaluate import Decided
from phantom_core.rules.rule_set import RuleSet


@dataclass(frozen=True, slots=True)
class ReplayClassFigures:
    """Prices of one class of sessions, each weighted with its probability to be of the class.

    Attributes:
        sessions: expected number of them that were quoted a price.
        mean_markup: mean of price over base price, over their quotes.
        quotes_marked_up: share of their quotes above the base price.
        marked_up: share of the sessions with at least one such quote.
        premium: mean of price over base price − 1, over all their quotes.
        premium_when_marked_up: the same over the quotes above the base price.
    """

    sessions: float
    mean_markup: Estimate
    quotes_marked_up: Estimate
    marked_up: Estimate
    premium: Estimate
    premium_when_marked_up: Estimate


@dataclass(frozen=True, slots=True)
class RuleUse:
    """How often a rule decided.

    Attributes:
        rule: its name or number; ELSE.
        markup_ratio: price over base price.
        quotes: it decided.
        human, agent: expected number of these quotes by class.
    """

    rule: str
    markup_ratio: float
    quotes: int
    human: float
    agent: float


@dataclass(frozen=True, slots=True)
class Recovered:
    """Leakage that a rule set would have recovered, if every purchase had still been made.

    Attributes:
        reference: name of the reference price.
        says: its description.
        problem: why it is undefined; empty where it is defined.
        logged: leakage at the recorded prices, currency.
        left: leakage at the rule set's prices, currency.
        recovered: the difference, currency; negative where the rules ask less than was recorded.
        share: recovered over the leakage at recorded prices.
    """

    reference: ReferenceName
    says: str
    problem: str
    logged: Estimate
    left: Estimate
    recovered: Estimate
    share: Estimate


def class_figures(
    markup_ratio: Floats, weight: Floats, quotes: Quotes, resampler: Resampler
) -> ReplayClassFigures:
    """Figures of one class.

    Args:
        markup_ratio: of each quote, shape (n_quotes,).
        weight: probability of each session to be of the class, 0 where unknown, shape
            (n_sessions,).
        quotes: ordered by session.
        resampler: of the actors.
    """
    of_quote, is_marked = weight[quotes.session], markup_ratio > 1.0
    quoted, highest = _highest(markup_ratio, quotes.session)
    of_session = weight[quoted]
    premium = of_quote * (markup_ratio - 1.0)
    return ReplayClassFigures(
        sessions=float(of_session.sum()),
        mean_markup=resampler.ratio(of_quote * markup_ratio, of_quote, quotes.session),
        quotes_marked_up=resampler.ratio(of_quote * is_marked, of_quote, quotes.session),
        marked_up=resampler.ratio(of_session * (highest > 1.0), of_session, quoted),
        premium=resampler.ratio(premium, of_quote, quotes.session),
        premium_when_marked_up=resampler.ratio(
            premium * is_marked, of_quote * is_marked, quotes.session
        ),
    )


def rule_uses(rules: RuleSet, decided: Decided, p_agent: Floats) -> tuple[RuleUse, ...]:
    """How often each rule decided, ELSE last.

    Args:
        rules: the rule set.
        decided: its decision for each quote.
        p_agent: of each quote's session, NaN where unknown.
    """
    n_rules = len(rules.rules)
    position = np.where(decided.rule < 0, n_rules, decided.rule)
    known = ~np.isnan(p_agent)
    n = np.bincount(position, minlength=n_rules + 1)
    agent = np.bincount(position[known], p_agent[known], minlength=n_rules + 1)
    human = np.bincount(position[known], 1.0 - p_agent[known], minlength=n_rules + 1)
    return tuple(
        RuleUse(rules.title(k), rules.markup(k), int(n[k]), float(human[k]), float(agent[k]))
        for k in range(n_rules + 1)
    )


def recovered_by_rules(
    purchases: Purchases,
    p_agent: Floats,
    markup_ratio: Floats,
    references: Sequence[Reference],
    resampler: Resampler,
) -> tuple[Recovered, ...]:
    """Leakage recovered under each reference price.

    Args:
        purchases: those that were quoted.
        p_agent: label or probability of each, shape (n_purchases,).
        markup_ratio: what the rules ask for each, shape (n_purchases,).
        references: of the same purchases.
        resampler: of the actors.
    """
    found = []
    for reference in references:
        logged, left = (
            p_agent * leakage_of(purchases, reference, ratio) for ratio in (None, markup_ratio)
        )
        session = purchases.session
        recovered = logged - left
        figures = (
            resampler.total(logged, session),
            resampler.total(left, session),
            resampler.total(recovered, session),
        )
        found.append(
            Recovered(
                reference.name,
                reference.says,
                reference.problem,
                *figures,
                resampler.ratio(recovered, logged, session),
            )
        )
    return tuple(found)


def _highest(values: Floats, session: Ints) -> tuple[Ints, NDArray[np.float64]]:
    """Sessions, and the highest value of each; rows are ordered by session."""
    quoted, starts = np.unique(session, return_index=True)
    return quoted, np.maximum.reduceat(values, starts) if values.size else values
