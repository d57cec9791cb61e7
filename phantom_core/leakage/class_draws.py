"""Class draws: resampled sums of figures by class of shopper.

Each resample draws actors again, and which of them are agents: P(agent) is a probability, and what
a class earned depends on who was in it. Every sum of a resample is of the same draw of actors, so
that differences between classes, periods and segments stay paired.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import CHUNK_CELLS, quantile_interval
from phantom_core.replay.resampler import Resampler


@dataclass(frozen=True, slots=True, eq=False)
class Summed:
    """A sum over rows, and the same of each resample.

    Attributes:
        value: shape (n_columns,).
        drawn: shape (n_resamples, n_columns).
    """

    value: Floats
    drawn: Floats

    @classmethod
    def joined(cls, parts: "Sequence[Summed]") -> "Summed":
        """The sum of parts of the same columns and resamples."""
        return cls(
            np.sum([one.value for one in parts], axis=0),
            np.sum([one.drawn for one in parts], axis=0),
        )

    def estimate(self, column: int) -> Estimate:
        """One column with its interval."""
        return quantile_interval(float(self.value[column]), self.drawn[:, column])


@dataclass(frozen=True, slots=True, eq=False)
class ClassDraws:
    """Which class each session is of, and how resamples draw it.

    Attributes:
        p_agent: of each session, in [0, 1]; NaN where unknown, which counts in no class.
        actor: of each session; all sessions of an actor are of one class.
        resampler: of the actors.
        seed: of the draws, the same for every sum.
    """

    p_agent: Floats
    actor: Ints
    resampler: Resampler
    seed: int

    def agents(self, rows: Ints, values: Floats) -> Summed:
        """Sums of the columns of agents' rows.

        Args:
            rows: session of each, shape (n_rows,).
            values: shape (n_rows, n_columns).
        """
        return self._sum(rows, values, of_agents=True)

    def humans(self, rows: Ints, values: Floats) -> Summed:
        """Sums of the columns of humans' rows; see `agents`."""
        return self._sum(rows, values, of_agents=False)

    def everybody(self, rows: Ints, values: Floats) -> Summed:
        """Sums of all rows, also of unknown class; see `agents`."""
        weights, block = self.resampler.weights, self.resampler.block
        by_block = np.stack(
            [
                np.bincount(block[rows], column, minlength=weights.shape[1])
                for column in np.asarray(values).T
            ],
            axis=1,
        )
        return Summed(values.sum(axis=0), np.asarray(weights @ by_block))

    def _sum(self, rows: Ints, values: Floats, *, of_agents: bool) -> Summed:
        known = ~np.isnan(self.p_agent[rows])
        rows, values = rows[known], values[known]
        p_agent = self.p_agent[rows]
        chance = p_agent if of_agents else 1.0 - p_agent
        drawn = [
            (weights * (is_agent if of_agents else ~is_agent)) @ values
            for weights, is_agent in self._draws(rows, p_agent)
        ]
        return Summed(chance @ values, np.concatenate(drawn))

    def _draws(self, rows: Ints, p_agent: Floats) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
        """How often each row is drawn, and whether an agent made it, some resamples at a time."""
        rng = np.random.default_rng(self.seed)
        n_actors = int(self.actor.max(initial=-1)) + 1
        block, actor = self.resampler.block[rows], self.actor[rows]
        n_resamples = self.resampler.weights.shape[0]
        some = max(1, CHUNK_CELLS // max(n_actors, rows.size, 1))  # rng fills row by row
        for start in range(0, n_resamples, some):
            weights = self.resampler.weights[start : start + some]
            luck = rng.random((weights.shape[0], n_actors))
            yield weights[:, block], luck[:, actor] < p_agent
