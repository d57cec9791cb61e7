"""Explain the network: what its two outputs rely on, cached by version of model and data."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats32
from phantom_core.core.errors import DataError, InputError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import FILE, KIND, parse_report
from phantom_core.explain.contributions import Contributions
from phantom_core.explain.explanation import OUTPUTS, Explanation, Output, output_named
from phantom_core.explain.importance import family_importance, feature_importance
from phantom_core.explain.network import COLUMNS, take_apart
from phantom_core.explain.saved import (
    FOLDER,
    SavedExplanation,
    find_explanation,
    read_saved,
    save_explanation,
    tables_read,
)
from phantom_core.features.offers.offers import RELATIONS, moments_named, read_offers
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.model_store.result_store import replace_table
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.multitask.description import available_answers
from phantom_core.models.multitask.inputs import offer_inputs, values_of
from phantom_core.models.multitask.network import Network
from phantom_core.models.multitask.saved import read_fold_networks, read_network
from phantom_core.use_cases.models.price import check_definitions

# Above this many offers, a sample is drawn: each takes some 8,000 evaluations of the network.
MAX_EXPLAINED: Final = 2_000
MAX_EXPLAINED_BY_FOLD: Final = 200
# Background sample: offers that stand for "unknown". With 100, contributions are off by 0.04
# (agent) and 0.01 (purchase) on the demo set.
N_BACKGROUND: Final = 100
BACKGROUND: Final = "background.parquet"

Parts = tuple[Contributions, Contributions]


@requires(Permission.WORK)
def explain_network(
    settings: Settings,
    lake: Lake,
    *,
    version: str | None = None,
    n_offers: int = MAX_EXPLAINED,
    progress: Progress = no_progress,
) -> Mapping[Output, Explanation]:
    """Explain what both outputs of a saved network rely on; reads the cache of the same data.

    Args:
        settings: workspace, seed and most offers to draw from.
        lake: events, quotes, labels, catalogue.
        version: of the network; None means the latest.
        n_offers: most offers to explain, drawn at random.
        progress: called throughout; nothing is saved after it cancels.
    Returns:
        By output; without the agent where the network was trained without labels.
    Raises:
        NotFoundError: no such network.
        DataError: it is damaged, its features are defined differently now, or no offer is left.
        InputError: fewer than one offer.
        CancelledError: progress cancelled the work.
    """
    if n_offers < 1:
        raise InputError(f"{n_offers} offers cannot be explained.", hint="Give at least 1.")
    model = ModelStore(settings.workspace, KIND).open(version)
    check_definitions(model)
    tables = tables_read(lake, "offers")
    outputs = outputs_of(model)
    before = {output: _cached(model, output, tables, n_offers) for output in outputs}
    if all(before.values()):
        return {output: found for output, found in before.items() if found}
    offers = _offers(settings, lake, model, part_progress(progress, 0, 0.1))
    found = _explain(
        model, offers, tables, n_offers, settings.seed, part_progress(progress, 0.1, 1)
    )
    for output in outputs:
        save_explanation(model, found[output])
    progress(1, f"explained network {model.manifest.version}")
    return {output: found[output].explanation for output in outputs}


@requires(Permission.READ)
def read_network_explanation(
    settings: Settings, output: Output, version: str | None = None
) -> SavedExplanation:
    """The newest explanation of one output of a network.

    Args:
        settings: workspace.
        output: of the network.
        version: of the network; None means the latest.
    Raises:
        NotFoundError: no such network, or it was never explained.
        DataError: the saved explanation cannot be read.
    """
    return read_saved(ModelStore(settings.workspace, KIND).open(version), output)


@requires(Permission.READ)
def outputs_of(model: StoredModel) -> tuple[Output, ...]:
    """Outputs of a network: no P(agent) where it was trained without labels."""
    return tuple(output_named(name) for name in available_answers(model))


@requires(Permission.READ)
def background_of(
    settings: Settings, lake: Lake, model: StoredModel, progress: Progress
) -> Floats32:
    """Background sample of the newest explanation, else a new one, shape (N_BACKGROUND, 40)."""
    try:
        return _matrix(pq.read_table(model.folder / FOLDER / BACKGROUND))
    except (OSError, pa.ArrowException):
        return _draw_background(model, _offers(settings, lake, model, progress), settings.seed)


def _cached(
    model: StoredModel, output: Output, tables: tuple[int, ...], n_offers: int
) -> Explanation | None:
    found = find_explanation(model, output)
    if not found or found.explanation.tables != tables:
        return None
    explanation = found.explanation
    return explanation if explanation.explained == min(n_offers, explanation.sessions) else None


def _offers(settings: Settings, lake: Lake, model: StoredModel, progress: Progress) -> pa.Table:
    """The offers that a training would use now, with session_id and label."""
    store = FeatureStore(lake)
    store.refresh(part_progress(progress, 0, 0.4))
    progress(0.4, "reading features at every quote")
    moments = moments_named(parse_report(model.read(FILE)).data.moments) or "first_quote"
    with lake.connect(RELATIONS) as connection:
        offers = read_offers(connection, moments, most=settings.training.most_offers)
    sessions = store.matrix()
    at = pc.index_in(offers["session_key"], value_set=sessions["session_key"].combine_chunks())
    label = pc.fill_null(pc.if_else(sessions["is_agent"], "agent", "human"), "unknown")
    progress(1, f"{offers.num_rows:,} offers")
    return offers.append_column("session_id", sessions["session_id"].take(at)).append_column(
        "label", label.take(at)
    )


def _explain(
    model: StoredModel,
    offers: pa.Table,
    tables: tuple[int, ...],
    n_offers: int,
    seed: int,
    progress: Progress,
) -> Mapping[Output, SavedExplanation]:
    background = _draw_background(model, offers, seed)
    rng = np.random.default_rng(seed)
    drawn = offers.take(
        pa.array(
            np.sort(rng.choice(offers.num_rows, min(n_offers, offers.num_rows), replace=False))
        )
    )
    values = values_of(offer_inputs(drawn))
    network, _ = read_network(model)
    whole = take_apart(network, background, values, seed, part_progress(progress, 0, 0.65))
    few = values[
        np.sort(rng.choice(len(values), min(MAX_EXPLAINED_BY_FOLD, len(values)), replace=False))
    ]
    folds = _by_fold(
        read_fold_networks(model), background, few, seed, part_progress(progress, 0.65, 1)
    )
    inputs = drawn.select(["session_id", "product_id", "quote_ms", "label", *COLUMNS])
    found: dict[Output, SavedExplanation] = {}
    for at, output in enumerate(OUTPUTS):
        own, of_folds = whole[at], [fold[at] for fold in folds]
        explanation = Explanation(
            model_version=model.manifest.version,
            output=output,
            grain="offers",
            tables=tables,
            sessions=offers.num_rows,
            explained=len(values),
            folds=len(folds),
            fold_sessions=len(few),
            seed=seed,
            background=len(background),
            base=own.base,
            features=feature_importance(own, of_folds),
            families=family_importance(own, of_folds),
            interactions=(),
            interaction_sessions=0,
            kernels=None,
        )
        columns = {name: pa.array(own.values[:, i]) for i, name in enumerate(own.names)}
        found[output] = SavedExplanation(
            explanation,
            pa.table(
                {"session_id": drawn["session_id"], "product_id": drawn["product_id"], **columns}
            ),
            inputs,
        )
    return found


def _by_fold(
    networks: tuple[Network, ...],
    background: Floats32,
    values: Floats32,
    seed: int,
    progress: Progress,
) -> list[Parts]:
    """Explain the same offers by the fold networks, each of which held other actors out."""
    n = len(networks)
    return [
        take_apart(one, background, values, seed, part_progress(progress, k / n, (k + 1) / n))
        for k, one in enumerate(networks)
    ]


def _draw_background(model: StoredModel, offers: pa.Table, seed: int) -> Floats32:
    """Draw the background sample, and save it, so that all offers share it."""
    if not offers.num_rows:
        raise DataError(
            "There is no offer to explain.",
            hint="Load quotes, or events that name a product and its price.",
        )
    drawn = np.random.default_rng([seed, N_BACKGROUND]).choice(
        offers.num_rows, min(N_BACKGROUND, offers.num_rows), replace=False
    )
    values = values_of(offer_inputs(offers.take(pa.array(np.sort(drawn)))))
    folder = model.folder / FOLDER
    folder.mkdir(exist_ok=True)
    replace_table(
        folder / BACKGROUND,
        pa.table({name: pa.array(values[:, i]) for i, name in enumerate(COLUMNS)}),
    )
    return values


def _matrix(table: pa.Table) -> Floats32:
    return np.column_stack([table[name].to_numpy() for name in COLUMNS])
