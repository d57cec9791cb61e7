"""Multi-task: the saved networks of a workspace, what their training found out, and a training on
its way.
"""

import json
from dataclasses import dataclass
from typing import Final

import pandas as pd

from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import (
    CARD,
    FILE,
    KIND,
    LOSSES,
    TUNING,
    MultitaskReport,
    parse_report,
)
from phantom_core.model_store.manifest import Manifest
from phantom_core.model_store.store import ModelStore
from phantom_core.models.multitask.description import read_description

_METRICS: Final = ("agent_auc", "purchase_auc", "ece_agent", "ece_purchase")


@dataclass(frozen=True, slots=True)
class NetworkView:
    """One saved network.

    Attributes:
        manifest: what it is and where it came from.
        report: what its training found out.
        card: its model card, Markdown.
    """

    manifest: Manifest
    report: MultitaskReport
    card: str


def network_versions(settings: Settings) -> tuple[str, ...]:
    """Names of the saved networks: the one in use, then the others, newest first."""
    return ModelStore(settings.workspace, KIND).to_choose()


def network_in_use(settings: Settings) -> str | None:
    """Name of the network in use; None where there is none."""
    return ModelStore(settings.workspace, KIND).in_use()


def network_answers(settings: Settings, version: str) -> tuple[str, ...]:
    """Answers a network can give: "agent", unless it never saw a label, and "purchase".

    Raises:
        NotFoundError: no such version.
        DataError: its files are damaged.
    """
    knows_agents = read_description(ModelStore(settings.workspace, KIND).open(version)).knows_agents
    return ("agent", "purchase") if knows_agents else ("purchase",)


def network_view(settings: Settings, version: str) -> NetworkView:
    """Read one network's report.

    Raises:
        NotFoundError: no such version.
        DataError: its files are damaged.
    """
    model = ModelStore(settings.workspace, KIND).open(version)
    return NetworkView(model.manifest, parse_report(model.read(FILE)), model.read(CARD).decode())


def network_list(settings: Settings) -> pd.DataFrame:
    """All saved networks whose manifest can be read: the one in use, then the others, newest first.

    Returns:
        Columns version, in_use, trained (UTC), agent_auc, purchase_auc, ece_agent, ece_purchase,
        lake_version, seed.
    """
    manifests = [
        manifest for name in network_versions(settings) if (manifest := _manifest(settings, name))
    ]
    return pd.DataFrame(
        {
            "version": [manifest.version for manifest in manifests],
            "in_use": [manifest.version == network_in_use(settings) for manifest in manifests],
            "trained": pd.to_datetime(
                [manifest.created_ms for manifest in manifests], unit="ms", utc=True
            ),
            **{name: [manifest.metrics.get(name) for manifest in manifests] for name in _METRICS},
            "lake_version": [manifest.lake_version for manifest in manifests],
            "seed": [manifest.seed for manifest in manifests],
        }
    )


def losses_told(settings: Settings) -> pd.DataFrame:
    """Losses that the newest training told so far, on actors kept aside.

    Returns:
        Columns fold, epoch, agent, purchase; a line that is still being written is left out.
    """
    try:
        lines = (settings.workspace / LOSSES).read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError:
        lines = []
    return pd.DataFrame(
        [json.loads(line) for line in lines if line.endswith("\n")],
        columns=["fold", "epoch", "agent", "purchase"],
    )


def losses_of(report: MultitaskReport) -> pd.DataFrame:
    """Losses of a saved network's first fold, in the columns of `losses_told`."""
    rows = [
        {"fold": 1, "epoch": epoch, "agent": done.aside.agent, "purchase": done.aside.purchase}
        for epoch, done in enumerate(report.passes, 1)
        if done.aside
    ]
    return pd.DataFrame(rows, columns=["fold", "epoch", "agent", "purchase"])


def was_tuned(settings: Settings) -> bool:
    """Whether a search was ever begun in this workspace."""
    return (settings.workspace / TUNING).exists()


def tuning_table(settings: Settings) -> pd.DataFrame:
    """What tuning tried, in order.

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


def _manifest(settings: Settings, version: str) -> Manifest | None:
    try:
        return ModelStore(settings.workspace, KIND).open(version).manifest
    except (DataError, NotFoundError):
        return None
