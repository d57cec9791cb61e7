"""Weak start: sessions to learn from where labels are missing, from rules or from known agents."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.core.progress import Progress
from phantom_core.core.resampling import N_RESAMPLES
from phantom_core.evaluation.labelled_sessions import (
    LabelledSessions,
    begun_in,
    describe_labelled,
    read_subjects,
)
from phantom_core.evaluation.ranking import rank_scores
from phantom_core.evaluation.weak_labels import WeakLabels, WeakRuleFigures
from phantom_core.features.store import FeatureStore, version_of
from phantom_core.labelling.label_model import fit_label_model
from phantom_core.labelling.positive_unlabelled import LEAST_KNOWN, learn_from_known_agents
from phantom_core.labelling.weak_rules import cast_votes
from phantom_core.lake.lake import Lake
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.cross_fit import cross_fit
from phantom_core.models.encoding import encode_features
from phantom_core.models.splits import actor_codes

# A class with fewer labelled sessions is too small to learn from alone, and to measure by: 18
# labels gave an AUC of .5 on actors that were held out.
FEW_LABELS: Final = 20
# Up to this many of a class, weak labels of the other sessions still help (benchmarks/labels.py).
ENOUGH_LABELS: Final = 300
# Given labels at which a weak one counts half of what it would without any.
HALF_WEIGHT: Final = 50
# A session that rules say this little about is left out.
_LEAST_WEIGHT: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class WeakStart:
    """Sessions with weak labels.

    Attributes:
        labelled: sessions to learn from; a weak label counts by how sure it is.
        is_given: whether the label was given, shape (n_rows,).
        figures: where the labels are from.
    """

    labelled: LabelledSessions
    is_given: NDArray[np.bool_]
    figures: WeakLabels

    def measured(self, fold: NDArray[np.int64], *, seed: int) -> WeakLabels:
        """The figures with those that need trained classifiers.

        Args:
            fold: of each row, shape (n_rows,).
            seed: of training and resamples.
        """
        rows, rng = self.labelled.rows, np.random.default_rng(seed)
        left = [name for name in rows.names if name not in self.figures.features_read]
        without = None
        if left and self.figures.rules:
            other = cross_fit(rows.only(left), fold, seed=seed).margin
            without = _auc(rows, other, np.ones(fold.size, np.bool_), rng)
        return replace(
            self.figures,
            roc_auc_without_read=without,
            roc_auc_given=_given_auc(rows, self.is_given, fold, seed=seed),
        )


def has_few_labels(matrix: pa.Table) -> bool:
    """Whether weak labels help: too few labels of a class, or not many and most sessions without.

    Args:
        matrix: all sessions.
    """
    n_agent = pc.sum(matrix["is_agent"]).as_py() or 0
    n_labelled = matrix.num_rows - matrix["is_agent"].null_count
    fewest = min(n_agent, n_labelled - n_agent)
    is_rare = 2 * n_labelled < matrix.num_rows
    return bool(fewest < FEW_LABELS or (is_rare and fewest < ENOUGH_LABELS))


def weak_share(n_given: int) -> float:
    """What a weak label counts beside given ones.

    >>> weak_share(0), weak_share(50)
    (1.0, 0.5)
    """
    return 1 / (1 + n_given / HALF_WEIGHT)


def read_weak_start(
    lake: Lake,
    features: tuple[str, ...],
    n_folds: int,
    *,
    seed: int,
    progress: Progress,
    period_ms: tuple[int, int] | None = None,
) -> WeakStart:
    """Read all sessions and give those that something is known of a weak label.

    Known agents alone, without any human, are learned from as such; otherwise weak rules vote,
    and labels that were given count in full.

    Raises:
        DataError: rules do not vote for both classes.
    """
    store = FeatureStore(lake)
    store.refresh(progress)
    matrix = begun_in(store.matrix(), period_ms).sort_by("session_key")
    if not matrix.num_rows:
        raise DataError("There are no sessions.", hint="Load events first.")
    version = version_of(matrix)
    given = _given(matrix)
    known, humans = given == 1.0, given == 0.0
    if known.sum() >= LEAST_KNOWN and not humans.any():
        probability, figures = _from_known_agents(lake, matrix, version, known, features, seed)
    else:
        probability, figures = _from_rules(lake, matrix, version)
    probability = np.where(np.isnan(given), probability, given)
    figures = replace(figures, n_given=int((~np.isnan(given)).sum()))
    return _start(lake, matrix, version, features, n_folds, probability, given, figures)


def _given(matrix: pa.Table) -> Floats:
    """1 for agents, 0 for humans, NaN without a label."""
    label = pc.cast(pc.cast(matrix["is_agent"], pa.int8()), pa.float64())
    return np.asarray(label.to_numpy(), np.float64)


def _from_rules(lake: Lake, matrix: pa.Table, version: int) -> tuple[Floats, WeakLabels]:
    with lake.connect(("events",), version=version) as connection:
        votes = cast_votes(connection, matrix)
    model = fit_label_model(votes)
    probability = np.where(model.is_covered, model.probability, np.nan)
    rules = tuple(
        WeakRuleFigures(
            one.name, one.says, one.title, one.n_votes, one.precision, one.weight
        )
        for one in model.rules
    )  # fmt: skip
    share = Estimate(model.prior, model.prior, model.prior)
    n_covered = int(model.is_covered.sum())
    return probability, WeakLabels(
        "weak rules", matrix.num_rows, n_covered, 0, share, rules, votes.reads
    )


def _from_known_agents(
    lake: Lake,
    matrix: pa.Table,
    version: int,
    known: NDArray[np.bool_],
    features: tuple[str, ...],
    seed: int,
) -> tuple[Floats, WeakLabels]:
    with lake.connect(("experiments",), version=version) as connection:
        groups = actor_codes(matrix, read_subjects(connection, matrix))
    rows = LabelledRows(encode_features(matrix, features), features, known, groups)
    found = learn_from_known_agents(rows, seed=seed)
    return found.probability, WeakLabels(
        "known agents", matrix.num_rows, matrix.num_rows, 0, found.prior, (), ()
    )


def _start(
    lake: Lake,
    matrix: pa.Table,
    version: int,
    features: tuple[str, ...],
    n_folds: int,
    probability: Floats,
    given: Floats,
    figures: WeakLabels,
) -> WeakStart:
    sure = np.nan_to_num(np.abs(2 * probability - 1))
    chosen = sure >= _LEAST_WEIGHT
    weight = np.where(np.isnan(given), weak_share(figures.n_given), 1.0) * sure
    place = matrix.column_names.index("is_agent")
    weak = matrix.set_column(place, "is_agent", pa.array(probability >= 0.5)).filter(
        pa.array(chosen)
    )
    labelled = describe_labelled(lake, weak, version, features, n_folds, matrix.num_rows)
    rows = replace(labelled.rows, weight=weight[chosen])
    return WeakStart(replace(labelled, rows=rows), ~np.isnan(given[chosen]), figures)


def _given_auc(
    rows: LabelledRows,
    is_given: NDArray[np.bool_],
    fold: NDArray[np.int64],
    *,
    seed: int,
) -> Estimate | None:
    """ROC-AUC against given labels of models that learned from weak labels alone."""
    agents = int(rows.is_agent[is_given].sum())
    if min(agents, int(is_given.sum()) - agents) < FEW_LABELS:
        return None
    margin = cross_fit(rows, fold, seed=seed, may_learn=~is_given).margin
    return _auc(rows, margin, is_given, np.random.default_rng(seed))


def _auc(
    rows: LabelledRows, margin: Floats, chosen: NDArray[np.bool_], rng: np.random.Generator
) -> Estimate:
    return rank_scores(
        rows.is_agent[chosen], margin[chosen], rows.groups[chosen], rng, N_RESAMPLES
    ).roc_auc
