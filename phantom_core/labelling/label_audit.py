"""Label audit: which labels are probably wrong, and how many, from out-of-fold scores.

Wrong labels are independent of how sure a classifier is that did not see them. So among the actors
that it is surest of, labels that contradict it are nearly all wrong, and their share there is the
share of wrong labels of that class; it errs upward, by the true errors among the surest. Actors are
audited rather than sessions, since a label is given to an actor.

Source: Northcutt, Jiang and Chuang 2021, Confident learning (ranking by self-confidence); Liu and
Tao 2016, Classification with noisy labels by importance reweighting (rates at anchor points).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import N_RESAMPLES, quantile_interval

# Share of the actors at either end of the score that count as surest.
SUREST: Final = 0.2
LEAST_ACTORS: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class LabelAudit:
    """Wrong labels among actors.

    Attributes:
        wrong: share of all actors whose label is wrong.
        wrong_of_human: share of the actors labelled human that are agents.
        wrong_of_agent: share of the actors labelled agent that are humans.
        n_actors: audited.
        suspect: rank of each session's actor by how much its label contradicts its score, from 0
            for the first as many as are expected to be wrong; -1 for the others, shape (n_rows,).
    """

    wrong: Estimate
    wrong_of_human: Estimate
    wrong_of_agent: Estimate
    n_actors: int
    suspect: Ints

    @property
    def is_suspect(self) -> NDArray[np.bool_]:
        """Whether each session's label is probably wrong, shape (n_rows,)."""
        return np.asarray(self.suspect >= 0)


def audit_labels(
    is_agent: NDArray[np.bool_],
    margin: Floats,
    groups: Ints,
    rng: np.random.Generator,
) -> LabelAudit:
    """Estimate how many labels are wrong, and rank those that probably are.

    Args:
        is_agent: labels, shape (n_rows,).
        margin: out-of-fold log-odds of an agent, by models that did not see the actor.
        groups: actor of each row.
        rng: draws the resamples.
    Raises:
        DataError: fewer than LEAST_ACTORS actors of either label.
    """
    _, actor, n_sessions = np.unique(groups, return_inverse=True, return_counts=True)
    score = np.bincount(actor, margin) / np.sqrt(n_sessions)
    label = np.bincount(actor, is_agent) * 2 > n_sessions
    _check_actors(label)
    order = np.argsort(score, kind="stable")
    share = _wrong_shares(label[order][None, :])[0]
    drawn = np.concatenate(
        [_wrong_shares(_resampled(label, score, rng, 50)) for _ in range(N_RESAMPLES // 50)]
    )
    wrong, of_human, of_agent = (
        quantile_interval(float(value), column)
        for value, column in zip(share, drawn.T, strict=True)
    )
    rank = _ranks(label, score, of_human.value, of_agent.value)
    return LabelAudit(wrong, of_human, of_agent, label.size, rank[actor])


def _check_actors(label: NDArray[np.bool_]) -> None:
    fewest = int(min(label.sum(), (~label).sum()))
    if fewest < LEAST_ACTORS:
        raise DataError(
            f"An audit needs {LEAST_ACTORS} actors of each label, and there are {fewest} of one.",
            hint="Label more sessions on the page Label desk, or load labels (ingest --labels).",
        )


def _resampled(
    label: NDArray[np.bool_], score: Floats, rng: np.random.Generator, n: int
) -> NDArray[np.bool_]:
    """Labels of resampled actors by rising score, shape (n, n_actors)."""
    order = np.argsort(score, kind="stable")
    drawn = np.sort(rng.integers(label.size, size=(n, label.size)), axis=1)
    return np.asarray(label[order][drawn])


def _wrong_shares(ordered: NDArray[np.bool_]) -> Floats:
    """Share wrong of all, of those labelled human, of those labelled agent, shape (n, 3).

    Args:
        ordered: labels by rising score, shape (n, n_actors).
    """
    n_sure = max(1, round(SUREST * ordered.shape[1]))
    human_as_agent = ordered[:, :n_sure].mean(axis=1)
    agent_as_human = 1 - ordered[:, -n_sure:].mean(axis=1)
    labelled_agent = ordered.mean(axis=1)
    # P(label agent) = a (1 − agent_as_human) + (1 − a) human_as_agent, solved for a.
    told_apart = np.maximum(1 - agent_as_human - human_as_agent, 1e-9)
    agents = np.clip((labelled_agent - human_as_agent) / told_apart, 0.0, 1.0)
    hidden_agents, hidden_humans = agents * agent_as_human, (1 - agents) * human_as_agent
    return np.stack(
        [
            hidden_agents + hidden_humans,
            np.minimum(1.0, hidden_agents / np.maximum(1 - labelled_agent, 1e-9)),
            np.minimum(1.0, hidden_humans / np.maximum(labelled_agent, 1e-9)),
        ],
        axis=1,
    )


def _ranks(label: NDArray[np.bool_], score: Floats, of_human: float, of_agent: float) -> Ints:
    """Rank of suspects among all, most contradicted first; -1 for the others."""
    against = np.where(label, -score, score)
    chosen = np.zeros(label.size, np.bool_)
    for members, share in ((~label, of_human), (label, of_agent)):
        rows = np.flatnonzero(members)
        n = round(share * rows.size)
        chosen[rows[np.argsort(-against[rows], kind="stable")[:n]]] = True
    rank = np.full(label.size, -1)
    rows = np.flatnonzero(chosen)
    rank[rows[np.argsort(-against[rows], kind="stable")]] = np.arange(rows.size)
    return rank
