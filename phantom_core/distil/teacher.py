"""Teacher: gives the target mark-up of each session, from which small trees learn."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.limits import GuardRails
from phantom_core.distil.markup import teacher_markup


class Teacher(Protocol):
    """A model that gives each session a mark-up."""

    @property
    def name(self) -> str:
        """Name, as shown."""

    def markup_ratio(self, sessions: pa.Table) -> NDArray[np.float64]:
        """Price over base price for each session.

        Args:
            sessions: rows of the feature matrix, with session_id.
        Returns:
            Shape (n_rows,); NaN where it has no out-of-fold score of a session.
        """


@dataclass(frozen=True, slots=True, eq=False)
class ClassifierTeacher:
    """Marks up by the probability of an agent alone.

    Attributes:
        scores: session_id and agent_probability, by models that did not see the
            sessions' actors.
        guard_rails: in force.
    """

    scores: pa.Table
    guard_rails: GuardRails

    @property
    def name(self) -> str:
        """Name, as shown."""
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
            offers is bought; NULL without an offer), by networks that did not see
            the sessions' actors.
        guard_rails: in force.
    """

    scores: pa.Table
    guard_rails: GuardRails

    @property
    def name(self) -> str:
        """Name, as shown."""
        return "network"

    def markup_ratio(self, sessions: pa.Table) -> NDArray[np.float64]:
        """Price over base price for each session; NaN for sessions that were not scored.

        Without an offer P(purchase) is 0.

        Args:
            sessions: rows of the feature matrix, with session_id.
        """
        purchase = np.nan_to_num(_of_sessions(self.scores, "purchase_probability", sessions))
        return teacher_markup(
            _of_sessions(self.scores, "agent_probability", sessions), self.guard_rails, purchase
        )


@dataclass(frozen=True, slots=True, eq=False)
class OptimalTeacher:
    """Marks up by the network's optimum of expected revenue minus leakage.

    Attributes:
        markups: session_id and markup_ratio (NULL without an offer), by networks that
            did not see the sessions' actors.
    """

    markups: pa.Table

    @property
    def name(self) -> str:
        """Name, as shown."""
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
