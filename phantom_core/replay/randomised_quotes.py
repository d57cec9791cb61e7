"""Randomised quotes: which quotes an experiment drew, and how they stand for whole sessions."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.estimate import Z_95, Estimate
from phantom_core.core.resampling import quantile_interval
from phantom_core.replay.quotes import Quotes
from phantom_core.replay.resampler import Resampler

# Up to this share of sessions of which only some quotes were drawn, they are left out.
FEW_MIXED: Final = 0.05
# Quotes with and without a propensity sold equally often unless they differ by more errors.
_ERRORS: Final = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class RandomisedQuotes:
    """Quotes that an experiment drew, and the sessions that they stand for.

    Attributes:
        rows: of the drawn quotes among all, shape (n_drawn,).
        session: of each drawn quote, shape (n_drawn,).
        all_session: of each quote of the sessions that they stand for, shape (n_all,).
        is_scaled: whether quotes without a propensity are taken to be like the others.
        problem: why the drawn quotes cannot stand for sessions; empty where they can.
        resampler: of the actors.
    """

    rows: Ints
    session: Ints
    all_session: Ints
    is_scaled: bool
    problem: str
    resampler: Resampler

    def per_session(self, values: Floats) -> Estimate:
        """Sum of a value over a session's quotes, on average over sessions.

        Args:
            values: of each drawn quote, shape (n_drawn,).
        """
        ones = np.ones(self.all_session.size)
        first = np.zeros(self.all_session.size)
        first[np.unique(self.all_session, return_index=True)[1]] = 1.0
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self._ratio(values, np.ones(values.size), self.session, self.session)
            quotes = self._ratio(ones, first, self.all_session, self.all_session)
        return quantile_interval(mean[0] * quotes[0], mean[1] * quotes[1])

    def _ratio(
        self, above: Floats, below: Floats, session_above: Ints, session_below: Ints
    ) -> tuple[float, Floats]:
        return float(above.sum() / below.sum()), self.resampler.sums(
            above, session_above
        ) / self.resampler.sums(below, session_below)


def find_randomised(quotes: Quotes, units: Floats, resampler: Resampler) -> RandomisedQuotes:
    """Find the quotes that an experiment drew.

    Sessions of which only some quotes have a propensity are left out as a whole where they are few.
    Where they are many, the drawn quotes stand for all quotes of the experiment's time, unless they
    sold more or less often than the others.

    Args:
        quotes: recorded.
        units: that each sold, shape (n_quotes,).
        resampler: of the actors.
    """
    drawn = ~np.isnan(quotes.propensity) & ~np.isnan(quotes.ratio)
    n = int(quotes.session.max()) + 1 if quotes.session.size else 0
    n_drawn = np.bincount(quotes.session, drawn, minlength=n)
    n_quotes = np.bincount(quotes.session, minlength=n)
    is_mixed = (n_drawn > 0) & (n_drawn < n_quotes)
    mixed = int(is_mixed.sum()) / max(1, int((n_drawn > 0).sum()))
    if mixed <= FEW_MIXED:
        rows = np.flatnonzero(drawn & ~is_mixed[quotes.session])
        session = quotes.session[rows]
        return RandomisedQuotes(rows, session, session, False, "", resampler)
    within = _during(quotes.event_ms, drawn)
    rows = np.flatnonzero(drawn)
    return RandomisedQuotes(
        rows,
        quotes.session[rows],
        quotes.session[within],
        True,
        _selected(quotes, units, drawn, within, resampler, mixed),
        resampler,
    )


def _during(event_ms: Ints, drawn: NDArray[np.bool_]) -> NDArray[np.bool_]:
    times = event_ms[drawn]
    return np.asarray((event_ms >= times.min()) & (event_ms <= times.max()))


def _selected(
    quotes: Quotes,
    units: Floats,
    drawn: NDArray[np.bool_],
    within: NDArray[np.bool_],
    resampler: Resampler,
    mixed: float,
) -> str:
    """Why quotes without a propensity are not like the others; empty where they may be."""
    missing = within & ~drawn
    sold = (units > 0).astype(np.float64)
    rates = [
        resampler.ratio(sold[rows], np.ones(int(rows.sum())), quotes.session[rows])
        for rows in (drawn, missing)
    ]
    errors = [(one.high - one.low) / (2 * Z_95) for one in rates]
    error = float(np.hypot(errors[0], errors[1]))
    if abs(rates[0].value - rates[1].value) <= _ERRORS * error:
        return ""
    return (
        f"Not identified: in {mixed:.0%} of the sessions only some quotes have a propensity, and "
        f"{rates[0].value:.1%} of those were bought against {rates[1].value:.1%} of the others, so "
        "they do not stand for whole sessions."
    )
