"""The agent classifier: boosted trees over session features, a calibration and a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import xgboost as xgb
from numpy.typing import NDArray

from phantom_core.core.progress import Progress, no_progress
from phantom_core.models.curves import Curve
from phantom_core.models.encoding import encode_features, feature_types
from phantom_core.models.splits import make_folds, split_by_kind

MAX_ROUNDS: Final = 600
STOP_AFTER_ROUNDS: Final = 30
REPORT_EVERY_ROUNDS: Final = 25
MAX_BIN: Final = 128
# Below this many rows a second thread gains little on an idle machine and costs much on a busy one:
# with 30,000 rows, a fifth of the time on the one, three times as much on the other.
ROWS_FOR_TWO_THREADS: Final = 200_000
# One in this many parts of the training actors is held out to decide when to stop.
STOPPING_PARTS: Final = 5
PARAMETERS: Final[dict[str, str | int | float]] = {
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "tree_method": "hist",
    "max_bin": MAX_BIN,
    "max_depth": 4,
    "learning_rate": 0.07,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "min_child_weight": 2.0,
    "reg_lambda": 2.0,
}


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRows:
    """Rows to train a classifier on.

    Attributes:
        values: encoded features, shape (n_rows, n_names), NaN where undefined.
        names: columns of `values`.
        is_agent: labels, shape (n_rows,).
        groups: actor of each row, shape (n_rows,).
        weight: of each row within its class, shape (n_rows,); None means that all weigh the same.
    """

    values: NDArray[np.float32]
    names: tuple[str, ...]
    is_agent: NDArray[np.bool_]
    groups: NDArray[np.int64]
    weight: NDArray[np.float64] | None = None

    def __getitem__(self, chosen: NDArray[np.bool_]) -> "LabelledRows":
        return LabelledRows(
            self.values[chosen],
            self.names,
            self.is_agent[chosen],
            self.groups[chosen],
            None if self.weight is None else self.weight[chosen],
        )

    def with_values(self, values: NDArray[np.float32]) -> "LabelledRows":
        """The same sessions with other values of the same features."""
        return replace(self, values=values)

    def only(self, names: Sequence[str]) -> "LabelledRows":
        """The same sessions with some of the features."""
        return replace(
            self,
            values=self.values[:, [self.names.index(name) for name in names]],
            names=tuple(names),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """A trained classifier, ready to score.

    Attributes:
        booster: the trees.
        names: features in the order the trees expect.
        calibration: from margin to probability.
        threshold: probability from which a session counts as an agent.
        version: name of the saved model; empty before it is saved.
    """

    booster: xgb.Booster
    names: tuple[str, ...]
    calibration: Curve
    threshold: float
    version: str = ""

    def agent_probability(self, features: pa.Table) -> NDArray[np.float64]:
        """Probability that each session is an agent's.

        Args:
            features: has the columns `names`.
        Returns:
            Shape (n_rows,), in (0, 1).
        """
        return self.calibration.probability(
            classifier_margin(self.booster, encode_features(features, self.names))
        )


def classifier_margin(booster: xgb.Booster, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-odds before calibration.

    Args:
        booster: the trees.
        values: encoded features, shape (n_rows, n_names).
    Returns:
        Shape (n_rows,).
    """
    if not len(values):
        return np.empty(0)
    return np.asarray(booster.inplace_predict(values, predict_type="margin"), dtype=np.float64)


def fit_classifier_early(
    rows: LabelledRows, *, seed: int, progress: Progress = no_progress
) -> xgb.Booster:
    """Train until the loss on held-out actors stops falling.

    Args:
        rows: at least two actors of each kind.
        seed: of the inner split and the sampling of rows and features.
        progress: called every few rounds; its CancelledError ends the training.
    Returns:
        The trees up to the best round.
    """
    n_parts = min(
        STOPPING_PARTS, *(len(actors) for actors in split_by_kind(rows.groups, rows.is_agent))
    )
    held_out = make_folds(rows.groups, rows.is_agent, n_parts, np.random.default_rng(seed)) == 0
    training = _matrix(rows[~held_out])
    stop = xgb.callback.EarlyStopping(rounds=STOP_AFTER_ROUNDS, save_best=True)
    return xgb.train(
        _parameters(rows, seed),
        training,
        MAX_ROUNDS,
        evals=[(_matrix(rows[held_out], training), "held_out")],
        callbacks=[stop, _Reporter(progress, MAX_ROUNDS)],
        verbose_eval=False,
    )


def fit_classifier(
    rows: LabelledRows, n_rounds: int, *, seed: int, progress: Progress = no_progress
) -> xgb.Booster:
    """Train on every row for a known number of rounds.

    Args:
        rows: both classes.
        n_rounds: as found by early stopping on other rows.
        seed: of the sampling of rows and features.
        progress: called every few rounds; its CancelledError ends the training.
    """
    return xgb.train(
        _parameters(rows, seed), _matrix(rows), n_rounds, callbacks=[_Reporter(progress, n_rounds)]
    )


class _Reporter(xgb.callback.TrainingCallback):
    def __init__(self, progress: Progress, n_rounds: int) -> None:
        super().__init__()
        self.progress = progress
        self.n_rounds = n_rounds

    def after_iteration(
        self, model: xgb.Booster, epoch: int, evals_log: xgb.callback.TrainingCallback.EvalsLog
    ) -> bool:
        if epoch % REPORT_EVERY_ROUNDS == 0:
            self.progress(epoch / self.n_rounds, f"round {epoch}")
        return False


def _parameters(rows: LabelledRows, seed: int) -> dict[str, str | int | float]:
    return {
        **PARAMETERS,
        "seed": seed,
        "nthread": 1 if len(rows.values) < ROWS_FOR_TWO_THREADS else 2,
    }


def _matrix(
    rows: LabelledRows, reference: xgb.QuantileDMatrix | None = None
) -> xgb.QuantileDMatrix:
    return xgb.QuantileDMatrix(
        rows.values,
        label=rows.is_agent.astype(np.float32),
        weight=_class_weights(rows.is_agent, rows.weight),
        feature_names=list(rows.names),
        feature_types=feature_types(rows.names),
        enable_categorical=True,
        max_bin=MAX_BIN,
        ref=reference,
    )


def _class_weights(
    is_agent: NDArray[np.bool_], weight: NDArray[np.float64] | None
) -> NDArray[np.float32]:
    """Weights with which both classes weigh the same, and a row weighs 1 on average."""
    own = np.ones(len(is_agent)) if weight is None else weight / weight.mean()
    share = own[is_agent].sum() / len(is_agent)
    weights: NDArray[np.float32] = (
        own * np.where(is_agent, 0.5 / share, 0.5 / (1 - share))
    ).astype(np.float32)
    return weights
