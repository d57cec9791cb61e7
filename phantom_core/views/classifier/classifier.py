"""Classifier: the saved models of a workspace and everything their training found out."""

from dataclasses import dataclass
from typing import Final

import pandas as pd

from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.evaluation import report as reports
from phantom_core.evaluation.report import ClassifierReport, parse_report
from phantom_core.model_store.manifest import Manifest
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.use_cases.models.train_classifier import CARD
from phantom_core.views.workspace.snapshot import CLASSIFIER


@dataclass(frozen=True, slots=True)
class ClassifierView:
    """One saved classifier.

    Attributes:
        manifest: what it is and where it came from.
        report: what its training found out.
        card: its model card, Markdown.
    """

    manifest: Manifest
    report: ClassifierReport
    card: str


def model_versions(settings: Settings) -> tuple[str, ...]:
    """Names of the saved classifiers: the one in use, then the others, newest first."""
    return ModelStore(settings.workspace, CLASSIFIER).to_choose()


def model_in_use(settings: Settings) -> str | None:
    """Name of the classifier in use; None where there is none."""
    return ModelStore(settings.workspace, CLASSIFIER).in_use()


def classifier_view(settings: Settings, version: str) -> ClassifierView:
    """Read one classifier.

    Raises:
        NotFoundError: no such version.
        DataError: its files are damaged.
    """
    model = ModelStore(settings.workspace, CLASSIFIER).open(version)
    return ClassifierView(model.manifest, _report(model), model.read(CARD).decode())


def newest_report(settings: Settings) -> ClassifierReport | None:
    """Report of the classifier in use; None where there is none, or none that can be read."""
    try:
        return _report(ModelStore(settings.workspace, CLASSIFIER).open())
    except (DataError, NotFoundError):
        return None


def _report(model: StoredModel) -> ClassifierReport:
    return parse_report(model.read(reports.FILE))


_METRICS: Final = ("roc_auc", "precision_at_recall_80", "pr_auc", "ece", "brier")


def version_list(settings: Settings) -> pd.DataFrame:
    """All saved classifiers whose manifest can be read: the one in use, then the others, newest
    first.

    Returns:
        Columns version, in_use, trained (UTC), roc_auc, precision_at_recall_80, pr_auc, ece, brier,
        n_features, lake_version, seed.
    """
    manifests = [
        manifest for name in model_versions(settings) if (manifest := _manifest(settings, name))
    ]
    return pd.DataFrame(
        {
            "version": [manifest.version for manifest in manifests],
            "in_use": [manifest.version == model_in_use(settings) for manifest in manifests],
            "trained": pd.to_datetime(
                [manifest.created_ms for manifest in manifests], unit="ms", utc=True
            ),
            **{name: [manifest.metrics.get(name) for manifest in manifests] for name in _METRICS},
            "n_features": [len(manifest.features) for manifest in manifests],
            "lake_version": [manifest.lake_version for manifest in manifests],
            "seed": [manifest.seed for manifest in manifests],
        }
    )


def _manifest(settings: Settings, version: str) -> Manifest | None:
    try:
        return ModelStore(settings.workspace, CLASSIFIER).open(version).manifest
    except (DataError, NotFoundError):
        return None
