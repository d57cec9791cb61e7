"""Compared policies: what else could set the prices, on the same recorded quotes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.model_kinds.multitask import NETWORK
from phantom_core.model_store.store import ModelStore
from phantom_core.rules.evaluate import evaluate_rules
from phantom_core.rules.rule_set import RuleSet
from phantom_core.session_market.market import BANDS
from phantom_core.use_cases.explanations.distil import KIND as DISTILLED
from phantom_core.use_cases.explanations.distil import read_distilled
from phantom_core.use_cases.models.model_use import pricing_version
from phantom_core.use_cases.models.network_pricer import open_network_pricer
from phantom_core.use_cases.rules.live_rules import is_anything_live, open_live
from phantom_core.use_cases.rules.policy_sample import PolicySample


@dataclass(frozen=True, slots=True, eq=False)
class PricedPolicy:
    """A policy and its prices.

    Attributes:
        name: of it.
        title: as shown.
        ratio: price over base price of each quote, shape (n_quotes,).
    """

    name: str
    title: str
    ratio: Floats


@requires(Permission.READ)
def compared_policies(settings: Settings, sample: PolicySample) -> tuple[PricedPolicy, ...]:
    """Base prices, bands, and of the workspace the live rules, the imitation tree and the network.

    What is not there, or cannot be read, is left out.
    """
    quotes = sample.quotes
    found = [PricedPolicy("none", "Base price", np.ones(len(quotes)))]
    found += [
        PricedPolicy(name, title, evaluate_rules(rules, quotes.columns, len(quotes)).markup_ratio)
        for name, title, rules in _rule_sets(settings)
    ]
    return (*found, *_network(settings, sample))


def _rule_sets(settings: Settings) -> Iterator[tuple[str, str, RuleSet]]:
    yield BANDS.name, "Bands ×1.3 / ×1.1 by P(agent)", BANDS
    if is_anything_live(settings):
        yield "live", "Live rules", open_live(settings)
    try:
        tree = read_distilled(ModelStore(settings.workspace, DISTILLED).open())
    except (NotFoundError, DataError):
        return
    yield "imitation", f"Imitation tree of the {tree.teacher}", tree.rules


def _network(settings: Settings, sample: PolicySample) -> Iterator[PricedPolicy]:
    if pricing_version(settings, NETWORK.name) is None:
        return
    try:
        pricer = open_network_pricer(settings)
    except (NotFoundError, DataError):
        return
    quotes = sample.quotes
    ratio = np.round(pricer.markup_ratios(quotes.columns, sample.products, quotes.base_price), 2)
    yield PricedPolicy("network", "Prices of the network", np.where(np.isnan(ratio), 1.0, ratio))
