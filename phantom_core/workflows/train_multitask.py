"""Train the multi-task network: offers as they were known, honest folds, a verdict on both tasks, a saved model."""

import io
import json
import time
from dataclasses import asdict, dataclass
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

from phantom_core.artifacts.manifest import FORMAT, Manifest, library_versions
from phantom_core.artifacts.store import ModelStore, sha256
from phantom_core.errors import DataError
from phantom_core.evaluation.baselines import best_feature
from phantom_core.evaluation.demand_curve import demand_curve, refused
from phantom_core.evaluation.later import judge_later
from phantom_core.evaluation.learning import Learning, read_learning
from phantom_core.evaluation.multitask_card import multitask_card
from phantom_core.evaluation.multitask_report import (
    CARD,
    ELASTICITIES,
    FILE,
    KIND,
    LOSSES,
    OUT_OF_FOLD,
    PRICE_ALONE,
    SINGLE_TASK,
    XGBOOST,
    AgentTask,
    DemandCurve,
    MultitaskReport,
    PurchaseTask,
)
from phantom_core.evaluation.rivals import agent_trees, purchase_columns, purchase_names, purchase_trees
from phantom_core.evaluation.task import Rival, TaskReport, against, judge_task
from phantom_core.features.aggregate import sql_hash
from phantom_core.features.catalogue import names
from phantom_core.lake.lake import Lake
from phantom_core.market.calibration.considered import RELATIONS, check_variation
from phantom_core.models.calibration import CalibrationChoice, Curve, Temperature, choose_calibration
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.cross_fit import during
from phantom_core.models.multitask.calibrated import METHODS
from phantom_core.models.multitask.cross_fit import CrossFitted, cross_fit
from phantom_core.models.multitask.description import PLAYED, Description
from phantom_core.models.multitask.fitting import Fitted, fit
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.models.multitask.passes import heard
from phantom_core.models.multitask.saved import network_files
from phantom_core.models.splits import check_n_folds
from phantom_core.offers.offers import Moments, product_elasticities
from phantom_core.offers.product_features import product_names
from phantom_core.progress import Progress, silent, within
from phantom_core.settings import Settings

LIBRARIES: Final = (torch, onnx, onnxruntime, safetensors, np, pyarrow, duckdb)
# A feature that ranks purchases this well on its own knows how the session went on.
TOO_GOOD: Final = 0.95


def train_multitask(
    settings: Settings,
    lake: Lake,
    *,
    now_ms: int,
    n_folds: int = 5,
    chosen: Hyperparameters | None = None,
    moments: Moments | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> MultitaskReport:
    """Train, judge and save a network.

    Args:
        settings: workspace, most offers to learn from, default seed.
        lake: events, quotes, labels, catalogue.
        now_ms: when this is, UTC milliseconds.
        n_folds: from 3 to 20.
        chosen: hyperparameters; None means the defaults.
        moments: what an offer is; None means first quotes where quotes are logged, else the moment before the first cart.
        seed: of everything random; None means the settings' one.
        progress: told all along; nothing is saved after it says stop.
    Returns:
        What was found out; the saved model is the latest one of the workspace.
    Raises:
        DataError: no offer, or too few purchases or actors.
        InputError: folds that cannot be used.
        CancelledError: progress said stop.
    """
    started, wanted = time.perf_counter(), chosen or Hyperparameters()
    check_n_folds(n_folds)
    noting = _noting_losses(settings, within(progress, 0.15, 0.4))
    study = _begin(settings, lake, wanted, moments, n_folds, settings.seed if seed is None else seed, within(progress, 0, 0.15))
    fitted = _cross_fit(study, wanted, noting)
    agent, purchase = _calibrations(study.learning, fitted)
    twins = _twins(study, within(progress, 0.4, 0.75))
    trees = _trees(study, within(progress, 0.75, 0.85))
    later = judge_later(
        study.learning,
        wanted,
        has_price=study.has_price,
        seed=study.seed,
        rng=study.rng,
        progress=during(within(progress, 0.85, 0.9), "earlier sessions"),
    )
    whole = fit(
        study.learning.rows,
        wanted,
        fitted.n_epochs,
        has_price=study.has_price,
        seed=study.seed,
        progress=during(within(progress, 0.9, 0.95), "all sessions"),
    )
    progress(0.95, "writing it down")
    files = _files(study, whole, fitted, agent, purchase)
    files[ELASTICITIES] = _parquet(product_elasticities(study.learning.offers))
    files[OUT_OF_FOLD] = _parquet(_out_of_fold(study.learning, fitted, agent, purchase))
    report = MultitaskReport(
        model_version=f"{datetime.fromtimestamp(now_ms / 1_000, UTC):%Y%m%d-%H%M%S}-{sha256(files[PLAYED])[:8]}",
        created_ms=now_ms,
        seed=study.seed,
        n_folds=n_folds,
        hyperparameters=wanted,
        data=study.learning.data,
        agent=_agent_task(study, fitted, agent, twins, trees) if agent else None,
        purchase=_purchase_task(study, fitted, purchase, twins, trees),
        demand=_demand(study, fitted, agent, purchase),
        later=later,
        leak_suspects=leak_suspects(study.learning),
        n_epochs=fitted.n_epochs,
        passes=fitted.fitted[0].passes,
        seconds=time.perf_counter() - started,  # last, so that everything above counts
    )
    _save(settings, report, files)
    progress(1, f"saved model {report.model_version}")
    return report


def _noting_losses(settings: Settings, progress: Progress) -> Progress:
    """Progress that keeps the losses it hears of; each training begins a new file."""
    path = settings.workspace / LOSSES
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("", encoding="utf-8")

    def told(fraction: float, message: str) -> None:
        found = heard(message)
        if found:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(found)) + "\n")
        progress(fraction, message)

    return told


def leak_suspects(learning: Learning) -> tuple[str, ...]:
    """Features that rank purchases so well on their own that they must know what came after the offer."""
    offers = learning.rows[learning.is_offer]
    values, bought = purchase_columns(offers.inputs), offers.bought == 1
    alone = ((name, best_feature(LabelledRows(values[:, [i]], (name,), bought, offers.actor))) for i, name in enumerate(purchase_names()))
    return tuple(name for name, found in alone if found.roc_auc > TOO_GOOD)


@dataclass(frozen=True, slots=True, eq=False)
class _Study:
    """What is asked.

    Attributes:
        learning: the rows.
        chosen: hyperparameters.
        refusal: why there is no demand curve; None where prices varied.
        seed: of every training.
        rng: draws folds, resamples and chance.
    """

    learning: Learning
    chosen: Hyperparameters
    refusal: DataError | None
    seed: int
    rng: np.random.Generator

    @property
    def has_price(self) -> bool:
        return self.refusal is None


def _begin(
    settings: Settings, lake: Lake, chosen: Hyperparameters, moments: Moments | None, n_folds: int, seed: int, progress: Progress
) -> _Study:
    rng = np.random.default_rng(seed)
    learning = read_learning(lake, moments=moments, n_folds=n_folds, most_offers=settings.most_offers, rng=rng, progress=progress)
    with lake.connect(RELATIONS) as connection:
        try:
            check_variation(connection)
            refusal = None
        except DataError as error:
            refusal = error
    return _Study(learning, chosen, refusal, seed, rng)


def _cross_fit(study: _Study, chosen: Hyperparameters, progress: Progress) -> CrossFitted:
    learning = study.learning
    return cross_fit(learning.rows, learning.fold, chosen, has_price=study.has_price, seed=study.seed, progress=progress)


def _calibrations(learning: Learning, fitted: CrossFitted) -> tuple[CalibrationChoice | None, CalibrationChoice]:
    """Of both heads; P(agent) of offers and of whole sessions shares one curve."""
    rows, n = learning.rows, learning.offers.num_rows
    purchase = choose_calibration(fitted.purchase[:n], rows.bought[:n] == 1, learning.fold[:n], METHODS)
    if not learning.has_agents:
        return None, purchase
    known = ~np.isnan(rows.is_agent)
    agent = choose_calibration(fitted.agent[known], rows.is_agent[known] == 1, learning.fold[known], METHODS)
    return agent, purchase


def _twins(study: _Study, progress: Progress) -> tuple[CrossFitted | None, CrossFitted]:
    """A network for each task alone, of the same size."""
    half = 0.5 if study.learning.has_agents else 0.0
    agent = None
    if study.learning.has_agents:
        agent = _cross_fit(study, study.chosen.for_agent_only(), during(within(progress, 0, half), "agents only"))
    return agent, _cross_fit(study, study.chosen.for_purchase_only(), during(within(progress, half, 1), "purchases only"))


_Scores = np.typing.NDArray[np.float64]


def _trees(study: _Study, progress: Progress) -> tuple[_Scores | None, _Scores]:
    rows, is_offer, fold = study.learning.rows, study.learning.is_offer, study.learning.fold
    agent = None
    if study.learning.has_agents:
        part = during(within(progress, 0, 0.5), "trees for comparison")
        agent = agent_trees(rows[~is_offer], fold[~is_offer], seed=study.seed, progress=part)
    return agent, purchase_trees(rows[is_offer], fold[is_offer], seed=study.seed, progress=within(progress, 0.5, 1))


def _agent_task(
    study: _Study,
    fitted: CrossFitted,
    choice: CalibrationChoice,
    twins: tuple[CrossFitted | None, CrossFitted],
    trees: tuple[_Scores | None, _Scores],
) -> AgentTask:
    learning = study.learning
    known = ~np.isnan(learning.rows.is_agent)
    probability = np.full(len(known), np.nan)
    probability[known] = choice.probability
    whole, at_offers = ~learning.is_offer, learning.is_offer & known
    rivals = []
    if twins[0] is not None and trees[0] is not None:
        rivals = [_agent_rival(study, SINGLE_TASK, fitted, twins[0].agent[whole]), _agent_rival(study, XGBOOST, fitted, trees[0])]
    sessions, offers = (_judged(study, learning.rows.is_agent, fitted.agent, choice, probability, part) for part in (whole, at_offers))
    return AgentTask(sessions, offers, tuple(rivals))


def _agent_rival(study: _Study, name: str, fitted: CrossFitted, score: _Scores) -> Rival:
    whole = ~study.learning.is_offer
    rows = study.learning.rows[whole]
    return against(name, rows.is_agent == 1, (fitted.agent[whole], score), rows.actor, study.rng)


def _purchase_task(
    study: _Study,
    fitted: CrossFitted,
    choice: CalibrationChoice,
    twins: tuple[CrossFitted | None, CrossFitted],
    trees: tuple[_Scores | None, _Scores],
) -> PurchaseTask:
    n = study.learning.offers.num_rows
    offers, own = study.learning.rows[study.learning.is_offer], fitted.purchase[:n]
    scores = {SINGLE_TASK: twins[1].purchase[:n], XGBOOST: trees[1]}
    if study.has_price:
        scores[PRICE_ALONE] = -np.nan_to_num(offers.inputs.log_ratio.astype(np.float64))
    bought = offers.bought == 1
    rivals = tuple(against(name, bought, (own, score), offers.actor, study.rng) for name, score in scores.items())
    values = LabelledRows(purchase_columns(offers.inputs), purchase_names(), bought, offers.actor)
    judged = _judged(study, offers.bought, own, choice, choice.probability, np.ones(n, np.bool_))
    return PurchaseTask(judged, rivals, best_feature(values))


def _judged(
    study: _Study,
    label: np.typing.NDArray[np.float32],
    score: _Scores,
    choice: CalibrationChoice,
    probability: _Scores,
    part: np.typing.NDArray[np.bool_],
) -> TaskReport:
    actor = study.learning.rows.actor[: len(label)]
    return judge_task(label[part] == 1, score[part], choice, probability[part], actor[part], study.rng)


def _demand(study: _Study, fitted: CrossFitted, agent: CalibrationChoice | None, purchase: CalibrationChoice) -> DemandCurve:
    if study.refusal is not None:
        return refused(study.refusal)
    n = study.learning.offers.num_rows
    p_agent = agent.calibration.probability(fitted.agent[:n]) if agent else None
    return demand_curve(study.learning, fitted, purchase.calibration, p_agent)


def _files(
    study: _Study, whole: Fitted, fitted: CrossFitted, agent: CalibrationChoice | None, purchase: CalibrationChoice
) -> dict[str, bytes]:
    curve: Curve = agent.calibration if agent else Temperature(1.0)
    description = Description(whole.network.architecture, curve, purchase.calibration, knows_agents=agent is not None)
    return network_files(whole.network, fitted.networks, description)


def _out_of_fold(learning: Learning, fitted: CrossFitted, agent: CalibrationChoice | None, purchase: CalibrationChoice) -> pa.Table:
    """What each labelled session was given by networks that did not know its actor.

    Returns:
        One row per labelled session: session_id, total_interactions, agent_probability, purchase_probability (that any of its
        offers is bought; NULL without an offer).
    """
    n, sessions = learning.offers.num_rows, learning.sessions
    key, offered = sessions["session_key"].to_numpy(), learning.offers["session_key"].to_numpy()
    at = np.minimum(np.searchsorted(key, offered), max(len(key) - 1, 0))
    known = key[at] == offered if len(key) else np.zeros(n, np.bool_)
    kept = np.bincount(at[known], np.log1p(-purchase.calibration.probability(fitted.purchase[:n])[known]), len(key))
    has_offer = np.bincount(at[known], minlength=len(key)) > 0
    p_agent = agent.calibration.probability(fitted.agent[n:]) if agent else np.empty(0)
    return (
        sessions.select(["session_id", "total_interactions"])
        .append_column("agent_probability", pa.array(p_agent))
        .append_column("purchase_probability", pa.array(np.where(has_offer, -np.expm1(kept), np.nan), from_pandas=True))
    )


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _save(settings: Settings, report: MultitaskReport, files: dict[str, bytes]) -> None:
    figures = report.to_json()
    headline = ("agent_auc", "purchase_auc", "ece_agent", "ece_purchase", "brier_purchase")
    manifest = Manifest(
        format=FORMAT,
        kind=KIND,
        version=report.model_version,
        created_ms=report.created_ms,
        lake_version=report.data.lake_version,
        sql_hash=sql_hash(),
        labels_sha256=report.data.sha256,
        seed=report.seed,
        features=(*names(), *product_names()),
        metrics={name: float(value) for name in headline if isinstance(value := figures[name], float)},
        libraries=library_versions(*LIBRARIES),
        files={},
    )
    written = {FILE: report.to_file(), CARD: multitask_card(report).encode()}
    ModelStore(settings.workspace, KIND).save(manifest, files | written)
