"""Positive and unlabelled sessions: what can be learned where only some agents are known.

Sessions of known agents are taken for a random sample of all agents'. Then a classifier of known
against unlabelled, divided by what it says of known agents, is the probability of an agent, and the
share of agents follows. Where known agents are easier to recognise than the others (as those that
name themselves are), the share is a lower bound: the report says so.

Source: Elkan and Noto 2008, Learning classifiers from only positive and unlabeled data; weights
after section 3; interval from resampled actors, Field and Welsh 2007.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import make_blocks, quantile_interval, resample_weights
from phantom_core.models.classifier import LabelledRows, classifier_margin, fit_classifier
from phantom_core.models.splits import make_folds

LEAST_KNOWN: Final = 20
N_FOLDS: Final = 5
N_ROUNDS: Final = 60


@dataclass(frozen=True, slots=True, eq=False)
class PositiveUnlabelled:
    """What known agents say of all sessions.

    Attributes:
        probability: that a session is an agent's; 1 for known ones, shape (n_sessions,).
        prior: share of agents among all sessions.
        found: share of agents' sessions that are known.
    """

    probability: Floats
    prior: Estimate
    found: Estimate


def learn_from_known_agents(rows: LabelledRows, *, seed: int) -> PositiveUnlabelled:
    """Give every session its probability of being an agent's.

    Args:
        rows: all sessions; is_agent is True for known agents, and False for unlabelled ones.
        seed: of folds, training and resamples.
    Raises:
        DataError: fewer than LEAST_KNOWN known agents, or too few actors.
    """
    known = rows.is_agent
    if known.sum() < LEAST_KNOWN:
        raise DataError(
            f"{int(known.sum())} sessions are known to be agents', and {LEAST_KNOWN} are needed.",
            hint="Label more sessions on the page Label desk, or load labels (ingest --labels).",
        )
    score = _scores(rows, seed)
    rng = np.random.default_rng(seed)
    block = make_blocks(rows.groups, rng)
    times = resample_weights(int(block.max()) + 1, rng)
    sums = [
        np.bincount(block, values, minlength=times.shape[1])
        for values in (np.where(known, score, 0.0), known, np.ones(known.size))
    ]
    caught, positive, sessions = (times @ one for one in sums)
    drawn = caught / np.maximum(positive, 1e-300)
    rate = float(score[known].mean())
    share = float(known.mean())
    prior = quantile_interval(
        min(1.0, share / rate), np.minimum(1.0, positive / sessions / np.maximum(drawn, 1e-12))
    )
    odds = (1 - rate) / rate * score / np.maximum(1 - score, 1e-12)
    return PositiveUnlabelled(
        np.where(known, 1.0, np.clip(odds, 0.0, 1.0)),
        prior,
        quantile_interval(min(1.0, rate), np.minimum(1.0, drawn)),
    )


def _scores(rows: LabelledRows, seed: int) -> Floats:
    """Probability, out of fold, that a session is a known one."""
    fold = make_folds(rows.groups, rows.is_agent, N_FOLDS, np.random.default_rng(seed))
    score = np.empty(fold.size)
    for k in range(N_FOLDS):
        part = rows[fold != k]
        booster = fit_classifier(part, N_ROUNDS, seed=seed + k)
        margin = classifier_margin(booster, rows.values[fold == k])
        score[fold == k] = _unbalanced(margin, part.is_agent)
    return score


def _unbalanced(margin: Floats, is_known: NDArray[np.bool_]) -> Floats:
    """Probabilities of a classifier that was trained on balanced classes."""
    share = is_known.mean()
    return np.asarray(1 / (1 + np.exp(-margin - np.log(share / (1 - share)))))
