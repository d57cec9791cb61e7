"""Transition kernels: evidence for an agent or a human in each step from event to event."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.events.vocabulary import CANONICAL

START: Final = "start"
END: Final = "end"
SMOOTHING: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class KernelScore:
    """Two Markov kernels over event names, one per class, and the evidence of each step.

    Attributes:
        names: event names in order. A row is where a step comes from: `start`, then names; a column
            where it goes: names, then `end`.
        counts: steps seen, shape (2, n_names + 1, n_names + 1), humans first.
        smoothing: added to every count (Laplace).
    Source: Billingsley 1961, Statistical methods in Markov chains.
    """

    names: tuple[str, ...]
    counts: NDArray[np.float64]
    smoothing: float

    @classmethod
    def fit(
        cls, sequences: pa.ListArray, is_agent: NDArray[np.bool_], smoothing: float = SMOOTHING
    ) -> "KernelScore":
        """Count the steps of each class.

        Args:
            sequences: event names of each session in order.
            is_agent: labels, shape (n_sessions,).
            smoothing: added to every count, above 0.
        """
        seen = pc.unique(sequences.flatten()).to_pylist()
        names = (*CANONICAL, *sorted(set(seen) - set(CANONICAL)))
        source, target, session = _encode(sequences, names)
        n = len(names) + 1
        cells = (is_agent[session] * n + source) * n + target
        return cls(
            names,
            np.bincount(cells, minlength=2 * n * n).reshape(2, n, n).astype(np.float64),
            smoothing,
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the rows."""
        return (START, *self.names)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (*self.names, END)

    @property
    def kernels(self) -> NDArray[np.float64]:
        """Smoothed transition probabilities, shape of `counts`; every row sums to 1."""
        smoothed = self.counts + self.smoothing
        probabilities: NDArray[np.float64] = smoothed / smoothed.sum(axis=2, keepdims=True)
        return probabilities

    @property
    def evidence(self) -> NDArray[np.float64]:
        """Log-likelihood ratio of each step, above 0 for an agent.

        Returns:
            In nats, shape (n_names + 1, n_names + 1).
        """
        human, agent = np.log(self.kernels)
        ratio: NDArray[np.float64] = agent - human
        return ratio

    def steps(self, sequences: pa.ListArray) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Evidence of every step, from `start` to `end`.

        Args:
            sequences: event names of each session in order.
        Returns:
            Log-likelihood ratios in nats, and the session (row of `sequences`) of each; a step with
            a name not seen in training is no evidence, 0.
        """
        source, target, session = _encode(sequences, self.names)
        known = (source >= 0) & (target >= 0)
        return np.where(known, self.evidence[source, target], 0.0), session

    def score(self, sequences: pa.ListArray) -> NDArray[np.float64]:
        """Mean evidence per step of each session, in nats.

        Args:
            sequences: event names of each session in order.
        Returns:
            Shape (n_sessions,), above 0 for an agent.
        """
        ratios, session = self.steps(sequences)
        n_sessions = len(sequences)
        mean: NDArray[np.float64] = np.bincount(session, ratios, n_sessions) / np.bincount(
            session, minlength=n_sessions
        )
        return mean


def _encode(
    sequences: pa.ListArray, names: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Row, column and session of every step; −1 for a name that is not known."""
    starts = sequences.offsets.to_numpy() - sequences.offsets[0].as_py()
    found = pc.index_in(sequences.flatten(), value_set=pa.array(names, pa.string()))
    position = pc.fill_null(found, -1).to_numpy().astype(np.int64)
    row = np.where(position < 0, -1, position + 1)
    source = np.insert(row, starts[:-1], 0)
    target = np.insert(position, starts[1:], len(names))
    return source, target, np.repeat(np.arange(len(sequences)), np.diff(starts) + 1)
