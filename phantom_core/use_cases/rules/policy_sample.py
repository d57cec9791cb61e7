"""Policy sample: the quotes that rules for money are learned from and judged on."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Ints
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.estimate import Z_95
from phantom_core.core.progress import Progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.features.domains import P_AGENT
from phantom_core.market.calibration.add_to_cart_quotes import HINT
from phantom_core.market.calibration.sensitivity import LEAST_SPREAD, Choices
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore
from phantom_core.models.saved_classifier import read_quote_classifier
from phantom_core.policy_learning.demand_curves import (
    FittedDemand,
    assumed_demand,
    fit_demand,
)
from phantom_core.policy_learning.market_sample import market_sample
from phantom_core.policy_learning.quote_sample import QuoteSample
from phantom_core.replay.period import Period
from phantom_core.replay.purchases import units_by_quote
from phantom_core.replay.quotes import Quotes
from phantom_core.session_market.market import ClassifierScorer
from phantom_core.shoppers.families import AGENT_SENSITIVITY, HUMAN_SENSITIVITY
from phantom_core.use_cases.markets.calibrate import latest_calibration
from phantom_core.use_cases.models.model_use import pricing_version
from phantom_core.use_cases.rules.held_out_p_agent import held_out_p_agent
from phantom_core.use_cases.rules.replay_data import (
    ReplayData,
    connect_replay_data,
    read_replay_data,
)

WantedSource = Literal["log", "market", "auto"]
FEWEST_IN_CART: Final = 50
LEAST_RANDOMISED: Final = 0.5
MARKET_SESSIONS: Final = 8_000
MARKET_FOLDS: Final = 5
_ROWS: Final = 40_000


@dataclass(frozen=True, slots=True, eq=False)
class PolicySample:
    """Quotes, split by actor, and the demand behind them.

    Attributes:
        quotes: those with a base price and a class.
        products: of each quote, names; None where none is named.
        fold: of each quote; no actor is in two.
        demand: curves fitted to what was put in the cart.
        lake_version: of the events.
        classifier: version that gives P(agent).
        randomised: share of the products in carts whose price an experiment drew.
        problem: why shoppers are simulated though the log was asked for; empty where they are
            not.
    """

    quotes: QuoteSample
    products: tuple[str | None, ...]
    fold: Ints
    demand: FittedDemand
    lake_version: int
    classifier: str
    randomised: float
    problem: str = ""


@requires(Permission.WORK)
def read_policy_sample(
    settings: Settings, wanted: WantedSource, seed: int, progress: Progress
) -> PolicySample:
    """The quotes to learn from.

    Args:
        settings: workspace.
        wanted: recorded shoppers, simulated ones, or those where the log does not tell demand.
        seed: of simulated shoppers.
        progress: called after every step.
    Raises:
        DataError: no classifier is in use, or the log is wanted and does not tell demand.
    """
    version = pricing_version(settings, CLASSIFIER.name)
    if version is None:
        raise DataError(
            "No classifier is in use, so no P(agent) is known at any quote.",
            hint="Train the agent classifier, or promote a version.",
        )
    if wanted == "market":
        return simulated_sample(settings, version, seed, progress)
    try:
        return logged_sample(settings, version, progress)
    except DataError as error:
        if wanted == "log":
            raise
        return replace(simulated_sample(settings, version, seed, progress), problem=error.message)


@requires(Permission.WORK)
def simulated_sample(
    settings: Settings, version: str, seed: int, progress: Progress
) -> PolicySample:
    """Sessions of the session market, as sensitive to prices as they were measured, if they were.

    Args:
        settings: workspace.
        version: of the classifier in use.
        seed: of the shoppers.
        progress: called before they are simulated.
    """
    progress(0, f"simulating {MARKET_SESSIONS:,} sessions at base prices")
    demand, is_measured = market_demand(settings)
    scorer = ClassifierScorer(
        read_quote_classifier(ModelStore(settings.workspace, CLASSIFIER.name).open(version))
    )
    sample, products = market_sample(
        scorer, MARKET_SESSIONS, seed, "calibrated market" if is_measured else "invented market"
    )
    return PolicySample(sample, products, sample.actor % MARKET_FOLDS, demand, -1, version, 0.0)


@requires(Permission.READ)
def market_demand(settings: Settings) -> tuple[FittedDemand, bool]:
    """Demand of the calibrated market, or of the invented one; says whether it was measured."""
    try:
        found = latest_calibration(settings).sensitivity
    except (NotFoundError, DataError):
        found = None
    if found is None:
        return assumed_demand(HUMAN_SENSITIVITY, AGENT_SENSITIVITY), False
    assumed = assumed_demand(found.human.value.value, found.agent.value.value)
    covariance = np.zeros((4, 4))
    for at, one in ((0, found.human.value), (2, found.agent.value)):
        covariance[at, at] = ((one.high - one.low) / (2 * Z_95)) ** 2
    return replace(assumed, covariance=covariance), True


@requires(Permission.WORK)
def logged_sample(settings: Settings, version: str, progress: Progress) -> PolicySample:
    """Every recorded quote, with what rules knew of its session and what became of it.

    Args:
        settings: workspace.
        version: of the classifier in use.
        progress: called after every step.
    Raises:
        DataError: too few products went to the cart, or their prices do not tell demand.
    """
    with connect_replay_data(settings) as connection:
        data = read_replay_data(
            settings,
            connection,
            (),
            period=Period(),
            as_of="quote",
            every_feature=True,
            progress=part_progress(progress, 0, 0.9),
        )
    progress(0.9, "P(agent) by models that did not learn from the actor")
    p_agent, fold = held_out_p_agent(settings, data, version)
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
    """What curves are fitted to: drawn prices, at most _ROWS of them."""
    drawn = np.flatnonzero(~np.isnan(in_cart.propensity))
    rows = np.random.default_rng(seed).permutation(drawn)[:_ROWS]
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
    randomised = float((~np.isnan(in_cart.propensity)).mean())
    if randomised < LEAST_RANDOMISED:
        raise DataError(
            f"An experiment drew {randomised:.0%} of the prices of what went to the cart. The "
            "others may have followed demand, so they do not tell what another price would change.",
            hint=f"{HINT} Until then, learn in the session market: --source market.",
        )
    if float(np.log(in_cart.ratio).std()) < LEAST_SPREAD:
        raise DataError(
            "Prices hardly varied, so the log does not tell what another price would change.",
            hint=HINT,
        )


def _products(data: ReplayData, usable: NDArray[np.bool_]) -> tuple[str | None, ...]:
    names = data.quotes.products
    return tuple(names[at] if at >= 0 else None for at in data.quotes.product[usable].tolist())
