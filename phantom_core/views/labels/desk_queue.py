"""Desk queue: the sessions whose label is worth most, with the evidence for each."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.features.catalogue import feature_names
from phantom_core.labelling.label_model import fit_label_model
from phantom_core.labelling.label_queue import order_by_worth
from phantom_core.labelling.weak_rules import ABSTAIN, Votes, cast_votes
from phantom_core.models.encoding import encode_features
from phantom_core.views.workspace.snapshot import Snapshot

LENGTH: Final = 20
_SEED: Final = 20_261


@dataclass(frozen=True, slots=True)
class Sign:
    """A weak rule that votes on a session.

    Attributes:
        says: agent or human.
        title: the sign, in words.
    """

    says: str
    title: str


@dataclass(frozen=True, slots=True)
class QueuedSession:
    """A session that waits for a label.

    Attributes:
        session_id: of the session.
        p_agent: probability of an agent, as far as it is known; 0.5 where nothing is.
        at_stake: price in question, in the shop's currency; None where no price was seen.
        uncertainty, money, novelty: factors of its worth, in [0, 1].
        signs: weak rules that vote on it.
    """

    session_id: str
    p_agent: float
    at_stake: float | None
    uncertainty: float
    money: float
    novelty: float
    signs: tuple[Sign, ...]

    @property
    def worth(self) -> float:
        """Product of the factors."""
        return self.uncertainty * self.money * self.novelty


@dataclass(frozen=True, slots=True)
class DeskQueue:
    """Sessions in the order in which to label them.

    Attributes:
        sessions: the first of them.
        n_open: sessions without a label.
        source: where probabilities are from: the classifier, weak rules, or nothing yet.
    """

    sessions: tuple[QueuedSession, ...]
    n_open: int
    source: str


@requires(Permission.READ)
def desk_queue(
    snapshot: Snapshot,
    done: Collection[str],
    *,
    only: Collection[str] | None = None,
    length: int = LENGTH,
) -> DeskQueue:
    """Read the sessions whose label is worth most.

    Args:
        snapshot: the data.
        done: sessions that need no label from this person.
        only: sessions to choose from, labelled or not; None means all without a label.
        length: sessions wanted.
    """
    matrix = snapshot.arrow("SELECT * FROM sessions ORDER BY session_key")
    votes = _votes(snapshot, matrix)
    probability, source = _probability(matrix, votes)
    is_known = _without(matrix, done, only)
    at_stake = price_at_stake(matrix)
    queue = order_by_worth(
        encode_features(matrix, feature_names()),
        probability,
        at_stake,
        is_known,
        length,
        np.random.default_rng(_SEED),
    )
    names = matrix["session_id"].take(pa.array(queue.row)).to_pylist()
    sessions = tuple(
        QueuedSession(
            names[k],
            float(probability[row]),
            float(at_stake[row]) if np.isfinite(at_stake[row]) else None,
            float(queue.uncertainty[k]),
            float(queue.money[k]),
            float(queue.novelty[k]),
            _signs(votes, int(row)),
        )
        for k, row in enumerate(queue.row)
    )
    return DeskQueue(sessions, int((~is_known).sum()), source)


@requires(Permission.READ)
def session_signs(snapshot: Snapshot, session_id: str) -> tuple[Sign, ...]:
    """Weak rules that vote on one session."""
    matrix = snapshot.arrow("SELECT * FROM sessions ORDER BY session_key")
    row = pc.index(matrix["session_id"], session_id).as_py()
    return _signs(_votes(snapshot, matrix), row) if row >= 0 else ()


def price_at_stake(matrix: pa.Table) -> Floats:
    """What was paid, else the highest price seen: all of it with a cart, else a tenth."""
    columns = encode_features(matrix, ["max_price_seen", "cart_adds"]).astype(np.float64)
    paid = np.nan_to_num(
        pc.cast(matrix["total_revenue"], pa.float64()).to_numpy(zero_copy_only=False)
    )
    share = np.where(columns[:, 1] > 0, 1.0, 0.1)
    return np.asarray(np.where(paid > 0, paid, share * columns[:, 0]))


def _without(
    matrix: pa.Table, done: Collection[str], only: Collection[str] | None
) -> NDArray[np.bool_]:
    """Sessions that need no label, shape (n_rows,)."""

    def among(names: Collection[str]) -> NDArray[np.bool_]:
        found = pc.is_in(matrix["session_id"], value_set=pa.array(list(names), pa.string()))
        return np.asarray(found.to_numpy(), np.bool_)

    if only is not None:
        return among(done) | ~among(only)
    return among(done) | np.asarray(pc.is_valid(matrix["is_agent"]).to_numpy(), np.bool_)


def _votes(snapshot: Snapshot, matrix: pa.Table) -> Votes:
    columns = [name for name in matrix.column_names if name not in ("label", "agent_probability")]
    with snapshot.database.cursor() as cursor:
        return cast_votes(cursor, matrix.select(columns))


def _probability(matrix: pa.Table, votes: Votes) -> tuple[Floats, str]:
    """Probability of an agent: of the classifier, else of weak rules, else a half."""
    if matrix["agent_probability"].null_count < matrix.num_rows:
        scored = matrix["agent_probability"].to_numpy(zero_copy_only=False).astype(np.float64)
        return np.where(np.isnan(scored), 0.5, scored), "the classifier in use"
    try:
        return fit_label_model(votes).probability, "weak rules, as no classifier is in use"
    except DataError:
        return np.full(matrix.num_rows, 0.5), "nothing yet: every session is as uncertain"


def _signs(votes: Votes, row: int) -> tuple[Sign, ...]:
    return tuple(
        Sign(rule.says, rule.title)
        for rule, vote in zip(votes.rules, votes.cast[row], strict=True)
        if vote != ABSTAIN
    )
