"""Market sample: quotes of simulated shoppers at base prices, for logs that do not tell demand."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.features.domains import P_AGENT
from phantom_core.policy_learning.quote_sample import QuoteSample, Source
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column
from phantom_core.rules.rule_set import Rule, RuleSet
from phantom_core.session_market.market import AgentScorer, RuleQuote, run_sessions
from phantom_core.shoppers.catalogue import Catalogue
from phantom_core.shoppers.generate import Shoppers
from phantom_core.shoppers.quotes import Quote

# Asks the base price of everybody, and P(agent) of the classifier.
_BASE_PRICES = RuleSet("base prices", (Rule((Condition(P_AGENT, ">", 2.0),), 1.1),))


@dataclass(slots=True)
class _Watched:
    """What rules would have read at each quote, in the order in which they were asked."""

    sessions: list[NDArray[np.int64]] = field(default_factory=list)
    moments: list[NDArray[np.int64]] = field(default_factory=list)
    columns: list[Mapping[str, Column]] = field(default_factory=list)

    def __call__(
        self,
        session: NDArray[np.int64],
        event_ms: NDArray[np.int64],
        columns: Mapping[str, Column],
        markup: Floats,
    ) -> None:
        self.sessions.append(session)
        self.moments.append(event_ms)
        self.columns.append(columns)

    def ordered(self) -> dict[str, Column]:
        """Columns by time and session, as decisions are ordered."""
        order = np.lexsort((np.concatenate(self.sessions), np.concatenate(self.moments)))
        return {
            name: np.concatenate([one[name] for one in self.columns])[order]
            for name in self.columns[0]
        }


def market_sample(
    scorer: AgentScorer, n_sessions: int, seed: int, source: Source
) -> tuple[QuoteSample, tuple[str, ...]]:
    """Simulate sessions at base prices.

    Args:
        scorer: gives p_agent; it has not met these shoppers.
        n_sessions: 1 or more.
        seed: of the shoppers.
        source: whether their sensitivities were measured or assumed.
    Returns:
        Their quotes, and the product of each.
    """
    watched, products = _Watched(), list[str]()

    def quote(shoppers: Shoppers, catalogue: Catalogue) -> Quote:
        products.extend(catalogue.product_id)
        return RuleQuote(_BASE_PRICES, scorer, shoppers, catalogue, watch=watched)

    shoppers, decisions = run_sessions(quote, n_sessions, seed)
    actor = shoppers.population.actor[decisions.visit]
    n = decisions.visit.size
    sample = QuoteSample(
        columns=watched.ordered(),
        p_agent=shoppers.is_agent[actor].astype(np.float64),
        base_price=decisions.base_price,
        in_cart=decisions.considered,
        bought=np.zeros(n, np.bool_),
        ratio=np.ones(n),
        propensity=np.full(n, np.nan),
        actor=actor,
        source=source,
    )
    return sample, tuple(products[at] for at in decisions.product.tolist())
