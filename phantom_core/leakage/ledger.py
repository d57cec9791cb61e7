"""Ledger: the money lost to agents, and how it adds up.

E[leakage] = sum of P(agent) · units · max(0, reference price − price) over purchases. The interval
resamples actors, and in each resample also draws their class: P(agent) is a probability, and the
actual leakage depends on the class.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import quantile_interval
from phantom_core.models.label_shift import shift_odds
from phantom_core.replay.purchases import Purchases
from phantom_core.replay.reference import Reference, ReferenceName, leakage_of
from phantom_core.replay.resampler import Resampler

# Resamples are computed a few at a time, so that memory stays small.
_SOME: Final = 50


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """Leakage of one day, one product or one of any other dimension.

    Attributes:
        key: which one.
        leakage: currency.
        revenue: currency.
        purchases: products bought, count.
        by_agents: expected number of them that agents bought.
    """

    key: str
    leakage: Estimate
    revenue: float
    purchases: int
    by_agents: float


@dataclass(frozen=True, slots=True)
class Account:
    """The ledger under one reference price.

    Attributes:
        reference: name of the reference price.
        says: its description.
        problem: why there is no account, one sentence; empty where there is one.
        leakage: in all, currency.
        share_of_revenue: leakage over revenue; NaN without revenue.
        parts: the same total, broken down by day, product, …; largest first, days in order.
    """

    reference: ReferenceName
    says: str
    problem: str
    leakage: Estimate
    share_of_revenue: Estimate
    parts: Mapping[str, tuple[LedgerPart, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Dimension:
    """A breakdown of the total.

    Attributes:
        name: day, product, …
        code: part of each purchase, shape (n_purchases,).
        keys: names of the parts.
        is_ordered: parts stay in the order of `keys`, else the largest leakage comes first.
    """

    name: str
    code: Ints
    keys: tuple[str, ...]
    is_ordered: bool = False


def total_leakage(
    purchases: Purchases,
    p_agent: Floats,
    reference: Reference,
    dimensions: Sequence[Dimension],
    resampler: Resampler,
    actor: Ints,
    rng: np.random.Generator,
    factors: Floats | None = None,
) -> Account:
    """Add up under one reference price.

    Args:
        purchases: what was bought.
        p_agent: label or probability of each purchase's session, shape (n_purchases,).
        reference: what it should have cost.
        dimensions: breakdowns of the total.
        resampler: of the actors.
        actor: behind each purchase, shape (n_purchases,): all its sessions are of one class.
        rng: draws the classes.
        factors: of the odds of being an agent, drawn as uncertain as the share of agents is, any
            number of them; None where the mix of shoppers is that of the labels.
    """
    short, revenue = leakage_of(purchases, reference), np.nan_to_num(purchases.revenue)
    drawn_total, drawn_revenue, drawn_parts = _drawn(
        short, revenue, p_agent, actor, purchases.session, dimensions, resampler, rng, factors
    )
    total, taken = float((p_agent * short).sum()), float(revenue.sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        share = quantile_interval(
            np.float64(total) / np.float64(taken), drawn_total / drawn_revenue
        )
    parts = {
        one.name: _parts(one, p_agent, short, revenue, drawn_parts[one.name]) for one in dimensions
    }
    return Account(
        reference.name,
        reference.says,
        reference.problem,
        quantile_interval(total, drawn_total),
        share,
        parts,
    )


def explain_unavailable(reference: Reference) -> Account:
    """The account of an unavailable reference price."""
    nothing = Estimate(float("nan"), float("nan"), float("nan"))
    return Account(reference.name, reference.says, reference.problem, nothing, nothing, {})


def _drawn(
    short: Floats,
    revenue: Floats,
    p_agent: Floats,
    actor: Ints,
    session: Ints,
    dimensions: Sequence[Dimension],
    resampler: Resampler,
    rng: np.random.Generator,
    factors: Floats | None,
) -> tuple[Floats, Floats, dict[str, Floats]]:
    """Leakage and revenue of each resample, and leakage by part, shape (n_resamples, n_keys)."""
    totals, revenues, parts = (
        [],
        [],
        {one.name: [np.zeros((0, len(one.keys)))] for one in dimensions},
    )
    orders = {one.name: _order(one) for one in dimensions}
    for weights, is_agent in _some(resampler, session, p_agent, actor, rng, factors):
        leaked = weights * is_agent * short
        totals.append(leaked.sum(axis=1))
        revenues.append(weights @ revenue)
        for one in dimensions:
            parts[one.name].append(_by_part(leaked, orders[one.name], len(one.keys)))
    return (
        np.concatenate(totals),
        np.concatenate(revenues),
        {name: np.concatenate(found) for name, found in parts.items()},
    )


def _some(
    resampler: Resampler,
    session: Ints,
    p_agent: Floats,
    actor: Ints,
    rng: np.random.Generator,
    factors: Floats | None,
) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
    """How often each purchase is drawn, and whether an agent made it, some resamples at a time."""
    _, position = np.unique(actor, return_inverse=True)
    n_actors = int(position.max(initial=-1)) + 1
    # A label is a probability of 0 or 1, whose odds no factor changes.
    drawn = None if factors is None else np.resize(factors, resampler.weights.shape[0])
    for start in range(0, resampler.weights.shape[0], _SOME):
        weights = resampler.weights[start : start + _SOME]
        luck = rng.random((weights.shape[0], n_actors))
        p = p_agent if drawn is None else shift_odds(p_agent, drawn[start : start + _SOME, None])
        yield weights[:, resampler.block[session]], luck[:, position] < p


def _order(dimension: Dimension) -> tuple[Ints, Ints, Ints]:
    """Purchases ordered by part, where each part begins, and which parts there are."""
    order = np.argsort(dimension.code, kind="stable")
    found, starts = np.unique(dimension.code[order], return_index=True)
    return order, starts, found


def _by_part(leaked: Floats, order: tuple[Ints, Ints, Ints], n_keys: int) -> Floats:
    purchases, starts, found = order
    sums = np.zeros((leaked.shape[0], n_keys))
    if purchases.size:
        sums[:, found] = np.add.reduceat(leaked[:, purchases], starts, axis=1)
    return sums


def _parts(
    one: Dimension, p_agent: Floats, short: Floats, revenue: Floats, drawn: Floats
) -> tuple[LedgerPart, ...]:
    n = len(one.keys)
    leaked, taken = (
        np.bincount(one.code, p_agent * short, minlength=n),
        np.bincount(one.code, revenue, minlength=n),
    )
    bought, by_agents = (
        np.bincount(one.code, minlength=n),
        np.bincount(one.code, p_agent, minlength=n),
    )
    order = range(n) if one.is_ordered else np.argsort(-leaked, kind="stable")
    return tuple(
        LedgerPart(
            one.keys[k],
            quantile_interval(leaked[k], drawn[:, k]),
            float(taken[k]),
            int(bought[k]),
            float(by_agents[k]),
        )
        for k in order
        if bought[k]
    )
