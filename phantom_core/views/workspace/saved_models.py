"""Saved models: the models of one kind in a workspace, and the training report of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import pandas as pd

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals.approved_models import approved_model
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.model_kinds.model_kind import ModelKind
from phantom_core.model_store.manifest import Manifest
from phantom_core.model_store.store import ModelStore, StoredModel

Report = TypeVar("Report")


@dataclass(frozen=True, slots=True)
class ModelView(Generic[Report]):
    """One saved model.

    Attributes:
        manifest: identity and origin.
        report: of its training.
        card: its model card, Markdown.
    """

    manifest: Manifest
    report: Report
    card: str


@requires(Permission.READ)
def saved_versions(settings: Settings, kind: ModelKind) -> tuple[str, ...]:
    """Names of the saved models of a kind: the one in use, then the others, newest first."""
    return ModelStore(settings.workspace, kind.name).choices()


@requires(Permission.READ)
def version_in_use(settings: Settings, kind: ModelKind) -> str | None:
    """Name of the model of a kind that is in use; None where there is none."""
    return ModelStore(settings.workspace, kind.name).in_use()


@requires(Permission.READ)
def answers_of(settings: Settings, kind: ModelKind, version: str) -> tuple[str, ...]:
    """Outputs of a saved model.

    Raises:
        NotFoundError: no such version.
        DataError: its files are damaged.
    """
    if kind.available_answers is None:
        return tuple(kind.answers)
    available = cast(Callable[[object], tuple[str, ...]], kind.available_answers.load())
    return available(ModelStore(settings.workspace, kind.name).open(version))


@requires(Permission.READ)
def model_view(
    settings: Settings, kind: ModelKind, report_type: type[Report], version: str | None = None
) -> ModelView[Report]:
    """Read one saved model.

    Args:
        settings: name the workspace.
        kind: of model.
        report_type: class of its report.
        version: its name; None means the one in use.
    Raises:
        NotFoundError: no such version.
        DataError: its files are damaged.
    """
    model = ModelStore(settings.workspace, kind.name).open(version)
    report, card = read_saved(model, kind)
    if not isinstance(report, report_type):
        raise TypeError(
            f"The report of a {kind.noun} is a {type(report).__name__}, not a "
            f"{report_type.__name__}."
        )
    return ModelView(model.manifest, report, card)


@requires(Permission.READ)
def read_saved(model: StoredModel, kind: ModelKind) -> tuple[object, str]:
    """Report and card of a saved model, with what was added after its training.

    Raises:
        DataError: its files are damaged.
    """
    if kind.read_saved is not None:
        read = cast(Callable[[StoredModel], tuple[object, str]], kind.read_saved.load())
        return read(model)
    parse = cast(Callable[[bytes], object], kind.parse_report.load())
    return parse(model.read(kind.report_file)), model.read(kind.card_file).decode()


@requires(Permission.READ)
def version_table(settings: Settings, kind: ModelKind) -> pd.DataFrame:
    """Saved models of a kind with a readable manifest: the one in use, then the newest first.

    Returns:
        Columns version, in_use, for_pricing, trained (UTC), the headline figures, n_features,
        lake_version, seed.
    """
    found = [
        manifest
        for name in saved_versions(settings, kind)
        if (manifest := _manifest(settings, kind, name))
    ]
    used = version_in_use(settings, kind)
    with control_engine(settings).connect() as connection:
        model = approved_model(connection, kind.name)
    approved = model.version if model else None
    return pd.DataFrame(
        {
            "version": [manifest.version for manifest in found],
            "in_use": [manifest.version == used for manifest in found],
            "for_pricing": [manifest.version == approved for manifest in found],
            "trained": pd.to_datetime(
                [manifest.created_ms for manifest in found], unit="ms", utc=True
            ),
            **{name: [manifest.metrics.get(name) for manifest in found] for name in kind.figures},
            "n_features": [len(manifest.features) for manifest in found],
            "lake_version": [manifest.lake_version for manifest in found],
            "seed": [manifest.seed for manifest in found],
        }
    )


def _manifest(settings: Settings, kind: ModelKind, version: str) -> Manifest | None:
    try:
        return ModelStore(settings.workspace, kind.name).open(version).manifest
    except (DataError, NotFoundError):
        return None
