"""Later sessions: how a network trained on the past predicts actors that appear afterwards."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.estimate import Estimate
from phantom_core.core.progress import Progress
from phantom_core.evaluation.learning import Learning
from phantom_core.evaluation.multitask_report import LaterTask
from phantom_core.evaluation.ranking import rank_scores
from phantom_core.models.multitask.cross_fit import log_odds
from phantom_core.models.multitask.fitting import fit_network_early
from phantom_core.models.multitask.hyperparameters import Hyperparameters

EARLIER_SHARE: Final = 0.75
LEAST_OF_A_KIND: Final = 10


def evaluate_later(
    learning: Learning,
    chosen: Hyperparameters,
    *,
    has_price: bool,
    seed: int,
    rng: np.random.Generator,
    progress: Progress,
) -> LaterTask | None:
    """Train on the first three quarters of the sessions, evaluate on actors who appear later.

    Args:
        learning: offers and sessions.
        chosen: hyperparameters.
        has_price: whether prices varied enough.
        seed: of the training.
        rng: draws resamples.
        progress: called after every epoch.
    Returns:
        None where one side would hold too few rows.
    """
    rows, is_offer = learning.rows, learning.is_offer
    split_ms = int(np.quantile(learning.start_ms, EARLIER_SHARE))
    earlier = learning.start_ms < split_ms
    seen_actors = np.zeros(int(rows.actor.max()) + 1, np.bool_)
    seen_actors[rows.actor[earlier]] = True
    later = ~seen_actors[rows.actor]
    if not _enough(rows.bought[earlier & is_offer]) or not _enough(rows.bought[later & is_offer]):
        return None
    network = fit_network_early(
        rows[earlier], chosen, has_price=has_price, seed=seed, progress=progress
    ).network
    agent, purchase = log_odds(network, rows.inputs)
    sessions, offers = later & ~is_offer, later & is_offer
    return LaterTask(
        split_ms=split_ms,
        n_sessions=int(sessions.sum()),
        n_offers=int(offers.sum()),
        agent=_ranked(rows.is_agent[sessions], agent[sessions], rows.actor[sessions], rng),
        purchase=_ranked(rows.bought[offers], purchase[offers], rows.actor[offers], rng),
    )


def _enough(label: NDArray[np.float32]) -> bool:
    return bool(min((label == 1).sum(), (label == 0).sum()) >= LEAST_OF_A_KIND)


def _ranked(
    label: NDArray[np.float32],
    score: NDArray[np.float64],
    actor: NDArray[np.int64],
    rng: np.random.Generator,
) -> Estimate | None:
    return rank_scores(label == 1, score, actor, rng).roc_auc if _enough(label) else None
