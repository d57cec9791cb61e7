"""Revenue model: expected revenue of a quote at any price, by demand curves of both classes."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.errors import DataError
from phantom_core.market.calibration.sensitivity import Choices, fit_curves
from phantom_core.replay.quotes import Quotes

# Four parameters need no more.
QUOTES_TO_FIT: Final = 40_000


@dataclass(frozen=True, slots=True, eq=False)
class RevenueModel:
    """Logistic curves over the log price ratio, fitted to all quotes, bought or not.

    Attributes:
        curves: rows human and agent, columns slope and intercept.
        units_a_purchase: mean.
        p_agent: used where a session's is unknown.
    """

    curves: Floats
    units_a_purchase: float
    p_agent: float

    def expected(self, ratio: Floats, base_price: Floats, p_agent: Floats) -> Floats:
        """Expected revenue of quotes, currency.

        Args:
            ratio: price over base price.
            base_price: currency.
            p_agent: label or probability, NaN where unknown.
        """
        known = np.where(np.isnan(p_agent), self.p_agent, p_agent)
        human, agent = (
            special.expit(intercept - slope * np.log(ratio)) for slope, intercept in self.curves
        )
        return np.asarray(
            ratio * base_price * self.units_a_purchase * ((1.0 - known) * human + known * agent)
        )


def fit_revenue(
    quotes: Quotes, units: Floats, p_agent: Floats, actor: Ints, rng: np.random.Generator
) -> RevenueModel | None:
    """Fit to quotes, to those that an experiment drew if there are any.

    Each of them is by a human or an agent with a probability.

    Args:
        quotes: with base prices.
        units: that each sold, shape (n_quotes,).
        p_agent: label or probability of each, NaN where unknown.
        actor: behind each.
        rng: chooses QUOTES_TO_FIT of more.
    Returns:
        None where the curves are not identified, or no class is known.
    """
    usable = ~np.isnan(p_agent) & ~np.isnan(quotes.ratio)
    # Prices that nobody drew may have followed demand.
    drawn = usable & ~np.isnan(quotes.propensity)
    known = np.flatnonzero(drawn if drawn.any() else usable)
    chosen = np.sort(rng.permutation(known)[:QUOTES_TO_FIT])
    sold = units[chosen] > 0
    if not sold.any():
        return None
    try:
        curves = fit_curves(
            Choices(np.log(quotes.ratio[chosen]), sold, p_agent[chosen], actor[chosen]),
            intercept=True,
        )
    except DataError:
        return None
    return RevenueModel(
        curves.values, float(units[chosen][sold].mean()), float(p_agent[chosen].mean())
    )
