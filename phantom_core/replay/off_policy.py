"""Off-policy value: expected revenue of a rule set, from prices drawn at random by an experiment.

Inverse propensity selects the quotes whose recorded price is that of the rules, and weights them
by 1 / propensity. It needs every price of the rules to have been tried. Doubly robust starts from
fitted demand curves and corrects them by those quotes: where a price was never tried, the estimate
rests on the curves alone, which is reported.

Prices are matched by the ratio that was drawn, which is read back from rounded prices. Weights are
checked: their mean is 1 whatever the rules ask, if propensities and prices belong together.
Source: Horvitz and Thompson 1952; Hajek 1971; Dudik, Langford and Li 2011; Kish 1965, the effective
sample size.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate
from phantom_core.market.calibration.add_to_cart_quotes import HINT
from phantom_core.replay.quotes import Quotes
from phantom_core.replay.randomised_quotes import RandomisedQuotes, find_randomised
from phantom_core.replay.resampler import Resampler
from phantom_core.replay.revenue_model import RevenueModel
from phantom_core.replay.tried_prices import TriedPrices, find_tried

_DIGITS: Final = 2
FEWEST_QUOTES: Final = 100
# Bootstrap intervals of a mean of fewer purchases than these, weighted, are too narrow (measured by
# `benchmarks.off_policy`).
FEWEST_TERMS: Final = 25.0
ENOUGH_TERMS: Final = 100.0
# Where so few prices out of all carry the revenue, intervals need more purchases: of the matched
# quotes for inverse propensity, and of all for any.
_HEAVY_TAIL: Final = 0.1
_MATCHED_OF_TAIL: Final = 75.0
_ALL_OF_TAIL: Final = 150.0
# A mean weight further from 1, and by more than twice its interval, is no chance.
_LARGEST_BIAS: Final = 0.02


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
        terms: effective number of purchases that inverse propensity rests on.
        warning: why the intervals may be too narrow, one sentence; empty where they are not.
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
    terms: float = 0.0
    warning: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class OffPolicy:
    """Randomised quotes with what a rule set asks for each, arrays of shape (n,).

    Attributes:
        quotes: that an experiment drew.
        units: that each sold.
        wanted: price over base price of the rules.
        p_agent: class as known before the quote; NaN where unknown.
        weight: 1 / propensity where the price is that of the rules, else 0.
        prices: which ratios were tried.
        chosen: which quotes of the log they are, and the sessions they stand for.
        model: demand curves; None without.
    """

    quotes: Quotes
    units: Floats
    wanted: Floats
    p_agent: Floats
    weight: Floats
    prices: TriedPrices
    chosen: RandomisedQuotes
    model: RevenueModel | None

    @classmethod
    def of(
        cls,
        quotes: Quotes,
        units: Floats,
        wanted: Floats,
        p_agent: Floats,
        model: RevenueModel | None,
        resampler: Resampler,
    ) -> "OffPolicy":
        """Select the randomised quotes; see `off_policy_value` for the arguments."""
        chosen = find_randomised(quotes, units, resampler)
        is_chosen = np.zeros(quotes.session.size, np.bool_)
        is_chosen[chosen.rows] = True
        drawn = quotes[is_chosen]
        prices = find_tried(drawn.price, drawn.base_price)
        weight = _weights(drawn, wanted[is_chosen], prices)
        return cls(
            drawn,
            units[is_chosen],
            wanted[is_chosen],
            p_agent[is_chosen],
            weight,
            prices,
            chosen,
            model,
        )

    @property
    def revenue(self) -> Floats:
        """Recorded revenue of each quote."""
        return self.units * self.quotes.price

    @property
    def overlap(self) -> float:
        """Share of the quotes for which the rules ask a price that was tried."""
        return float(np.isfinite(self.prices.nearest(self.wanted)).mean())

    @property
    def terms(self) -> float:
        """Effective number of purchases behind inverse propensity, as prices and weights would
        give it if quotes were bought equally often: what was bought would say too many whenever
        the few large orders that decide are missing.
        """
        return float((self.units > 0).mean()) * _effective(self.weight * self.quotes.price)

    @property
    def robust(self) -> Floats | None:
        """Doubly robust revenue of each quote; None without a model."""
        if self.model is None:
            return None
        wanted, logged = (
            self.model.expected(ratio, self.quotes.base_price, self.p_agent)
            for ratio in (self.wanted, self.quotes.ratio)
        )
        return np.asarray(wanted + self.weight * (self.revenue - logged))

    def self_normalised(self) -> Estimate:
        """Weights that add up to the number of quotes: a little bias for much less spread."""
        scale = self.weight / self.weight.mean()
        return self.chosen.per_session(scale * self.revenue)

    @property
    def is_carried_by_few(self) -> bool:
        """Whether a few very high prices decide, so that no interval can be relied on."""
        bought = float((self.units > 0).mean())
        return self.is_heavy_tailed and bought * _effective(self.quotes.price) < _ALL_OF_TAIL

    @property
    def is_heavy_tailed(self) -> bool:
        """Whether a small part of the prices carries the revenue."""
        return _effective(self.quotes.price) < _HEAVY_TAIL * self.units.size

    def refusal(self) -> str:
        """Why nothing at all is identified; empty where something is."""
        if self.chosen.problem:
            return self.chosen.problem
        if self.quotes.price.size < FEWEST_QUOTES:
            return (
                f"Not identified: {self.quotes.price.size:,} quotes are left in sessions whose "
                "quotes all have a propensity."
            )
        if self.is_carried_by_few:
            return (
                "Not identified: a few very expensive quotes decide the revenue, and too few of "
                "them were bought for an interval that could be relied on."
            )
        return ""

    def problem(self) -> str:
        """Why inverse propensity is not identified, one sentence; empty where it is."""
        if self.overlap < 1.0:
            return _untried(self)
        mean = self.chosen.resampler.ratio(
            self.weight, np.ones(self.weight.size), self.quotes.session
        )
        reach = max(mean.high - mean.value, mean.value - mean.low)
        if abs(mean.value - 1.0) > max(_LARGEST_BIAS, 2.0 * reach):
            return (
                f"Not identified: recorded propensities do not belong to the recorded prices. "
                f"Weights of the matched prices are {mean.value:.2f} on average and would be 1."
            )
        needed = _MATCHED_OF_TAIL if self.is_heavy_tailed else FEWEST_TERMS
        if self.terms < needed:
            return (
                f"Not identified: the estimate would rest on {self.terms:.0f} purchases at the "
                f"prices of the rules, counted by their weight; {needed:.0f} are needed."
            )
        return ""

    def warning(self) -> str:
        """Why the intervals may be too narrow; empty where they are not."""
        if self.terms >= ENOUGH_TERMS:
            return ""
        return (
            f"The estimate rests on {self.terms:.0f} purchases, counted by their weight: a few of "
            "them decide, and the intervals may be too narrow."
        )


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
    if refused := _too_few(quotes):
        return refused
    found = OffPolicy.of(quotes, units, wanted, p_agent, model, resampler)
    if refusal := found.refusal():
        return _nothing(refusal, found.quotes.price.size / quotes.price.size)
    problem, robust = found.problem(), found.robust
    per_session = found.chosen.per_session
    return OffPolicyValue(
        problem=problem,
        hint=f"Ask only prices that were tried, or try them: {HINT[0].lower()}{HINT[1:]}"
        if problem
        else "",
        randomised=found.quotes.price.size / quotes.price.size,
        tried=found.prices.ratios,
        overlap=found.overlap,
        matched=int((found.weight > 0).sum()),
        effective=_effective(found.weight),
        logged=per_session(found.revenue),
        inverse_propensity=None if problem else per_session(found.weight * found.revenue),
        self_normalised=None if problem else found.self_normalised(),
        doubly_robust=None if robust is None else per_session(robust),
        against_logged=None if robust is None else per_session(robust - found.revenue),
        terms=found.terms,
        warning="" if problem else found.warning(),
    )


def paired_difference(
    quotes: Quotes,
    units: Floats,
    wanted: tuple[Floats, Floats],
    p_agent: Floats,
    model: RevenueModel | None,
    resampler: Resampler,
) -> Estimate | None:
    """Value of one rule set minus that of another, in the same resamples.

    Args:
        quotes: recorded.
        units: that each quote sold, shape (n_quotes,).
        wanted: price over base price of both rule sets, each of shape (n_quotes,).
        p_agent: class as known before the quote, shape (n_quotes,).
        model: demand curves; without them both sets must be identified.
        resampler: of the actors.
    Returns:
        Revenue per session, currency; None where it is not identified.
    """
    if _too_few(quotes):
        return None
    first, second = (OffPolicy.of(quotes, units, one, p_agent, model, resampler) for one in wanted)
    if first.refusal():
        return None
    values = [one.robust for one in (first, second)]
    if values[0] is not None and values[1] is not None:
        return first.chosen.per_session(values[0] - values[1])
    if first.problem() or second.problem():
        return None
    return first.chosen.per_session((first.weight - second.weight) * first.revenue)


def _weights(quotes: Quotes, wanted: Floats, prices: TriedPrices) -> Floats:
    """1 / propensity where the price is that of the rules.

    Where rounding made several ratios one price, a propensity may be that of the price or of one
    ratio: whichever gives weights of 1 on average.
    """
    shown = prices.shows(prices.nearest(wanted)) / quotes.propensity
    if not (prices.explained > 1).any():
        return np.asarray(shown)
    shared = shown / np.maximum(prices.explained, 1)
    return np.asarray(min((shown, shared), key=lambda one: abs(float(one.mean()) - 1.0)))


def _effective(weight: Floats) -> float:
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def _too_few(quotes: Quotes) -> OffPolicyValue | None:
    drawn = int((~np.isnan(quotes.propensity) & ~np.isnan(quotes.ratio)).sum())
    if drawn >= FEWEST_QUOTES:
        return None
    return _nothing(
        f"Not identified: {drawn:,} of {quotes.price.size:,} quotes were drawn by an experiment "
        "that recorded propensities.",
        drawn / quotes.price.size if quotes.price.size else 0.0,
    )


def _nothing(problem: str, share: float) -> OffPolicyValue:
    return OffPolicyValue(problem, HINT, share, (), 0.0, 0, 0.0, None, None, None, None, None)


def _untried(found: OffPolicy) -> str:
    if not found.prices.ratios:
        return (
            "Not identified by inverse propensity: the prices were not drawn from a list of ratios "
            "to the base price."
        )
    is_untried = np.isnan(found.prices.nearest(found.wanted))
    untried = np.unique(np.round(found.wanted[is_untried], _DIGITS))
    asked = ", ".join(f"×{ratio:.2f}" for ratio in untried[:8])
    tried = ", ".join(f"×{ratio:.2f}" for ratio in found.prices.ratios[:8])
    return (
        f"Not identified by inverse propensity: the rules ask {asked}, which was never "
        f"tried; tried were {tried}."
    )
