"""Optimal mark-ups: for each session the mark-up with the highest expected objective."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.progress import Progress, no_progress
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.scorer import InferenceNetwork, demand_by
from phantom_core.models.optimal_price import PricingObjective, optimal_prices

# Each offer is scored at eighty prices at once.
_OFFERS_AT_ONCE: Final = 500


def optimal_markups(
    networks: Sequence[InferenceNetwork],
    fold: NDArray[np.int64],
    p_agent: Floats,
    inputs: Inputs,
    session: NDArray[np.int64],
    terms: PricingObjective,
    progress: Progress = no_progress,
) -> Floats:
    """Find each session's best mark-up by the network that did not see its actor.

    What a session is expected to buy at a mark-up is the sum of P(buy) over its offers, so that the
    objective of one offer is that of all of them.

    Args:
        networks: one per fold.
        fold: of each session, shape (n_sessions,).
        p_agent: of each session, shape (n_sessions,).
        inputs: offers, ordered by session.
        session: position of each offer's session, rising, shape (n_offers,).
        terms: how prices are scored.
        progress: called throughout; its CancelledError ends the work.
    Returns:
        Price over base price, shape (n_sessions,); NaN for a session that was offered nothing.
    """
    found = np.full(len(fold), np.nan)
    for k, network in enumerate(networks):
        rows = np.flatnonzero(fold[session] == k)
        for part in _parts(rows, session):
            progress(k / len(networks), f"best mark-ups by network {k + 1} of {len(networks)}")
            own, starts = np.unique(session[part], return_index=True)
            found[own] = _best(network, inputs[part], starts, p_agent[own], terms)
    return found


def _best(
    network: InferenceNetwork,
    inputs: Inputs,
    starts: NDArray[np.int64],
    p_agent: Floats,
    terms: PricingObjective,
) -> Floats:
    n_offers = np.diff(np.append(starts, len(inputs)))

    def demand(ratios: Floats) -> Floats:
        return np.asarray(
            np.add.reduceat(
                demand_by(network, inputs, np.repeat(ratios, n_offers, axis=0)), starts, axis=0
            )
        )

    return optimal_prices(terms, demand, p_agent).ratio


def _parts(rows: NDArray[np.int64], session: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows in pieces of about _OFFERS_AT_ONCE that keep a session together."""
    if not rows.size:
        return []
    first = np.flatnonzero(np.diff(session[rows], prepend=-1))
    wanted = np.arange(_OFFERS_AT_ONCE, rows.size, _OFFERS_AT_ONCE)
    edges = np.unique(first[np.searchsorted(first, wanted, side="right") - 1])
    return [part for part in np.split(rows, edges) if part.size]
