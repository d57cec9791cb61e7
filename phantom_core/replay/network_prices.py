"""Network prices: what the network asks at recorded quotes, reported like the rules of a set.

Each mark-up is rounded to hundredths, and each distinct one counts as a rule that is called after
it, so that figures of rules and of quotes that move stay readable.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from phantom_core.core.progress import Progress, no_progress
from phantom_core.features.domains import P_AGENT
from phantom_core.models.network_pricer import NetworkPricer
from phantom_core.replay.quotes import Quotes
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column, Decided
from phantom_core.rules.rule_set import Rule, RuleSet

# Half of the unit to which mark-ups are rounded.
ROUNDING: Final = 0.005
NETWORK_RULE: Final = "network_"


def priced_by_network(
    pricer: NetworkPricer,
    rules: RuleSet,
    decided: Decided,
    columns: Mapping[str, Column],
    quotes: Quotes,
    progress: Progress = no_progress,
) -> tuple[RuleSet, Decided]:
    """The network's decisions, with those of the rules where it cannot price.

    Args:
        pricer: the network.
        rules: that apply where it cannot.
        decided: their decisions.
        columns: all session features at each quote.
        quotes: the quotes.
        progress: called after every batch.
    Returns:
        The rules with one more for each mark-up of the network, and the decisions.
    """
    products = [quotes.products[at] if at >= 0 else None for at in quotes.product.tolist()]
    ratio = np.round(pricer.markup_ratios(columns, products, quotes.base_price, progress), 2)
    is_priced = ~np.isnan(ratio)
    asked, at = np.unique(ratio[is_priced], return_inverse=True)
    always = (Condition(P_AGENT, ">=", 0.0),)
    bands = tuple(
        Rule(always, float(one), "", f"{NETWORK_RULE}{round(100 * one)}_percent") for one in asked
    )
    rule, markup = decided.rule.copy(), decided.markup_ratio.copy()
    rule[is_priced] = len(rules.rules) + at
    markup[is_priced] = ratio[is_priced]
    return replace(rules, rules=(*rules.rules, *bands)), Decided(markup, rule)
