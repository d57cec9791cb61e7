"""Cross-fitting of networks: each row is scored by one that did not see its actor."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.progress import Progress, no_progress
from phantom_core.models.multitask.epochs import in_fold
from phantom_core.models.multitask.fitting import Fitted, fit_network_early
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.network import Network
from phantom_core.models.multitask.rows import LearningRows
from phantom_core.models.side_by_side import run_folds
from phantom_core.models.torch_threads import one_thread

_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class CrossFitted:
    """One network per fold, and its scores of the rows it did not see.

    Attributes:
        fold: of each row, shape (n,).
        fitted: of each fold.
        agent, purchase: out-of-fold log-odds, shape (n,).
    """

    fold: NDArray[np.int64]
    fitted: tuple[Fitted, ...]
    agent: Floats
    purchase: Floats

    @property
    def n_epochs(self) -> int:
        """Epochs for a network on all rows: the median of the folds', at least one."""
        return max(1, int(np.median([one.n_epochs for one in self.fitted])))

    @property
    def networks(self) -> tuple[Network, ...]:
        """One per fold."""
        return tuple(one.network for one in self.fitted)


def cross_fit(
    rows: LearningRows,
    fold: NDArray[np.int64],
    chosen: Hyperparameters,
    *,
    has_price: bool,
    seed: int,
    progress: Progress = no_progress,
) -> CrossFitted:
    """Train one network per fold on all other folds.

    Args:
        rows: to learn from.
        fold: of each row, from 0, shape (n,); no actor is in two.
        chosen: sizes, weights and pace.
        has_price: whether prices varied enough to learn from.
        seed: of everything random.
        progress: called after every epoch.
    """
    n_folds = int(fold.max()) + 1

    def fit_fold(k: int, fold_progress: Progress) -> Fitted:
        part = in_fold(fold_progress, k + 1)
        return fit_network_early(
            rows[fold != k], chosen, has_price=has_price, seed=seed + k, progress=part
        )

    fitted = run_folds(fit_fold, n_folds, progress)
    agent, purchase = np.empty((2, len(rows)))
    for k in range(n_folds):
        agent[fold == k], purchase[fold == k] = log_odds(fitted[k].network, rows.inputs[fold == k])
    return CrossFitted(fold, tuple(fitted), agent, purchase)


@torch.no_grad()
def log_odds(network: Network, inputs: Inputs) -> tuple[Floats, Floats]:
    """Log-odds of an agent and of a purchase, each of shape (n,)."""
    agent, purchase = np.empty((2, len(inputs)))
    with one_thread():
        for start in range(0, len(inputs), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            some = inputs[part]
            scores = network(
                *(torch.from_numpy(array) for array in (some.session, some.product, some.log_ratio))
            )
            agent[part], purchase[part] = (score.numpy() for score in scores)
    return agent, purchase
