"""Tune the network: search its hyperparameters within a time budget; the next search continues."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import CancelledError, NotFoundError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.learning import Learning, read_learning
from phantom_core.lake.lake import Lake
from phantom_core.models.calibration import log_loss
from phantom_core.models.multitask.cross_fit import cross_fit
from phantom_core.models.multitask.hyperparameters import Hyperparameters

N_FOLDS: Final = 3
_TINY: Final = 1e-6


@dataclass(frozen=True, slots=True)
class TuningTrial:
    """One choice of hyperparameters and its losses.

    Attributes:
        number: from 0.
        loss: mean held-out log loss relative to the base rates' (1 is no better than the base
            rates); lower is better.
        agent, purchase: held-out log loss of each task, nats; agent is None without labels.
        hyperparameters: of the trial.
    """

    number: int
    loss: float
    agent: float | None
    purchase: float
    hyperparameters: Hyperparameters


@dataclass(frozen=True, slots=True)
class TuneReport:
    """Results of a search so far.

    Attributes:
        trials: all that ended, in order; the first is that of the defaults.
        added: how many this search added.
        seconds: wall time of this search.
    """

    trials: tuple[TuningTrial, ...]
    added: int
    seconds: float

    @property
    def best(self) -> TuningTrial:
        """The one with the lowest loss."""
        return min(self.trials, key=lambda trial: trial.loss)

    def to_json(self) -> dict[str, object]:
        """The report as one JSON object."""
        return {
            "trials": len(self.trials),
            "added": self.added,
            "best": {
                **asdict(self.best.hyperparameters),
                "loss": self.best.loss,
                "number": self.best.number,
            },
            "defaults": self.trials[0].loss,
            "history": [trial.loss for trial in self.trials],
            "seconds": self.seconds,
        }


@requires(Permission.WORK)
def tune_multitask(
    settings: Settings,
    lake: Lake,
    *,
    seconds: float,
    seed: int | None = None,
    progress: Progress = no_progress,
) -> TuneReport:
    """Search until time is up; a trial that has begun is finished.

    Args:
        settings: workspace and default seed.
        lake: events, quotes, labels, catalogue.
        seconds: time budget; at least one trial is made.
        seed: of folds and search; None means the settings' one.
        progress: called after every epoch of every fold; finished trials stay when it cancels.
    Raises:
        DataError: no offer, or too few purchases or actors.
        CancelledError: progress cancelled the search.
    """
    started, chosen_seed = time.perf_counter(), settings.seed if seed is None else seed
    rng = np.random.default_rng(chosen_seed)
    part = part_progress(progress, 0, 0.05)
    learning = read_learning(
        lake,
        moments=None,
        n_folds=N_FOLDS,
        most_offers=settings.training.most_offers,
        rng=rng,
        progress=part,
    )
    study = _study(settings, learning.data.sha256, chosen_seed)
    before = len(_ended(study))
    while True:
        spent = (time.perf_counter() - started) / seconds
        if spent >= 1 and len(_ended(study)) > before:
            break
        span = part_progress(
            progress, 0.05 + 0.95 * min(spent, 0.99), 0.05 + 0.95 * min(spent + 0.1, 1.0)
        )
        _one_trial(study, learning, chosen_seed, span)
    trials = _ended(study)
    return TuneReport(trials, len(trials) - before, round(time.perf_counter() - started, 3))


@requires(Permission.READ)
def tuning_history(settings: Settings) -> tuple[TuningTrial, ...]:
    """All trials of the newest search of a workspace, in order; empty where there was none."""
    path = settings.paths.network_tuning
    if not path.exists():
        return ()
    storage = JournalStorage(JournalFileBackend(str(path)))
    names = optuna.study.get_all_study_names(storage)
    return _ended(optuna.load_study(study_name=names[-1], storage=storage)) if names else ()


@requires(Permission.READ)
def tuned_hyperparameters(settings: Settings) -> Hyperparameters:
    """The best ones of the newest search.

    Raises:
        NotFoundError: nothing was tuned yet.
    """
    trials = tuning_history(settings)
    if not trials:
        raise NotFoundError(
            "Nothing was tuned in this workspace yet.",
            hint="Tune: python -m phantom_core tune multitask --seconds 300",
        )
    return min(trials, key=lambda trial: trial.loss).hyperparameters


def _study(settings: Settings, data: str, seed: int) -> optuna.Study:
    """Open the search on these rows; other rows have a search of their own."""
    path = settings.paths.network_tuning
    path.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(study_name=data[:16], storage=storage, load_if_exists=True)
    # A search that goes on must not draw the same choices again.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=6)
    return study


def _one_trial(study: optuna.Study, learning: Learning, seed: int, progress: Progress) -> None:
    if not study.trials:
        study.enqueue_trial(
            {name: value for name, value in asdict(Hyperparameters()).items() if name in _SEARCHED}
        )
    trial = study.ask()
    chosen = _suggested(trial)
    try:
        fitted = cross_fit(
            learning.rows, learning.fold, chosen, has_price=True, seed=seed, progress=progress
        )
    except CancelledError:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        raise
    agent = _log_losses(learning.rows.is_agent, fitted.agent)
    purchase = _log_losses(learning.rows.bought, fitted.purchase)
    trial.set_user_attr("agent", agent[0] if agent else None)
    trial.set_user_attr("purchase", purchase[0] if purchase else None)
    known = [found[1] for found in (agent, purchase) if found]
    study.tell(trial, float(np.mean(known)))


_SEARCHED: Final = (
    "width",
    "dropout",
    "learning_rate",
    "weight_decay",
    "agent_weight",
    "purchase_weight",
    "learns_weights",
)


def _suggested(trial: optuna.Trial) -> Hyperparameters:
    return replace(
        Hyperparameters(),
        width=trial.suggest_float("width", 0.5, 2.0, log=True),
        dropout=trial.suggest_float("dropout", 0.05, 0.5),
        learning_rate=trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-3, 1.0, log=True),
        agent_weight=trial.suggest_float("agent_weight", 0.2, 2.0, log=True),
        purchase_weight=trial.suggest_float("purchase_weight", 0.5, 8.0, log=True),
        learns_weights=trial.suggest_categorical("learns_weights", [False, True]),
    )


def _log_losses(
    label: np.typing.NDArray[np.float32], score: np.typing.NDArray[np.float64]
) -> tuple[float, float] | None:
    """Held-out log loss, and the same in units of the base rate's; None without both kinds."""
    known = ~np.isnan(label)
    positive = label[known] == 1
    if not positive.any() or positive.all():
        return None
    probability = np.clip(1 / (1 + np.exp(-score[known])), _TINY, 1 - _TINY)
    found = log_loss(positive, probability)
    return found, found / log_loss(positive, np.full(len(positive), positive.mean()))


def _ended(study: optuna.Study) -> tuple[TuningTrial, ...]:
    done = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    return tuple(
        TuningTrial(
            number,
            float(trial.value or 0.0),
            trial.user_attrs.get("agent"),
            float(trial.user_attrs["purchase"]),
            replace(Hyperparameters(), **trial.params),
        )
        for number, trial in enumerate(done)
    )
