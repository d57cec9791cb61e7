"""Sweep: trees for many exchange rates between revenue, leakage and human purchases.

A tree maximises revenue − leakage_weight · leakage + conversion_weight · human purchases. Its
figures come from actors it did not learn from: each fold is priced by a tree of the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.progress import Progress, no_progress
from phantom_core.policy_learning.bins import Binned, bin_features
from phantom_core.policy_learning.constraints import PolicyConstraints
from phantom_core.policy_learning.payoff import (
    AGENT_REVENUE,
    HUMAN_REVENUE,
    HUMAN_UNITS,
    LEAKAGE,
    Payoff,
)
from phantom_core.policy_learning.policy_figures import relative_changes
from phantom_core.policy_learning.prune import prune_tree
from phantom_core.policy_learning.quote_sample import QuoteSample
from phantom_core.policy_learning.search import PriceLeaf, PriceSplit, Search, prices_of

# Dense where rules recover a fifth to a half of the leakage.
LEAKAGE_WEIGHTS: Final = (
    *(0.0, 0.25, 0.5, 0.75, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1, 2.2),
    *(2.4, 2.7, 3.0, 3.5),
)
CONVERSION_WEIGHTS: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)


@dataclass(frozen=True, slots=True)
class ExchangeRates:
    """What a tree maximises besides revenue.

    Attributes:
        leakage_weight: λ, revenue given up for a unit of leakage.
        conversion_weight: revenue given up for a purchase by a human, in mean base prices.
    """

    leakage_weight: float
    conversion_weight: float


USUAL_PAIRS: Final = tuple(
    ExchangeRates(leakage, conversion)
    for leakage in LEAKAGE_WEIGHTS
    for conversion in CONVERSION_WEIGHTS
)


@dataclass(frozen=True, slots=True, eq=False)
class SweptPolicy:
    """Trees of one pair of exchange rates.

    Attributes:
        rates: the pair.
        ratio: price over base price of each quote, by a tree that did not learn from its actor,
            shape (n_quotes,).
        changes: of revenue, leakage and human purchases against the base price, shape (3,).
        worst_revenue: change of revenue in the worst of the agents' shares asked for.
        premium: that humans are quoted on average.
    """

    rates: ExchangeRates
    ratio: Floats
    changes: Floats
    worst_revenue: float
    premium: float


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """Learns trees from the same quotes.

    Attributes:
        sample: the quotes.
        payoff: of the same quotes, from which trees learn.
        fold: of each quote; no actor is in two, shape (n_quotes,).
        constraints: what trees must keep.
        binned: features of the quotes.
        choices: positions of the prices that a tree may ask among those of the payoff.
    """

    sample: QuoteSample
    payoff: Payoff
    fold: Ints
    constraints: PolicyConstraints
    binned: Binned
    choices: Ints

    @classmethod
    def of(
        cls,
        sample: QuoteSample,
        payoff: Payoff,
        fold: Ints,
        constraints: PolicyConstraints,
        features: tuple[str, ...],
    ) -> "Learner":
        """Bin the features that are not banned."""
        names = tuple(name for name in features if name not in constraints.banned)
        ratios = payoff.ratios
        is_allowed = (ratios >= constraints.lowest_markup - 1e-9) & (
            ratios <= constraints.highest_markup + 1e-9
        )
        binned = bin_features(sample.columns, names, of=sample.in_cart)
        return cls(sample, payoff, fold, constraints, binned, np.flatnonzero(is_allowed))

    @property
    def ratios(self) -> Floats:
        """Prices that a tree may ask, over base price."""
        return self.payoff.ratios[self.choices]

    def grow(
        self, rates: ExchangeRates, rows: NDArray[np.bool_] | None = None
    ) -> PriceLeaf | PriceSplit:
        """The tree of some quotes; None means all."""
        chosen = self.sample.in_cart if rows is None else self.sample.in_cart & rows
        search = Search(
            self.binned[chosen],
            self.payoff.numbers[chosen],
            self._worth(rates),
            self.constraints.fewest_quotes,
            levels=1 if self.constraints.depth == 2 else 0,
        )
        return prune_tree(
            search.grow(self.constraints.depth), search, self.constraints.most_rules + 1
        )

    def held_out_ratio(self, rates: ExchangeRates) -> Floats:
        """Price of each quote by a tree that did not learn from its actor."""
        found = np.empty(len(self.sample))
        for fold in np.unique(self.fold).tolist():
            own = self.fold == fold
            tree = self.grow(rates, ~own)
            found[own] = self.ratios[prices_of(tree, self.binned.codes[own])]
        return found

    def sweep(
        self, pairs: Sequence[ExchangeRates] = USUAL_PAIRS, progress: Progress = no_progress
    ) -> tuple[SweptPolicy, ...]:
        """Trees for many pairs of exchange rates."""
        found = []
        for done, rates in enumerate(pairs):
            progress(done / len(pairs), f"λ = {rates.leakage_weight:g}")
            found.append(self._swept(rates))
        return tuple(found)

    def _swept(self, rates: ExchangeRates) -> SweptPolicy:
        ratio = self.held_out_ratio(rates)
        own, base = (
            self.payoff.totals(self.payoff.position(one)) for one in (ratio, np.ones_like(ratio))
        )
        human = 1.0 - self.sample.p_agent
        return SweptPolicy(
            rates,
            ratio,
            relative_changes(own, base),
            min(
                float(relative_changes(own, base, agents)[0])
                for agents in agents_for_each_human(self.sample, self.constraints.agent_share)
            ),
            float((human * (ratio - 1.0)).sum() / human.sum()),
        )

    def _worth(self, rates: ExchangeRates) -> Floats:
        """Worth of each number of the payoff at each price that may be asked."""
        outcomes = self.payoff.outcomes[:, :, self.choices]
        humans = self.payoff.numbers[:, 2].sum()
        unit = self.payoff.numbers[:, 0].sum() / humans if humans else 0.0
        return np.asarray(
            outcomes[HUMAN_REVENUE]
            + outcomes[AGENT_REVENUE]
            - rates.leakage_weight * outcomes[LEAKAGE]
            + rates.conversion_weight * unit * outcomes[HUMAN_UNITS]
        )


def agents_for_each_human(
    sample: QuoteSample, share: tuple[float, float] | None
) -> tuple[float, ...]:
    """Agents for each human at the ends of an interval of shares, in units of their number now.

    Revenue is a ratio of two sums that are linear in it, so its worst case lies at an end.
    """
    if share is None:
        return (1.0,)
    agents = float(sample.p_agent[sample.in_cart].mean())
    now = agents / (1.0 - agents)
    return tuple(end / (1.0 - end) / now for end in share)
