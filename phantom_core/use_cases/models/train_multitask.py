"""Train the multi-task network: offers as known at the quote, grouped folds, a saved model."""

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Final

import duckdb
import numpy as np
import onnx
import onnxruntime
import pyarrow
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors
import torch
from numpy.typing import NDArray

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress, ProgressValues, no_progress, part_progress
from phantom_core.core.resampling import N_RESAMPLES
from phantom_core.core.settings import Settings
from phantom_core.evaluation.baselines import best_feature
from phantom_core.evaluation.comparison_models import purchase_columns, purchase_names
from phantom_core.evaluation.later import evaluate_later
from phantom_core.evaluation.learning import Learning, read_learning
from phantom_core.evaluation.multitask_card import multitask_card
from phantom_core.evaluation.multitask_report import (
    ELASTICITIES,
    FILE,
    KIND,
    OUT_OF_FOLD,
    MultitaskReport,
)
from phantom_core.evaluation.multitask_study import (
    MultitaskStudy,
    agent_task,
    calibration_study,
    cross_fitted,
    demand_of,
    purchase_task,
    single_task_twins,
    trees_for_comparison,
)
from phantom_core.evaluation.ranking import auc_difference, roc_auc
from phantom_core.evaluation.report import BanCost
from phantom_core.features.catalogue import feature_names
from phantom_core.features.definitions import definition_hash
from phantom_core.features.offers.offers import Moments, product_elasticities
from phantom_core.features.offers.product_features import product_names
from phantom_core.lake.lake import Lake
from phantom_core.market.calibration.add_to_cart_quotes import RELATIONS, check_variation
from phantom_core.model_kinds.multitask import NETWORK
from phantom_core.model_store.manifest import FORMAT, Manifest, library_versions
from phantom_core.model_store.store import ModelStore, file_digest
from phantom_core.models.calibration import CalibrationChoice
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.cross_fit import progress_during
from phantom_core.models.curves import Curve, Temperature
from phantom_core.models.multitask.cross_fit import CrossFitted
from phantom_core.models.multitask.description import ONNX_FILE, Description
from phantom_core.models.multitask.epochs import EpochLosses
from phantom_core.models.multitask.fitting import Fitted, fit_network
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.models.multitask.saved import network_files
from phantom_core.models.splits import check_n_folds
from phantom_core.use_cases.models.banned_features import banned_in
from phantom_core.use_cases.models.model_use import take_first_model

LIBRARIES: Final = (torch, onnx, onnxruntime, safetensors, np, pyarrow, duckdb)
# A feature that ranks purchases this well on its own must read later events.
TOO_GOOD: Final = 0.95
BY_HAND: Final = "Trained by hand."
_CLASSES: Final = 2


@requires(Permission.WORK)
def train_multitask(
    settings: Settings,
    lake: Lake,
    *,
    now_ms: int,
    n_folds: int = 5,
    chosen: Hyperparameters | None = None,
    moments: Moments | None = None,
    for_pricing: bool = True,
    seed: int | None = None,
    period_ms: tuple[int, int] | None = None,
    why: str | None = BY_HAND,
    progress: Progress = no_progress,
) -> MultitaskReport:
    """Train, evaluate and save a network.

    Args:
        settings: workspace, most offers to learn from, default seed.
        lake: events, quotes, labels, catalogue.
        now_ms: UTC milliseconds.
        n_folds: from 3 to 20.
        chosen: hyperparameters; None means the defaults.
        moments: what an offer is; None means first quotes where quotes are logged, else the moment
            before the first cart.
        for_pricing: leaves out the features that prices may not depend on, and measures what
            that costs.
        seed: of everything random; None means the settings' one.
        period_ms: learn from sessions that began in [start, end), UTC milliseconds; None means all.
        why: the reason for which it is used where it is the first; None leaves it a candidate.
        progress: called throughout; nothing is saved after it cancels.
    Returns:
        The evaluation of the saved model.
    Raises:
        DataError: no offer, or too few purchases or actors.
        InputError: an invalid number of folds.
        CancelledError: progress cancelled the training.
    """
    started = time.perf_counter()
    banned = banned_in(settings, feature_names()) if for_pricing else ()
    wanted = replace(chosen or Hyperparameters(), without=banned)
    check_n_folds(n_folds)
    recording = _recording_losses(settings, part_progress(progress, 0.15, 0.4))
    chosen_seed = settings.seed if seed is None else seed
    study = _begin(
        settings,
        lake,
        wanted,
        moments,
        n_folds,
        chosen_seed,
        period_ms,
        part_progress(progress, 0, 0.15),
    )
    fitted = cross_fitted(study, wanted, recording)
    agent, purchase = calibration_study(study.learning, fitted)
    single_task = single_task_twins(study, part_progress(progress, 0.4, 0.65))
    ban_agent, ban_purchase = _ban_costs(study, fitted, part_progress(progress, 0.65, 0.75))
    with ThreadPoolExecutor(1) as other_core:
        pending_trees = other_core.submit(trees_for_comparison, study, no_progress)
        later = evaluate_later(
            study.learning,
            wanted,
            has_price=study.has_price,
            seed=study.seed,
            rng=study.rng,
            progress=progress_during(part_progress(progress, 0.75, 0.85), "earlier sessions"),
        )
        whole = fit_network(
            study.learning.rows,
            wanted,
            fitted.n_epochs,
            has_price=study.has_price,
            seed=study.seed,
            progress=progress_during(part_progress(progress, 0.85, 0.95), "all sessions"),
        )
        trees = pending_trees.result()
    progress(0.95, "writing the report")
    files = _files(study, whole, fitted, agent, purchase)
    files[ELASTICITIES] = _parquet(product_elasticities(study.learning.offers))
    files[OUT_OF_FOLD] = _parquet(_out_of_fold(study.learning, fitted, agent, purchase))
    created = datetime.fromtimestamp(now_ms / 1_000, UTC)
    report = MultitaskReport(
        model_version=f"{created:%Y%m%d-%H%M%S}-{file_digest(files[ONNX_FILE])[:8]}",
        created_ms=now_ms,
        seed=study.seed,
        n_folds=n_folds,
        hyperparameters=wanted,
        data=study.learning.data,
        agent=agent_task(study, fitted, agent, single_task, trees) if agent else None,
        purchase=purchase_task(study, fitted, purchase, single_task, trees),
        demand=demand_of(study, fitted, agent, purchase),
        later=later,
        leak_suspects=leak_suspects(study.learning),
        n_epochs=fitted.n_epochs,
        passes=fitted.fitted[0].epochs,
        seconds=time.perf_counter() - started,  # last, so that everything above counts
        ban_agent=ban_agent,
        ban_purchase=ban_purchase,
    )
    _save(settings, report, files, why)
    progress(1, f"saved model {report.model_version}")
    return report


def _ban_costs(
    study: MultitaskStudy, fitted: CrossFitted, progress: Progress
) -> tuple[BanCost | None, BanCost | None]:
    """ROC-AUC of agents and of purchases beside networks with every feature, on the same folds."""
    banned = study.chosen.without
    if not banned:
        return None, None
    learning = study.learning
    unrestricted = cross_fitted(
        study, replace(study.chosen, without=()), progress_during(progress, "with every feature")
    )
    rows, is_offer = learning.rows, learning.is_offer

    def cost(
        label: NDArray[np.float32], own: Floats, other: Floats, chosen: NDArray[np.bool_]
    ) -> BanCost:
        positive = label[chosen] == 1
        difference = auc_difference(
            positive,
            (own[chosen], other[chosen]),
            rows.actor[chosen],
            np.random.default_rng(study.seed),
            N_RESAMPLES,
        )
        return BanCost(banned, roc_auc(positive, other[chosen]), difference)

    purchase = cost(rows.bought, fitted.purchase, unrestricted.purchase, is_offer)
    labelled = ~is_offer & ~np.isnan(rows.is_agent)
    if not learning.has_agents or len(np.unique(rows.is_agent[labelled])) < _CLASSES:
        return None, purchase
    return cost(rows.is_agent, fitted.agent, unrestricted.agent, labelled), purchase


def _recording_losses(settings: Settings, progress: Progress) -> Progress:
    """Progress that also writes the losses of every fold to a file, new for each training."""
    path = settings.paths.network_losses
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("", encoding="utf-8")

    def report(fraction: float, message: str, values: ProgressValues | None = None) -> None:
        if isinstance(values, EpochLosses):
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(values)) + "\n")
        progress(fraction, message, values)

    return report


@needs_no_permission
def leak_suspects(learning: Learning) -> tuple[str, ...]:
    """Features that rank purchases so well on their own that they must leak later events."""
    offers = learning.rows[learning.is_offer]
    values, bought = purchase_columns(offers.inputs), offers.bought == 1
    alone = (
        (name, best_feature(LabelledRows(values[:, [i]], (name,), bought, offers.actor)))
        for i, name in enumerate(purchase_names())
    )
    return tuple(name for name, found in alone if found.roc_auc > TOO_GOOD)


def _begin(
    settings: Settings,
    lake: Lake,
    chosen: Hyperparameters,
    moments: Moments | None,
    n_folds: int,
    seed: int,
    period_ms: tuple[int, int] | None,
    progress: Progress,
) -> MultitaskStudy:
    rng = np.random.default_rng(seed)
    learning = read_learning(
        lake,
        moments=moments,
        n_folds=n_folds,
        most_offers=settings.training.most_offers,
        rng=rng,
        progress=progress,
        period_ms=period_ms,
    )
    with lake.connect(RELATIONS) as connection:
        try:
            check_variation(connection)
            refusal = None
        except DataError as error:
            refusal = error
    return MultitaskStudy(learning, chosen, refusal, seed, rng)


def _files(
    study: MultitaskStudy,
    whole: Fitted,
    fitted: CrossFitted,
    agent: CalibrationChoice | None,
    purchase: CalibrationChoice,
) -> dict[str, bytes]:
    curve: Curve = agent.calibration if agent else Temperature(1.0)
    description = Description(
        whole.network.architecture, curve, purchase.calibration, knows_agents=agent is not None
    )
    return network_files(whole.network, fitted.networks, description)


def _out_of_fold(
    learning: Learning,
    fitted: CrossFitted,
    agent: CalibrationChoice | None,
    purchase: CalibrationChoice,
) -> pa.Table:
    """Probabilities of each labelled session by the fold network that held its actor out.

    Returns:
        One row per labelled session: session_id, total_interactions, fold, agent_probability,
        purchase_probability (that any of its offers is bought; NULL without an offer).
    """
    n, sessions = learning.offers.num_rows, learning.sessions
    key, offered = sessions["session_key"].to_numpy(), learning.offers["session_key"].to_numpy()
    at = np.minimum(np.searchsorted(key, offered), max(len(key) - 1, 0))
    known = key[at] == offered if len(key) else np.zeros(n, np.bool_)
    log_not_bought = np.bincount(
        at[known], np.log1p(-purchase.calibration.probability(fitted.purchase[:n])[known]), len(key)
    )
    has_offer = np.bincount(at[known], minlength=len(key)) > 0
    p_agent = agent.calibration.probability(fitted.agent[n:]) if agent else np.empty(0)
    return (
        sessions.select(["session_id", "total_interactions"])
        .append_column("fold", pa.array(learning.fold[n:]))
        .append_column("agent_probability", pa.array(p_agent))
        .append_column(
            "purchase_probability",
            pa.array(np.where(has_offer, -np.expm1(log_not_bought), np.nan), from_pandas=True),
        )
    )


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _save(
    settings: Settings, report: MultitaskReport, files: dict[str, bytes], why: str | None
) -> None:
    figures = report.to_json()
    headline = ("agent_auc", "purchase_auc", "ece_agent", "ece_purchase", "brier_purchase")
    without = report.hyperparameters.without
    columns = (*(name for name in feature_names() if name not in without), *product_names())
    manifest = Manifest(
        format=FORMAT,
        kind=KIND,
        version=report.model_version,
        created_ms=report.created_ms,
        lake_version=report.data.lake_version,
        sql_hash=definition_hash(columns),
        labels_sha256=report.data.sha256,
        seed=report.seed,
        features=columns,
        metrics={
            name: float(value) for name in headline if isinstance(value := figures[name], float)
        },
        libraries=library_versions(*LIBRARIES),
        files={},
    )
    written = {FILE: report.to_file(), NETWORK.card_file: multitask_card(report).encode()}
    store = ModelStore(settings.workspace, KIND)
    store.save(manifest, files | written)
    if why is not None:
        take_first_model(settings, KIND, report.model_version, why, now_ms=report.created_ms)
