"""Policy sample: the recorded quotes that rules for money are learned from and judged on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Ints
from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.features.domains import P_AGENT
from phantom_core.market.calibration.add_to_cart_quotes import HINT
from phantom_core.market.calibration.sensitivity import LEAST_SPREAD, Choices
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.policy_learning.demand_curves import FittedDemand, fit_demand
from phantom_core.policy_learning.quote_sample import QuoteSample
from phantom_core.replay.period import Period
from phantom_core.replay.purchases import units_by_quote
from phantom_core.replay.quotes import Quotes
from phantom_core.use_cases.models.model_use import pricing_version
from phantom_core.use_cases.rules.held_out_p_agent import held_out_p_agent
from phantom_core.use_cases.rules.replay_data import (
    ReplayData,
    connect_replay_data,
    read_replay_data,
)

FEWEST_IN_CART = 50
_ROWS = 40_000


@dataclass(frozen=True, slots=True, eq=False)
class PolicySample:
    """Recorded quotes, split by actor, and the demand behind them.

    Attributes:
        quotes: those with a base price and a class.
        products: of each quote, names; None where none is named.
        fold: of each quote; no actor is in two.
        demand: curves fitted to what was put in the cart.
        lake_version: of the events.
        classifier: version that gives P(agent).
        randomised: share of the products in carts whose price an experiment drew.
    """

    quotes: QuoteSample
    products: tuple[str | None, ...]
    fold: Ints
    demand: FittedDemand
    lake_version: int
    classifier: str
    randomised: float


@requires(Permission.WORK)
def read_policy_sample(settings: Settings, progress: Progress) -> PolicySample:
    """Read every quote, with what rules knew of its session and what became of it.

    Raises:
        DataError: no classifier is in use, too few products went to the cart, or their prices do
            not tell demand.
    """
    version = pricing_version(settings, CLASSIFIER.name)
    if version is None:
        raise DataError(
            "No classifier is in use, so no P(agent) is known at any quote.",
            hint="Train the agent classifier, or promote a version.",
        )
    with connect_replay_data(settings) as connection:
        data = read_replay_data(
            settings,
            connection,
            (),
            period=Period(),
            as_of="quote",
            every_feature=True,
            progress=part_progress(progress, 0, 0.5),
        )
    progress(0.5, "P(agent) by models that did not learn from the actor")
    p_agent, fold = held_out_p_agent(settings, data, version, part_progress(progress, 0.5, 1))
    shopper = data.sessions.best_known[data.quotes.session]
    usable = ~np.isnan(data.quotes.base_price) & ~np.isnan(shopper)
    sample = QuoteSample(
        columns={**data.features_at_quote, P_AGENT: p_agent},
        p_agent=shopper,
        base_price=data.quotes.base_price,
        in_cart=last_in_cart(data.quotes) & usable,
        bought=units_by_quote(data.purchases, data.quotes.session.size) > 0,
        ratio=data.quotes.ratio,
        propensity=data.quotes.propensity,
        actor=data.sessions.actor[data.quotes.session],
        source="log",
    )[usable]
    in_cart = sample[sample.in_cart]
    _check(in_cart)
    return PolicySample(
        sample,
        _products(data, usable),
        fold[usable],
        fit_demand(_choices(in_cart, settings.seed)),
        data.lake_version,
        version,
        float((~np.isnan(in_cart.propensity)).mean()),
    )


@needs_no_permission
def last_in_cart(quotes: Quotes) -> NDArray[np.bool_]:
    """Whether each quote is the last of its session for a product that then went to the cart."""
    rows = np.flatnonzero(quotes.went_to_cart)
    key = quotes.session[rows] * (len(quotes.products) + 1) + quotes.product[rows]
    # Rows are ordered by session and time: of equal keys the last one counts.
    _, from_end = np.unique(key[::-1], return_index=True)
    found = np.zeros(quotes.session.size, np.bool_)
    found[rows[rows.size - 1 - from_end]] = True
    return found


def _choices(in_cart: QuoteSample, seed: int) -> Choices:
    """What curves are fitted to, at most _ROWS of it."""
    rows = np.random.default_rng(seed).permutation(len(in_cart))[:_ROWS]
    return Choices(
        np.log(in_cart.ratio[rows]),
        in_cart.bought[rows],
        in_cart.p_agent[rows],
        in_cart.actor[rows],
    )


def _check(in_cart: QuoteSample) -> None:
    """Refuse quotes that cannot tell what prices change."""
    if len(in_cart) < FEWEST_IN_CART:
        raise DataError(
            f"{len(in_cart):,} products with a base price went to the cart, where at least "
            f"{FEWEST_IN_CART} are needed to learn rules.",
            hint="Load a longer log of events and quotes.",
        )
    if float(np.log(in_cart.ratio).std()) < LEAST_SPREAD:
        raise DataError(
            "Prices hardly varied, so the log does not tell what another price would change.",
            hint=HINT,
        )


def _products(data: ReplayData, usable: NDArray[np.bool_]) -> tuple[str | None, ...]:
    names = data.quotes.products
    return tuple(names[at] if at >= 0 else None for at in data.quotes.product[usable].tolist())
