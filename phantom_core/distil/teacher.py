"""Teacher: what small trees learn from; it says at which mark-up it would quote each session."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.limits import GuardRails
from phantom_core.distil.markup import teacher_markup


class Teacher(Protocol):
    """Anything that can price a session."""

    @property
    def name(self) -> str:
        """How people call it."""

    def markup_ratio(self, sessions: pa.Table) -> NDArray[np.float64]:
        """Price over base price for each session.

        Args:
            sessions: rows of the feature matrix, with session_id.
        Returns:
            Shape (n_rows,); NaN where it knows nothing of a session that it did not learn from.
        """


@dataclass(frozen=True, slots=True, eq=False)
class ClassifierTeacher:
    """Marks up by the probability of an agent alone.

    Attributes:
        scores: session_id and agent_probability, of sessions that the model which scored them had
            not met.
        guard_rails: in force.
    """

    scores: pa.Table
    guard_rails: GuardRails

    @property
    def name(self) -> str:
        """How people call it."""
        return "classifier"

    def markup_ratio(self, sessions: pa.Table) -> NDArray[np.float64]:
        """Price over base price for each session; NaN for sessions that were not scored.

        Args:
            sessions: rows of the feature matrix, with session_id.
        """
        return teacher_markup(
            _of_sessions(self.scores, "agent_probability", sessions), self.guard_rails
        )


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTeacher:
    """Marks up by the probability of an agent, and down by that of a purchase.

    Attributes:
        scores: session_id, agent_probability and purchase_probability (that any of the session's
            offers is bought; NULL without an offer), of sessions that the networks which scored
            them had not met.
        guard_rails: in force.
    """

    scores: pa.Table
    guard_rails: GuardRails

    @property
    def name(self) -> str:
        """How people call it."""
        return "network"

    def markup_ratio(self, sessions: pa.Table) -> NDArray[np.float64]:
        """Price over base price for each session; NaN for sessions that were not scored. Without an
        offer nothing can be bought.

        Args:
            sessions: rows of the feature matrix, with session_id.
        """
        purchase = np.nan_to_num(_of_sessions(self.scores, "purchase_probability", sessions))
        return teacher_markup(
            _of_sessions(self.scores, "agent_probability", sessions), self.guard_rails, purchase
        )


@dataclass(frozen=True, slots=True, eq=False)
class OptimalTeacher:
    """Marks up as a network expects to earn most, agents' leakage taken off.

    Attributes:
        markups: session_id and markup_ratio (NULL without an offer), of sessions that the networks
            which priced them had not met.
    """

    markups: pa.Table

    @property
    def name(self) -> str:
        """How people call it."""
        return "network's optimal mark-up"

    def markup_ratio(self, sessions: pa.Table) -> NDArray[np.float64]:
        """Price over base price for each session; NaN for sessions that were not offered anything.

        Args:
            sessions: rows of the feature matrix, with session_id.
        """
        return _of_sessions(self.markups, "markup_ratio", sessions)


def _of_sessions(scores: pa.Table, column: str, sessions: pa.Table) -> NDArray[np.float64]:
    """A score of each session; NaN where it has none."""
    position = pc.index_in(sessions["session_id"], value_set=scores["session_id"].combine_chunks())
    return np.asarray(pc.fill_null(scores[column].take(position), np.nan).to_numpy(), np.float64)
