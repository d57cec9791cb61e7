"""Dimensions: breakdowns of the ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa

from phantom_core.core.arrays import Ints
from phantom_core.events.schema import STORE_MODES
from phantom_core.leakage.clusters import Clusters
from phantom_core.leakage.ledger import Dimension
from phantom_core.replay.purchases import Purchases
from phantom_core.replay.quotes import code_values
from phantom_core.rules.evaluate import Decided
from phantom_core.rules.rule_set import RuleSet

_DAY_MS: Final = 86_400_000


def by_day(purchases: Purchases) -> Dimension:
    """Days of purchase, UTC."""
    days, code = np.unique(purchases.event_ms // _DAY_MS, return_inverse=True)
    keys = tuple(
        f"{datetime.fromtimestamp(day * _DAY_MS / 1e3, UTC):%Y-%m-%d}" for day in days.tolist()
    )
    return Dimension("day", code, keys, is_ordered=True)


def by_name(name: str, code: Ints, names: Sequence[str], missing: str) -> Dimension:
    """Named parts; those without a name, coded -1, are called `missing`."""
    return Dimension(name, np.where(code < 0, len(names), code), (*names, missing))


def by_store(purchases: Purchases) -> Dimension:
    """Store modes."""
    return Dimension("store mode", purchases.store, STORE_MODES)


def by_family(purchases: Purchases, family: pa.ChunkedArray) -> Dimension:
    """Families that labels name.

    Args:
        purchases: what was bought.
        family: of all sessions, NULL where it is not named.
    """
    code, names = code_values(family)
    return by_name("family", code[purchases.session], names, "without a label")


def by_cluster(purchases: Purchases, clusters: Clusters) -> Dimension:
    """Kinds of agents by behaviour."""
    return Dimension("cluster", clusters.code[purchases.session], clusters.names)


def by_rule(purchases: Purchases, rules: RuleSet, decided: Decided) -> Dimension:
    """Rules that decide at the quote; purchases that were never quoted are a part of their own."""
    n_rules = len(rules.rules)
    position = np.where(decided.rule < 0, n_rules, decided.rule)
    of_quote = np.append(position, n_rules + 1)
    keys = (
        *(f"{rules.title(k)} (×{rules.markup(k):.2f})" for k in range(n_rules + 1)),
        "never quoted",
    )
    return Dimension(
        "rule", of_quote[np.where(purchases.quote < 0, decided.rule.size, purchases.quote)], keys
    )
