"""Quotes: the prices shown when a shopper sees a product for the first time."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from phantom_core.shoppers.catalogue import Catalogue
from phantom_core.shoppers.path import Path


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """Prices requested at the same step of several visits, arrays of one shape (n_asked,); n_asked
    may be 0.

    Attributes:
        visit: rows of the visits.
        product: rows of the catalogue.
        base_price: currency.
        event_ms: UTC milliseconds.
        path: all events before this step, for rules that read behaviour.
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
        propensity: probability with which each price was chosen, in (0, 1]; NaN where it was not
            randomised.
    """

    price: NDArray[np.float64]
    propensity: NDArray[np.float64]


class Quote(Protocol):
    """A pricing policy for shoppers: one price per product and visit, fixed for the rest of the
    visit.
    """

    def __call__(self, request: QuoteRequest, rng: np.random.Generator) -> Quoted:
        """Quote a price for each request, in the same order."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Catalogue and pricing policy.

    Attributes:
        catalogue: products and base prices.
        quote: pricing policy.
    """

    catalogue: Catalogue
    quote: Quote


@dataclass(frozen=True, slots=True)
class PriceExperiment:
    """Base price times a randomised multiplier, independent of everything else.

    Attributes:
        multipliers: the prices tried, in units of the base price.
        propensities: probability of each; they add up to 1.
    """

    multipliers: tuple[float, ...] = (0.70, 0.85, 1.00, 1.20, 1.40)
    propensities: tuple[float, ...] = (0.20, 0.20, 0.30, 0.15, 0.15)

    def __call__(self, request: QuoteRequest, rng: np.random.Generator) -> Quoted:
        """Draw a multiplier for each request; prices are rounded to cents."""
        arm = np.searchsorted(
            np.cumsum(self.propensities)[:-1], rng.random(request.visit.size), side="right"
        )
        return Quoted(
            np.round(request.base_price * np.array(self.multipliers)[arm], 2),
            np.array(self.propensities)[arm],
        )


DEMO_EXPERIMENT: Final = PriceExperiment()
