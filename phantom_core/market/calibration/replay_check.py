"""Replay check: whether a calibrated market sells what the shop sold.

A market is fitted to every other day and simulates the days between, at the prices of the replay
data. The bands cover 95 % of simulated markets whose parameters vary around the fitted ones by
their standard errors.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import DataError
from phantom_core.core.resampling import quantile_interval
from phantom_core.market.calibration.add_to_cart_quotes import AddToCartQuotes
from phantom_core.market.calibration.arrivals import DAY_MS, HOUR_MS, Hours, count_hours
from phantom_core.market.calibration.sensitivity import Choices, fit_curves
from phantom_core.market.demand import purchase_probability
from phantom_core.market.scenario import HOURS_A_DAY, Scenario
from phantom_core.market.traffic import draw_traffic

N_MARKETS: Final = 1_000
MOST_MULTIPLIERS: Final = 8
N_BANDS: Final = 5
LEAST_DAYS: Final = 4


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """Purchases of one hour of the day, or in one price band.

    Attributes:
        kind: all, hour or price band.
        label: "14:00", "×0.85" or "×0.70 to ×0.92".
        logged: actual purchases.
        simulated: mean over the simulated markets.
        low, high: 95 % band of them.
    """

    kind: Literal["hour", "price", "all"]
    label: str
    logged: int
    simulated: float
    low: float
    high: float

    @property
    def is_inside(self) -> bool:
        """Whether the actual purchases lie within the band."""
        return self.low <= self.logged <= self.high


@dataclass(frozen=True, slots=True)
class ReplayCheck:
    """Simulated against actual purchases.

    Attributes:
        rows: total, by hour of the day, by price band.
        fitted_days, played_days: days fitted to and days simulated, counts.
    """

    rows: tuple[ReplayRow, ...]
    fitted_days: int
    played_days: int

    @property
    def inside(self) -> float:
        """Share of the rows whose band covers the actual purchases; about 0.95 where the market is
        right.
        """
        return sum(row.is_inside for row in self.rows) / len(self.rows)


def replay_check(
    quotes: AddToCartQuotes, choices: Choices, first_ms: int, last_ms: int, rng: np.random.Generator
) -> ReplayCheck:
    """Fit a market to every other day, and simulate the others.

    Args:
        quotes: add-to-cart quotes with a base price.
        choices: the same rows.
        first_ms: first moment of the data, UTC milliseconds.
        last_ms: last moment, likewise.
        rng: source of all randomness.
    Raises:
        DataError: too few days, or too few quotes on those the market is fitted to.
    """
    day = quotes.quote_ms // DAY_MS - first_ms // DAY_MS
    hours = count_hours(quotes.quote_ms, first_ms, last_ms)
    n_days = hours.count.shape[0]
    if n_days < LEAST_DAYS:
        raise DataError(
            f"A replay needs {LEAST_DAYS} days of quotes, and there are {n_days}.",
            hint="Load more days.",
        )
    fitted, simulated_days = day % 2 == 0, day % 2 == 1
    if not fitted.any() or not simulated_days.any():
        raise DataError("A replay needs quotes on both odd and even days.", hint="Load more days.")
    learned = Choices(
        choices.log_ratio[fitted],
        choices.bought[fitted],
        choices.p_agent[fitted],
        choices.actor[fitted],
    )
    edges, labels = _bands(quotes.ratio)
    band = np.searchsorted(edges, quotes.ratio)
    sold = _simulate(hours, learned, np.exp(learned.log_ratio), edges, rng)
    logged = np.zeros(sold.shape[1:])
    hour = quotes.quote_ms // HOUR_MS % HOURS_A_DAY
    np.add.at(
        logged, (hour[simulated_days & quotes.bought], band[simulated_days & quotes.bought]), 1
    )
    rows = [_row("all", "all purchases", logged.sum(), sold.sum(axis=(1, 2)))]
    watched = np.flatnonzero(hours.watched[1::2].any(axis=0))
    rows += [_row("hour", f"{h:02d}:00", logged[h].sum(), sold[:, h].sum(axis=1)) for h in watched]
    rows += [
        _row("price", label, logged[:, k].sum(), sold[:, :, k].sum(axis=1))
        for k, label in enumerate(labels)
    ]
    return ReplayCheck(tuple(rows), (n_days + 1) // 2, n_days // 2)


def _simulate(
    hours: Hours,
    learned: Choices,
    ratios: NDArray[np.float64],
    edges: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Purchases by hour of the day and price band of markets simulated on the odd days, shape
    (N_MARKETS, 24, n_bands).
    """
    curves = fit_curves(learned, intercept=False)
    s = np.maximum(rng.multivariate_normal(curves.values[:, 0], curves.covariance, N_MARKETS), 1e-6)
    share = np.clip(
        rng.normal(learned.p_agent.mean(), _error_of_mean(learned), N_MARKETS), 0.0, 1.0
    )
    count, observed, to_simulate = (
        hours.count[::2].sum(axis=0),
        hours.watched[::2].sum(axis=0),
        hours.watched[1::2].sum(axis=0),
    )
    sold = np.zeros((N_MARKETS, HOURS_A_DAY, edges.size + 1))
    for hour in np.flatnonzero(to_simulate):
        # Of one hour over many days: sums of Poisson numbers are Poisson. Jeffreys' prior allows
        # purchases in empty hours.
        rate = (
            rng.gamma(count[hour] + 0.5, 1.0 / max(observed[hour], 1), N_MARKETS)
            * to_simulate[hour]
        )
        traffic = draw_traffic(Scenario(), rate, share, rng)
        ratio = rng.choice(ratios, traffic.shop.size)
        buys = traffic.threshold < purchase_probability(ratio, s[traffic.shop, traffic.agent])
        place = traffic.shop * (edges.size + 1) + np.searchsorted(edges, ratio)
        sold[:, hour] = np.bincount(place[buys], minlength=N_MARKETS * (edges.size + 1)).reshape(
            N_MARKETS, -1
        )
    return sold


def _error_of_mean(learned: Choices) -> float:
    """Standard error of the mean P(agent), clustered by actor."""
    deviation = learned.p_agent - learned.p_agent.mean()
    _, actor = np.unique(learned.actor, return_inverse=True)
    return float(np.sqrt((np.bincount(actor, deviation) ** 2).sum()) / deviation.size)


def _bands(ratio: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Upper edges of all price bands but the last, and their labels: one band per multiplier of an
    experiment, else quintiles.
    """
    multipliers = np.unique(np.round(ratio, 2))
    if multipliers.size <= MOST_MULTIPLIERS:
        return (multipliers[1:] + multipliers[:-1]) / 2, tuple(
            f"×{value:.2f}" for value in multipliers
        )
    cuts = np.unique(np.quantile(ratio, np.linspace(0, 1, N_BANDS + 1)))
    return cuts[1:-1], tuple(f"×{low:.2f} to ×{high:.2f}" for low, high in pairwise(cuts))


def _row(
    kind: Literal["hour", "price", "all"], label: str, logged: float, sold: NDArray[np.float64]
) -> ReplayRow:
    found = quantile_interval(sold.mean(), sold)
    return ReplayRow(kind, label, int(logged), found.value, found.low, found.high)
