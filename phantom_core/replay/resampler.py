"""Resampler: intervals of figures over sessions, from resampled actors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import make_blocks, quantile_interval, resample_weights
from phantom_core.market.calibration.add_to_cart_quotes import SessionIndex


@dataclass(frozen=True, slots=True, eq=False)
class Resampler:
    """The same resamples of actors for every figure, so that differences stay paired.

    Attributes:
        block: of each session: its actor, or where there are very many a block of whole actors; -1
            for sessions out of the period.
        weights: how often each block is drawn, shape (n_resamples, n_blocks).
    Source: Field and Welsh 2007, bootstrapping clusters.
    """

    block: Ints
    weights: Floats

    @classmethod
    def of(
        cls, sessions: SessionIndex, within: NDArray[np.bool_], rng: np.random.Generator
    ) -> "Resampler":
        """Draw the resamples.

        Args:
            sessions: index of all sessions.
            within: those of the period; at least one.
            rng: draws.
        """
        block = np.full(sessions.actor.size, -1)
        block[within] = make_blocks(sessions.actor[within], rng)
        return cls(block, resample_weights(int(block.max()) + 1, rng))

    def total(self, values: Floats, session: Ints) -> Estimate:
        """Sum of a value over rows, given the session of each."""
        drawn = self.sums(values, session)
        return quantile_interval(values.sum(), drawn)

    def ratio(self, above: Floats, below: Floats, session: Ints) -> Estimate:
        """Sum of one value over the sum of another; NaN where that is 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = self.sums(above, session) / self.sums(below, session)
            value = np.float64(above.sum()) / np.float64(below.sum())
        return quantile_interval(value, drawn)

    def sums(self, values: Floats, session: Ints) -> Floats:
        """Sum of a value over rows in each resample, shape (n_resamples,)."""
        return np.asarray(
            self.weights @ np.bincount(self.block[session], values, minlength=self.weights.shape[1])
        )
