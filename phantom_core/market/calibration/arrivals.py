"""Arrivals: sessions or shoppers in each hour of the day."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import TAILS, quantile_interval, resample_weights
from phantom_core.market.scenario import HOURS_A_DAY

HOUR_MS: Final = 3_600_000
DAY_MS: Final = HOURS_A_DAY * HOUR_MS
# With fewer days than this the variation between days cannot be estimated, and arrivals are taken
# as Poisson.
DAYS_TO_RESAMPLE: Final = 7


@dataclass(frozen=True, slots=True)
class Hours:
    """Which hours were observed, and how many arrived in each.

    Attributes:
        count: arrivals, shape (n_days, 24).
        watched: whether the hour lies within the data, at least in part, shape (n_days, 24).
    """

    count: NDArray[np.int64]
    watched: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Arrivals per hour, by hour of the day.

    Attributes:
        by_hour: 24 of them, UTC; None where this hour was never observed.
        interval: basis of the 95 % intervals: resampled days, or the Poisson distribution.
        days: calendar days touched.
    """

    by_hour: tuple[Estimate | None, ...]
    interval: Literal["days", "poisson"]
    days: int

    @property
    def per_day(self) -> float:
        """Arrivals on a typical day, over the hours that were observed."""
        return sum(hour.value for hour in self.by_hour if hour)


def count_hours(at_ms: NDArray[np.int64], first_ms: int, last_ms: int) -> Hours:
    """Count arrivals by day and hour.

    Args:
        at_ms: time of each arrival, UTC milliseconds, shape (n,).
        first_ms: first moment of the data, UTC milliseconds; its hour counts as
            observed.
        last_ms: last moment, likewise.
    """
    first_day = first_ms // DAY_MS
    n_days = last_ms // DAY_MS - first_day + 1
    slots = np.arange(n_days * HOURS_A_DAY) + first_day * HOURS_A_DAY
    watched = (slots >= first_ms // HOUR_MS) & (slots <= last_ms // HOUR_MS)
    count = np.bincount(at_ms // HOUR_MS - first_day * HOURS_A_DAY, minlength=slots.size)
    return Hours(count.reshape(n_days, HOURS_A_DAY), watched.reshape(n_days, HOURS_A_DAY))


def measure_arrivals(hours: Hours, rng: np.random.Generator) -> Arrivals:
    """Estimate the arrivals of a typical day.

    Args:
        hours: the counts.
        rng: draws the days of the resamples.
    """
    count, watched = hours.count.sum(axis=0), hours.watched.sum(axis=0)
    n_days = hours.count.shape[0]
    found = _poisson(count, watched)
    by_days = n_days >= DAYS_TO_RESAMPLE
    if by_days and count.any():
        weights = resample_weights(n_days, rng)
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = (weights @ hours.count) / (weights @ hours.watched)
        for hour in np.flatnonzero(count):  # hours without any arrival keep the Poisson interval
            found[hour] = quantile_interval(count[hour] / watched[hour], drawn[:, hour])
    return Arrivals(tuple(found), "days" if by_days else "poisson", n_days)


def _poisson(count: NDArray[np.int64], watched: NDArray[np.int64]) -> list[Estimate | None]:
    """Rates with exact intervals; None where nothing was watched. Source: Garwood 1936."""
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.where(count > 0, stats.chi2.ppf(TAILS[0], 2 * count), 0.0) / 2 / watched
        high = stats.chi2.ppf(TAILS[1], 2 * count + 2) / 2 / watched
    return [
        Estimate(float(n / of), float(a), float(b)) if of else None
        for n, of, a, b in zip(count, watched, low, high, strict=True)
    ]
