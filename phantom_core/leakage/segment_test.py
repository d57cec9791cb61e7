"""Segment test: which segments leak more than chance explains, among all that were looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate

# A segment of fewer purchases has no spread worth a test.
FEWEST_PURCHASES: Final = 20
LEVEL: Final = 0.95
_NO_SPREAD: Final = 1e-9


@dataclass(frozen=True, slots=True)
class SegmentExcess:
    """A segment that leaks significantly more than the shop's rate.

    Attributes:
        position: among the tested segments.
        excess: leakage minus the shop's rate times the segment's revenue, currency; the interval
            covers all tested segments at once.
    """

    position: int
    excess: Estimate


def leaking_segments(
    leakage: Floats, revenue: Floats, drawn_leakage: Floats, drawn_revenue: Floats, total: int
) -> tuple[SegmentExcess, ...]:
    """Segments whose leakage is above the shop's rate, with a family-wise error of 5 %.

    The largest standardised deviation over all segments, in each resample, says how far chance
    alone takes the most extreme of them.

    Args:
        leakage: of each segment and of the whole shop, currency, shape (n_columns,).
        revenue: of the same.
        drawn_leakage: of each resample, shape (n_resamples, n_columns).
        drawn_revenue: of the same.
        total: column of the whole shop.
    Returns:
        The highest excess first.
    Source: Romano and Wolf 2005, stepwise multiple testing; the single-step maximum.
    """
    if not revenue[total]:
        return ()
    rate = leakage[total] / revenue[total]
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn_rate = drawn_leakage[:, [total]] / drawn_revenue[:, [total]]
    excess = leakage - rate * revenue
    drawn = np.nan_to_num(drawn_leakage - drawn_rate * drawn_revenue)
    spread = drawn.std(axis=0)
    tested = np.flatnonzero(
        (np.arange(leakage.size) != total) & (spread > _NO_SPREAD * max(1.0, abs(leakage[total])))
    )
    if not tested.size:
        return ()
    deviation = (drawn[:, tested] - excess[tested]) / spread[tested]
    reach = float(np.quantile(np.abs(deviation).max(axis=1), LEVEL))
    found = [
        SegmentExcess(
            int(k),
            Estimate(
                float(excess[k]),
                float(excess[k] - reach * spread[k]),
                float(excess[k] + reach * spread[k]),
            ),
        )
        for k in tested.tolist()
    ]
    clear = [one for one in found if one.excess.low > 0]
    return tuple(sorted(clear, key=lambda one: -one.excess.value))


def enough_purchases(counts: Sequence[int]) -> list[int]:
    """Positions of segments that can be tested."""
    return [k for k, n in enumerate(counts) if n >= FEWEST_PURCHASES]
