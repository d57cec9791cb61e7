"""Quotes: who answers when a shopper looks at a price for the first time."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from phantom_core.shoppers.catalogue import Catalogue
from phantom_core.shoppers.path import Path


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """Prices asked for at the same step of several visits, arrays of one shape (n_asked,); n_asked
    may be 0.

    Attributes:
        visit: rows of the visits that ask.
        product: rows of the catalogue.
        base_price: currency.
        event_ms: when, UTC milliseconds.
        path: what all visits did before this step, for rules that look at behaviour.
    """

    visit: NDArray[np.int64]
    product: NDArray[np.int64]
    base_price: NDArray[np.float64]
    event_ms: NDArray[np.int64]
    path: Path


@dataclass(frozen=True, slots=True)
class Quoted:
    """Prices shown.

    Attributes:
        price: currency, shape (n_asked,).
        propensity: probability with which each price was chosen, in (0, 1]; NaN where nobody
            randomised.
    """

    price: NDArray[np.float64]
    propensity: NDArray[np.float64]


class Quote(Protocol):
    """A pricing policy as shoppers meet it: one price per product and visit, kept for the rest of
    the visit.
    """

    def __call__(self, asked: QuoteRequest, rng: np.random.Generator) -> Quoted:
        """Answer with a price for each question, in the same order."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What visitors walk into.

    Attributes:
        catalogue: what is sold, at which base prices.
        quote: the prices shown.
    """

    catalogue: Catalogue
    quote: Quote


@dataclass(frozen=True, slots=True)
class PriceExperiment:
    """Base price times a multiplier drawn at random, independent of everything else.

    Attributes:
        multipliers: the prices tried, in units of the base price.
        propensities: probability of each; they add up to 1.
    """

    multipliers: tuple[float, ...] = (0.70, 0.85, 1.00, 1.20, 1.40)
    propensities: tuple[float, ...] = (0.20, 0.20, 0.30, 0.15, 0.15)

    def __call__(self, asked: QuoteRequest, rng: np.random.Generator) -> Quoted:
        """Draw a multiplier for each question; prices are rounded to cents."""
        arm = np.searchsorted(
            np.cumsum(self.propensities)[:-1], rng.random(asked.visit.size), side="right"
        )
        return Quoted(
            np.round(asked.base_price * np.array(self.multipliers)[arm], 2),
            np.array(self.propensities)[arm],
        )


DEMO_EXPERIMENT: Final = PriceExperiment()
