"""Visits: sessions about to begin, each with its actor's traits and its own random variation."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.shoppers.actors import Population
from phantom_core.shoppers.clients import Clients
from phantom_core.shoppers.families import Style
from phantom_core.shoppers.path import Move

_KEENNESS_SPREAD: Final = 1.1
_VISIT_PACE_SPREAD: Final = 0.15


@dataclass(frozen=True, slots=True)
class Visits:
    """Sessions about to begin, arrays over the visits.

    Attributes:
        store: positions in STORE_MODES, shape (n,).
        start_ms: UTC milliseconds, shape (n,).
        pace: own waits in units of the style's, shape (n,).
        habits: own weights in units of the style's, shape (n, 9).
        keenness: own interest in units of the style's, shape (n,).
        taste: place on the price ladder, 0 cheapest to 1 dearest, shape (n,).
        target: the product the visit is for, a row of the catalogue; -1 for none, shape (n,).
    """

    store: NDArray[np.int64]
    start_ms: NDArray[np.int64]
    pace: NDArray[np.float64]
    habits: NDArray[np.float64]
    keenness: NDArray[np.float64]
    taste: NDArray[np.float64]
    target: NDArray[np.int64]


def prepare_visits(
    population: Population,
    clients: Clients,
    sessions: NDArray[np.int64],
    style: Style,
    rng: np.random.Generator,
) -> Visits:
    """Make visits of one style, for no product in particular.

    Args:
        population: the actors.
        clients: their devices.
        sessions: rows of the population's sessions, shape (n,).
        style: of all these sessions.
        rng: source of all randomness.
    """
    actor = population.actor[sessions]
    mood = rng.standard_normal(sessions.size)
    habits = np.exp(style.variety * population.habits[actor])
    # Keen shoppers read on, and take a little longer.
    habits[:, Move.LEARN] *= np.exp(mood)
    habits[:, Move.HOVER] *= np.exp(0.5 * mood) * ~clients.is_mobile[sessions]
    pace = (
        style.pace_spread * population.pace[actor]
        + _VISIT_PACE_SPREAD * rng.standard_normal(sessions.size)
        + 0.2 * mood
    )
    return Visits(
        store=population.store[actor],
        start_ms=population.start_ms[sessions],
        pace=np.exp(pace),
        habits=habits,
        keenness=np.exp(_KEENNESS_SPREAD * mood),
        taste=population.taste[actor],
        target=np.full(sessions.size, -1),
    )
