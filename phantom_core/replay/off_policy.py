"""Off-policy value: expected revenue of a rule set, from prices drawn at random by an experiment.

Inverse propensity selects the quotes whose recorded price is that of the rules, and weights them
by 1 / propensity. It needs every price of the rules to have been tried. Doubly robust starts from
fitted demand curves and corrects them by those quotes: where a price was never tried, the estimate
rests on the curves alone, which is reported.
Source: Horvitz and Thompson 1952; Hajek 1971; Dudik, Langford and Li 2011.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate
from phantom_core.market.calibration.add_to_cart_quotes import HINT
from phantom_core.replay.quotes import Quotes
from phantom_core.replay.resampler import Resampler
from phantom_core.replay.revenue_model import RevenueModel

# Prices are rounded to cents, ratios of prices to two digits.
_CENT: Final = 0.0051
_DIGITS: Final = 2
FEWEST_QUOTES: Final = 100


@dataclass(frozen=True, slots=True)
class OffPolicyValue:
    """Revenue per session that was quoted a price, currency.

    Attributes:
        problem: why inverse propensity is not identified, one sentence; empty where it is.
        hint: what to do about it.
        randomised: share of the quotes whose price an experiment drew.
        tried: price ratios that were drawn.
        overlap: share of the randomised quotes for which the rules ask a price that was tried.
        matched: randomised quotes whose price is the one the rules ask.
        effective: effective sample size of the matched quotes.
        logged: at the recorded prices.
        inverse_propensity, self_normalised: None where not identified.
        doubly_robust: None without randomised quotes or a fit; where overlap is below 1 it rests on
            the demand curves.
        against_logged: doubly robust minus recorded, in the same resamples.
    """

    problem: str
    hint: str
    randomised: float
    tried: tuple[float, ...]
    overlap: float
    matched: int
    effective: float
    logged: Estimate | None
    inverse_propensity: Estimate | None
    self_normalised: Estimate | None
    doubly_robust: Estimate | None
    against_logged: Estimate | None


def off_policy_value(
    quotes: Quotes,
    units: Floats,
    wanted: Floats,
    p_agent: Floats,
    model: RevenueModel | None,
    resampler: Resampler,
) -> OffPolicyValue:
    """Value of a rule set.

    Args:
        quotes: recorded.
        units: that each quote sold, shape (n_quotes,).
        wanted: price over base price of the rules, shape (n_quotes,).
        p_agent: class as known before the quote: label, or P(agent) then; NaN where
            unknown, shape (n_quotes,).
        model: demand curves for the doubly robust estimate.
        resampler: of the actors.
    """
    drawn = ~np.isnan(quotes.propensity) & ~np.isnan(quotes.ratio)
    share = float(drawn.mean()) if drawn.size else 0.0
    if drawn.sum() < FEWEST_QUOTES:
        problem = (
            f"Not identified: {int(drawn.sum()):,} of {drawn.size:,} quotes were drawn by "
            "an experiment that recorded propensities."
        )
        return OffPolicyValue(problem, HINT, share, (), 0.0, 0, 0.0, None, None, None, None, None)
    chosen = _RandomisedQuotes.of(
        quotes[drawn], units[drawn], wanted[drawn], p_agent[drawn], resampler
    )
    overlap = float(np.isin(np.round(chosen.wanted, _DIGITS), chosen.tried).mean())
    is_identified = overlap == 1.0
    weight = chosen.weight
    squares = float((weight**2).sum())
    robust = _robust(chosen, model)
    return OffPolicyValue(
        problem="" if is_identified else _problem(chosen),
        hint=""
        if is_identified
        else f"Ask only prices that were tried, or try them: {HINT[0].lower()}{HINT[1:]}",
        randomised=share,
        tried=chosen.tried,
        overlap=overlap,
        matched=int((weight > 0).sum()),
        effective=float(weight.sum()) ** 2 / squares if squares else 0.0,
        logged=chosen.per_session(chosen.revenue),
        inverse_propensity=chosen.per_session(weight * chosen.revenue) if is_identified else None,
        self_normalised=chosen.self_normalised() if is_identified else None,
        doubly_robust=None if robust is None else chosen.per_session(robust),
        against_logged=None if robust is None else chosen.per_session(robust - chosen.revenue),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _RandomisedQuotes:
    """Randomised quotes, arrays of shape (n,)."""

    quotes: Quotes
    units: Floats
    wanted: Floats
    p_agent: Floats
    weight: Floats
    tried: tuple[float, ...]
    resampler: Resampler

    @classmethod
    def of(
        cls, quotes: Quotes, units: Floats, wanted: Floats, p_agent: Floats, resampler: Resampler
    ) -> "_RandomisedQuotes":
        matches = np.abs(wanted * quotes.base_price - quotes.price) <= _CENT
        tried = tuple(np.unique(np.round(quotes.ratio, _DIGITS)).tolist())
        return cls(quotes, units, wanted, p_agent, matches / quotes.propensity, tried, resampler)

    @property
    def revenue(self) -> Floats:
        """Recorded revenue of each quote."""
        return self.units * self.quotes.price

    @property
    def is_first(self) -> NDArray[np.bool_]:
        """Whether a quote is the first of its session: sessions are counted by it."""
        return np.asarray(np.diff(self.quotes.session, prepend=-1) != 0)

    def per_session(self, values: Floats) -> Estimate:
        """Sum of a value over quotes, per session."""
        return self.resampler.ratio(values, self.is_first.astype(np.float64), self.quotes.session)

    def self_normalised(self) -> Estimate:
        """Weights that add up to the number of quotes: a little bias for much less spread."""
        found = self.resampler.ratio(self.weight * self.revenue, self.weight, self.quotes.session)
        quotes_a_session = self.quotes.session.size / float(self.is_first.sum())
        return Estimate(*(quotes_a_session * end for end in (found.value, found.low, found.high)))


def _robust(chosen: _RandomisedQuotes, model: RevenueModel | None) -> Floats | None:
    """Doubly robust revenue of each quote; None without a model."""
    if model is None:
        return None
    wanted, logged = (
        model.expected(ratio, chosen.quotes.base_price, chosen.p_agent)
        for ratio in (chosen.wanted, chosen.quotes.ratio)
    )
    return np.asarray(wanted + chosen.weight * (chosen.revenue - logged))


def _problem(chosen: _RandomisedQuotes) -> str:
    ratios = np.unique(np.round(chosen.wanted, _DIGITS))
    untried = ", ".join(f"×{ratio:.2f}" for ratio in ratios[~np.isin(ratios, chosen.tried)])
    tried = ", ".join(f"×{ratio:.2f}" for ratio in chosen.tried[:8])
    return (
        f"Not identified by inverse propensity: the rules ask {untried}, which was never "
        f"tried; tried were {tried}."
    )
