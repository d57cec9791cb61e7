"""Splits: folds of sessions in which no actor is in two."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.errors import DataError, InputError

# With three folds the training part holds two groups of each kind, enough to split it again for
# early stopping.
MIN_FOLDS: Final = 3
MAX_FOLDS: Final = 20


def actor_codes(sessions: pa.Table, subjects: pa.ChunkedArray | None = None) -> NDArray[np.int64]:
    """Number the actors of sessions: by subject where named, else by experiment or session.

    Args:
        sessions: has the columns session_id and experiment_id.
        subjects: name of each session's subject, NULL where unknown; None means that none
            is known.
    Returns:
        Numbers from 0, shape (n_sessions,).
    """
    alone = pc.binary_join_element_wise("session", sessions["session_id"], ":")
    together = pc.binary_join_element_wise("experiment", sessions["experiment_id"], ":")
    named = (
        pa.nulls(sessions.num_rows, pa.string())
        if subjects is None
        else pc.binary_join_element_wise("subject", subjects, ":")
    )
    encoded = (
        pc.coalesce(pc.cast(named, pa.string()), together, alone)
        .combine_chunks()
        .dictionary_encode()
    )
    numbers: NDArray[np.int64] = encoded.indices.to_numpy().astype(np.int64)
    return numbers


def split_by_kind(
    groups: NDArray[np.int64], is_agent: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split actors into humans and agents by the label of most of their sessions.

    Args:
        groups: actor of each session, numbers from 0, shape (n_sessions,).
        is_agent: label of each session, shape (n_sessions,).
    Returns:
        Numbers of the human actors, and of the agents.

    >>> split_by_kind(np.array([0, 0, 3]), np.array([True, False, True]))
    (array([0]), array([3]))
    """
    n_sessions = np.bincount(groups)
    mostly_agent = 2 * np.bincount(groups, weights=is_agent) > n_sessions
    return np.flatnonzero((n_sessions > 0) & ~mostly_agent), np.flatnonzero(mostly_agent)


def make_folds(
    groups: NDArray[np.int64], is_agent: NDArray[np.bool_], n_folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Assign groups to folds of similar size and mix; no group is in two.

    Args:
        groups: actor of each session, numbers from 0, shape (n_sessions,).
        is_agent: label of each session, shape (n_sessions,).
        n_folds: from 2.
        rng: orders groups of equal size.
    Returns:
        Fold of each session, in [0, n_folds), shape (n_sessions,); every fold holds both classes.
    Raises:
        DataError: a class has fewer groups than folds.
    """
    n_sessions = np.bincount(groups)
    humans, agents = split_by_kind(groups, is_agent)
    _check_counts(len(humans), len(agents), n_folds)
    fold_of_group = np.zeros(len(n_sessions), dtype=np.int64)
    for members in (humans, agents):
        _assign(members, n_sessions, fold_of_group, n_folds, rng)
    return fold_of_group[groups]


def check_n_folds(n_folds: int) -> None:
    """Reject a number of folds that no study can use.

    Raises:
        InputError: outside [MIN_FOLDS, MAX_FOLDS].
    """
    if not MIN_FOLDS <= n_folds <= MAX_FOLDS:
        raise InputError(
            f"{n_folds} folds were requested.", hint=f"Use {MIN_FOLDS} to {MAX_FOLDS}."
        )


def _check_counts(n_human: int, n_agent: int, n_folds: int) -> None:
    if min(n_human, n_agent) < n_folds:
        scarce = "agents" if n_agent <= n_human else "humans"
        raise DataError(
            f"{n_folds} folds need at least {n_folds} actors of each kind, but the labels name "
            f"{n_human} human and {n_agent} agent actors.",
            hint=f"Load experiments or session labels with more {scarce}; an actor is a subject, "
            "an experiment, or a session outside experiments.",
        )


def _assign(
    members: NDArray[np.int64],
    n_sessions: NDArray[np.int64],
    fold_of_group: NDArray[np.int64],
    n_folds: int,
    rng: np.random.Generator,
) -> None:
    """Assign each group, largest first, to the fold with the fewest sessions of this kind."""
    shuffled = rng.permutation(members)
    filled = [0] * n_folds
    for group in shuffled[np.argsort(-n_sessions[shuffled], kind="stable")]:
        fold = min(range(n_folds), key=filled.__getitem__)
        fold_of_group[group] = fold
        filled[fold] += int(n_sessions[group])
