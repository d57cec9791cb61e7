"""Robustness: the classifier on new agents, short sessions, and forged clocks or user agents.

Every figure is out of fold, on the folds of the classifier itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.estimate import Estimate
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.evaluation.history import History
from phantom_core.evaluation.ranking import rank_scores
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.cross_fit import CrossFit, progress_during
from phantom_core.models.encoding import encode_features
from phantom_core.models.fold_margins import FoldCache, cross_fit_margin
from phantom_core.models.splits import split_by_kind

PREFIXES: Final = (2, 3, 5, 8, 13, 21)
MAX_DELAY_S: Final = 10.0
N_RESAMPLES: Final = 300


@dataclass(frozen=True, slots=True, eq=False)
class RobustnessStudy:
    """Sessions and models that every study starts from.

    Attributes:
        rows: labelled sessions, in the order of history.session_keys.
        whole: the classifier of each fold, trained on whole sessions.
        history: the events of `rows`.
        seed: of the training and the resamples.
        cache: of the folds of every study.
    """

    rows: LabelledRows
    whole: CrossFit
    history: History
    seed: int
    cache: FoldCache = field(default_factory=FoldCache)

    @property
    def fold(self) -> NDArray[np.int64]:
        """Fold of each row."""
        return self.whole.fold

    def evaluate(
        self, margin: NDArray[np.float64], subset: NDArray[np.bool_] | None = None
    ) -> Estimate:
        """ROC-AUC of margins, over all sessions or a subset."""
        chosen = np.ones(len(margin), dtype=np.bool_) if subset is None else subset
        rows, rng = self.rows[chosen], np.random.default_rng(self.seed)
        return rank_scores(rows.is_agent, margin[chosen], rows.groups, rng, N_RESAMPLES).roc_auc

    def retrained(
        self,
        rows: LabelledRows,
        study: str,
        progress: Progress,
        may_learn: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """Out-of-fold log-odds of classifiers of the same folds, trained on other rows."""
        return cross_fit_margin(
            rows,
            self.fold,
            study=study,
            cache=self.cache,
            seed=self.seed,
            may_learn=may_learn,
            progress=progress,
        )


@dataclass(frozen=True, slots=True)
class UnseenFamily:
    """A family of agents, evaluated with classifiers trained without it.

    Attributes:
        family: its name.
        n_sessions: count.
        roc_auc: of its sessions against all human sessions.
        roc_auc_known: the same with other actors of the family in training.
    """

    family: str
    n_sessions: int
    roc_auc: Estimate
    roc_auc_known: Estimate


@dataclass(frozen=True, slots=True)
class PrefixResult:
    """Sessions truncated to their first events.

    Attributes:
        n_events: events per session, at most.
        cut_share: share of the sessions that go on after it; the others stay whole.
        roc_auc: of classifiers trained on whole sessions.
        roc_auc_retrained: of classifiers trained on sessions truncated at the same event.
    """

    n_events: int
    cut_share: float
    roc_auc: Estimate
    roc_auc_retrained: Estimate


@dataclass(frozen=True, slots=True)
class ClockAttack:
    """Agents that change the timing of their events, and nothing else.

    Attributes:
        trick: what they do, in words.
        roc_auc: of classifiers trained without the trick.
        roc_auc_retrained: of classifiers trained on agents that use it.
    """

    trick: str
    roc_auc: Estimate
    roc_auc_retrained: Estimate


def unseen_families(
    study: RobustnessStudy, family: NDArray[np.str_], progress: Progress = no_progress
) -> tuple[UnseenFamily, ...]:
    """Leave one family of agents out of training, then evaluate on it.

    Args:
        study: the sessions and their folds.
        family: of each session; empty where it is not named, shape (n_rows,).
        progress: called during every fold.
    Returns:
        One result per family of agents, by name; families without which too few agents are left for
        training are missing.
    """
    families = sorted(set(family[study.rows.is_agent]) - {""})
    results = []
    for i, name in enumerate(families):
        part = progress_during(
            part_progress(progress, i / len(families), (i + 1) / len(families)),
            f"agents without {name}",
        )
        is_family = study.rows.is_agent & (family == name)
        if _can_train(study, ~is_family):
            subset = is_family | ~study.rows.is_agent
            unseen = study.retrained(study.rows, f"unseen-{i}", part, may_learn=~is_family)
            aucs = (study.evaluate(margin, subset) for margin in (unseen, study.whole.margin))
            results.append(UnseenFamily(str(name), int(is_family.sum()), *aucs))
    return tuple(results)


def prefix_results(
    study: RobustnessStudy, n_events: Sequence[int] = PREFIXES, progress: Progress = no_progress
) -> tuple[PrefixResult, ...]:
    """Evaluate sessions truncated to their first events; shorter ones stay whole.

    Args:
        study: the sessions and their folds.
        n_events: where to truncate, each from 1.
        progress: called during every fold.
    Returns:
        One result per length.
    """
    results = []
    for i, n in enumerate(n_events):
        part = progress_during(
            part_progress(progress, i / len(n_events), (i + 1) / len(n_events)), f"first {n} events"
        )
        truncated = study.rows.with_values(
            encode_features(study.history.features_after(n), study.rows.names)
        )
        retrained = study.retrained(truncated, f"first-{n}", part)
        cut_share = float((study.history.n_events > n).mean())
        results.append(
            PrefixResult(
                n,
                cut_share,
                study.evaluate(study.whole.margin_of(truncated.values)),
                study.evaluate(retrained),
            )
        )
    return tuple(results)


def delay_attack(
    study: RobustnessStudy, max_delay_s: float = MAX_DELAY_S, progress: Progress = no_progress
) -> ClockAttack:
    """Evaluate agents that wait a random time more between any two events.

    Args:
        study: the sessions and their folds.
        max_delay_s: each gap of an agent grows by a uniform draw from [0, max_delay_s], s.
        progress: called during every fold.
    """
    history = study.history.delayed(
        study.rows.is_agent, max_delay_s, np.random.default_rng(study.seed)
    )
    return _clock_attack(
        study, history, f"wait up to {max_delay_s:g} s more at each step", "delay", progress
    )


def human_clock_attack(
    study: RobustnessStudy, progress: Progress = no_progress
) -> ClockAttack | None:
    """Evaluate agents whose waits are drawn from those of humans.

    Args:
        study: the sessions and their folds.
        progress: called during every fold.
    Returns:
        None where no human waited at all: every human session has one event.
    """
    if not (study.history.n_events[~study.rows.is_agent] > 1).any():
        return None
    history = study.history.on_the_clock_of(~study.rows.is_agent, np.random.default_rng(study.seed))
    trick = "wait as long as humans do, at random"
    return _clock_attack(study, history, trick, "human-clock", progress)


def _clock_attack(
    study: RobustnessStudy, history: History, trick: str, name: str, progress: Progress
) -> ClockAttack:
    rows = study.rows.with_values(encode_features(history.features(), study.rows.names))
    retrained = study.retrained(rows, name, progress_during(progress, f"agents that {trick}"))
    return ClockAttack(
        trick, study.evaluate(study.whole.margin_of(rows.values)), study.evaluate(retrained)
    )


def with_features(
    study: RobustnessStudy,
    names: Sequence[str],
    progress: Progress = no_progress,
    name: str = "features",
) -> Estimate:
    """ROC-AUC of classifiers restricted to some of the features.

    Args:
        study: the sessions and their folds.
        names: at least one feature of study.rows.
        progress: called during every fold.
        name: of the study.
    """
    return study.evaluate(study.retrained(study.rows.only(names), name, progress))


def _can_train(study: RobustnessStudy, allowed: NDArray[np.bool_]) -> bool:
    """Whether every fold's training rows have two actors of each kind."""
    learned = [allowed & (study.fold != k) for k in np.unique(study.fold)]
    return all(
        len(kind) >= 2
        for part in learned
        for kind in split_by_kind(study.rows.groups[part], study.rows.is_agent[part])
    )
