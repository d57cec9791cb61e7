"""Multi-task network: losses of a running or finished training, and the trials of tuning."""

import json

import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import MultitaskReport
from phantom_core.views.workspace.saved_models import ModelView

NetworkView = ModelView[MultitaskReport]


@requires(Permission.READ)
def recorded_losses(settings: Settings) -> pd.DataFrame:
    """Losses of the newest training so far, on validation actors.

    Returns:
        Columns fold, epoch, agent, purchase; a line that is still being written is left out.
    """
    try:
        lines = settings.paths.network_losses.read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError:
        lines = []
    return pd.DataFrame(
        [json.loads(line) for line in lines if line.endswith("\n")],
        columns=["fold", "epoch", "agent", "purchase"],
    )


@needs_no_permission
def losses_of(report: MultitaskReport) -> pd.DataFrame:
    """Losses of a saved network's first fold, in the columns of `recorded_losses`."""
    rows = [
        {"fold": 1, "epoch": epoch, "agent": done.aside.agent, "purchase": done.aside.purchase}
        for epoch, done in enumerate(report.passes, 1)
        if done.aside
    ]
    return pd.DataFrame(rows, columns=["fold", "epoch", "agent", "purchase"])


@requires(Permission.READ)
def was_tuned(settings: Settings) -> bool:
    """Whether a search was ever started in this workspace."""
    return settings.paths.network_tuning.exists()


@requires(Permission.READ)
def tuning_table(settings: Settings) -> pd.DataFrame:
    """Trials of tuning, in order.

    Returns:
        Columns trial, loss, best (lowest loss so far), agent, purchase and the hyperparameters
        searched.
    """
    from phantom_core.use_cases.models.tune_multitask import tuning_history  # noqa: PLC0415 - optuna and torch take seconds to import

    trials = tuning_history(settings) if was_tuned(settings) else ()
    table = pd.DataFrame(
        {
            "trial": [trial.number for trial in trials],
            "loss": [trial.loss for trial in trials],
            "agent": [trial.agent for trial in trials],
            "purchase": [trial.purchase for trial in trials],
            "width": [trial.hyperparameters.width for trial in trials],
            "dropout": [trial.hyperparameters.dropout for trial in trials],
            "learning_rate": [trial.hyperparameters.learning_rate for trial in trials],
            "weight_decay": [trial.hyperparameters.weight_decay for trial in trials],
            "agent_weight": [trial.hyperparameters.agent_weight for trial in trials],
            "purchase_weight": [trial.hyperparameters.purchase_weight for trial in trials],
            "learns_weights": [trial.hyperparameters.learns_weights for trial in trials],
        }
    )
    table.insert(2, "best", table["loss"].cummin())
    return table
