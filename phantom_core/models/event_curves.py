"""Event curves: a calibration for each length that a session may have by the time of a quote.

A margin after two events says less than the same margin after twenty.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats, Ints
from phantom_core.models.curves import Calibration

# Events so far from which a new curve applies, where labels are many enough to fit it.
BAND_STARTS: Final = (0, 3, 5, 8, 13, 21)
# The feature that counts the events so far.
EVENTS_SO_FAR: Final = "total_interactions"


@dataclass(frozen=True, slots=True)
class EventCurves:
    """From margin to probability, by the number of events so far.

    Attributes:
        starts: fewest events of each band, rising, the first 0.
        curves: one per band.
    """

    starts: tuple[int, ...]
    curves: tuple[Calibration, ...]

    def probability(self, margin: Floats, n_events: Floats) -> Floats:
        """Probability of an agent, in (0, 1).

        Args:
            margin: shape (n_rows,).
            n_events: so far; NaN before the first event, shape (n_rows,).
        """
        band = band_of(n_events, self.starts)
        found = np.empty(len(margin))
        for number, curve in enumerate(self.curves):
            found[band == number] = curve.probability(margin[band == number])
        return found

    def at(self, margin: float, n_events: float) -> float:
        """The same of one session; n_events is NaN before the first event."""
        known = 0.0 if math.isnan(n_events) else n_events
        return self.curves[bisect_right(self.starts, known) - 1].at(margin)


def band_of(n_events: Floats, starts: tuple[int, ...] = BAND_STARTS) -> Ints:
    """Number of the band of each session so far.

    >>> band_of(np.array([np.nan, 2.0, 3.0, 99.0])).tolist()
    [0, 0, 1, 5]
    """
    return np.asarray(np.searchsorted(starts, np.nan_to_num(n_events), side="right") - 1)


def band_name(number: int, starts: tuple[int, ...] = BAND_STARTS) -> str:
    """Events so far, in words.

    >>> band_name(0), band_name(1), band_name(5)
    ('up to 2 events', '3–4 events', '21 events or more')
    """
    if number == len(starts) - 1:
        return f"{starts[number]} events or more"
    last = starts[number + 1] - 1
    return f"{starts[number]}–{last} events" if starts[number] else f"up to {last} events"
