"""Train the agent classifier: fresh features, grouped folds, an evaluation, a saved model."""

import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Literal

import duckdb
import numpy
import numpy as np
import pyarrow
import pyarrow as pa
import pyarrow.parquet as pq
import sklearn
import xgboost
from numpy.typing import NDArray

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, InputError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.resampling import N_RESAMPLES
from phantom_core.core.settings import Settings
from phantom_core.evaluation import report as reports
from phantom_core.evaluation.baselines import (
    best_feature,
    kernel_scores,
    logistic_scores,
    velocity_rule,
)
from phantom_core.evaluation.labelled_sessions import LabelledSessions, read_labelled
from phantom_core.evaluation.metrics import (
    brier_score,
    calibration_bins,
    calibration_error,
    calibration_error_of_chance,
    confusion_counts,
)
from phantom_core.evaluation.model_card import model_card
from phantom_core.evaluation.quote_figures import AtQuoteReport
from phantom_core.evaluation.ranking import (
    auc_difference,
    precision_recall_points,
    rank_scores,
    roc_auc,
    roc_points,
)
from phantom_core.evaluation.report import ClassifierReport
from phantom_core.evaluation.threshold import ThresholdChoice, choose_threshold
from phantom_core.features.catalogue import feature_names
from phantom_core.features.definitions import definition_hash
from phantom_core.features.store import FeatureStore
from phantom_core.labelling.weak_start import (
    WeakStart,
    has_few_labels,
    read_weak_start,
)
from phantom_core.lake.lake import Lake
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.manifest import FORMAT, Manifest, library_versions
from phantom_core.model_store.store import ModelStore, file_digest
from phantom_core.models.calibration import CalibrationChoice, choose_calibration
from phantom_core.models.classifier import Classifier, fit_classifier
from phantom_core.models.cross_fit import CrossFit, cross_fit
from phantom_core.models.encoding import encode_features
from phantom_core.models.inference_classifier import TREES
from phantom_core.models.saved_classifier import classifier_files, quote_files
from phantom_core.models.splits import check_n_folds, make_folds
from phantom_core.use_cases.models.banned_features import banned_in
from phantom_core.use_cases.models.model_use import take_first_model
from phantom_core.use_cases.models.train_at_quotes import (
    OUT_OF_FOLD_AT_QUOTES,
    train_at_quotes,
)

KIND: Final = CLASSIFIER.name
OUT_OF_FOLD: Final = "oof.parquet"
BY_HAND: Final = "Trained by hand."
Labels = Literal["auto", "given", "weak"]
LIBRARIES: Final = (xgboost, sklearn, numpy, pyarrow, duckdb)
# Other accepted names of a family of features.
FAMILY_NAMES: Final = {"timing": "temporal"}


@requires(Permission.WORK)
def train_classifier(
    settings: Settings,
    lake: Lake,
    *,
    now_ms: int,
    n_folds: int = 5,
    without: Sequence[str] = (),
    for_pricing: bool = True,
    seed: int | None = None,
    period_ms: tuple[int, int] | None = None,
    why: str | None = BY_HAND,
    labels: Labels = "given",
    progress: Progress = no_progress,
) -> ClassifierReport:
    """Train, evaluate and save an agent classifier; its robustness is studied afterwards.

    Args:
        settings: workspace, costs and default seed.
        lake: the events and labels.
        now_ms: UTC milliseconds.
        n_folds: from 3 to 20.
        without: families of features to leave out: timing (or temporal), behavioural, product,
            user_agent.
        for_pricing: leaves out the features that prices may not depend on, and measures what
            that costs.
        seed: of everything random; None means the settings' one.
        period_ms: learn from sessions that began in [start, end), UTC milliseconds; None means all.
        why: the reason for which it is used where it is the first; None leaves it a candidate, and
            so does learning without labels.
        labels: to learn from: those that were given; weak ones of rules or known agents, beside
            which given ones count in full; or auto, weak ones where few labels are given.
        progress: called throughout; nothing is saved after it cancels.

    Returns:
        The evaluation of the saved model.

    Raises:
        DataError: too few labels.
        InputError: folds or families that do not exist.
        CancelledError: progress cancelled the training.
    """
    started, chosen_seed = time.perf_counter(), settings.seed if seed is None else seed
    check_n_folds(n_folds)
    families = tuple(sorted({FAMILY_NAMES.get(name, name) for name in without}))
    remaining = _features_without(families)
    banned = banned_in(settings, remaining) if for_pricing else ()
    everything, weak = _read(
        lake,
        remaining,
        n_folds,
        labels,
        chosen_seed,
        period_ms,
        part_progress(progress, 0, 0.1),
    )
    labelled = _without_banned(everything, banned)
    fold = make_folds(
        labelled.rows.groups, labelled.rows.is_agent, n_folds, np.random.default_rng(chosen_seed)
    )
    whole = cross_fit(
        labelled.rows, fold, seed=chosen_seed, progress=part_progress(progress, 0.1, 0.2)
    )
    calibration = choose_calibration(whole.margin, labelled.rows.is_agent, fold)
    threshold = _threshold(settings, labelled, calibration)
    at_quotes = train_at_quotes(
        lake,
        labelled,
        whole,
        calibration.calibration,
        threshold=threshold.threshold,
        seed=chosen_seed,
        progress=part_progress(progress, 0.2, 0.7),
    )
    baselines = _baselines(labelled, fold, chosen_seed, part_progress(progress, 0.7, 0.8))
    ban = _ban_cost(everything, whole, banned, chosen_seed, part_progress(progress, 0.8, 0.95))
    booster = fit_classifier(
        labelled.rows, whole.n_rounds, seed=chosen_seed, progress=part_progress(progress, 0.95, 1)
    )
    classifier = Classifier(
        booster, labelled.rows.names, calibration.calibration, threshold.threshold
    )
    files = classifier_files(classifier) | quote_files(at_quotes.classifier)
    report = ClassifierReport(
        model_version=_version(now_ms, files),
        created_ms=now_ms,
        seed=chosen_seed,
        n_folds=n_folds,
        without=families,
        features=labelled.rows.names,
        data=labelled.data,
        ranking=rank_scores(
            labelled.rows.is_agent,
            whole.margin,
            labelled.rows.groups,
            np.random.default_rng(chosen_seed),
        ),
        ranking_by_fold=tuple(
            roc_auc(labelled.rows.is_agent[fold == k], whole.margin[fold == k])
            for k in range(n_folds)
        ),
        roc=roc_points(labelled.rows.is_agent, whole.margin),
        precision_recall=precision_recall_points(labelled.rows.is_agent, whole.margin),
        calibration=_calibration(labelled, calibration, chosen_seed),
        threshold=threshold,
        confusion=confusion_counts(
            labelled.rows.is_agent, calibration.probability >= threshold.threshold
        ),
        baselines=baselines,
        robustness=None,  # studied once the model is usable
        gains=_gains(classifier),
        period_ms=period_ms,
        seconds=time.perf_counter() - started,  # last, so that everything above counts
        ban=ban,
        at_quote=at_quotes.report,
        weak=weak.measured(fold, seed=chosen_seed) if weak else None,
    )
    held_out = {
        OUT_OF_FOLD: _out_of_fold(labelled, whole, calibration),
        OUT_OF_FOLD_AT_QUOTES: at_quotes.out_of_fold,
    }
    _save(settings, report, files | held_out, None if weak else why)
    progress(1, f"saved model {report.model_version}")
    return report


def _read(
    lake: Lake,
    features: tuple[str, ...],
    n_folds: int,
    labels: Labels,
    seed: int,
    period_ms: tuple[int, int] | None,
    progress: Progress,
) -> tuple[LabelledSessions, WeakStart | None]:
    """Sessions to learn from, and where weak labels are from; auto needs no rule to vote."""
    wants_weak = labels == "weak"
    if labels == "auto":
        store = FeatureStore(lake)
        store.refresh(progress)
        wants_weak = has_few_labels(store.matrix())
    if wants_weak:
        try:
            start = read_weak_start(
                lake, features, n_folds, seed=seed, progress=progress, period_ms=period_ms
            )
        except DataError:
            if labels == "weak":
                raise
        else:
            return start.labelled, start
    return read_labelled(lake, features, n_folds, progress, period_ms), None


def _features_without(families: Iterable[str]) -> tuple[str, ...]:
    remaining = feature_names(without=families)
    if not remaining:
        raise InputError("Every family of features was left out.", hint="Keep at least one.")
    return remaining


def _without_banned(labelled: LabelledSessions, banned: tuple[str, ...]) -> LabelledSessions:
    """The same sessions without the banned features."""
    names = [name for name in labelled.rows.names if name not in banned]
    if not names:
        raise InputError(
            "Every remaining feature is banned from prices.",
            hint="Train with other families, or only for analysis.",
        )
    return replace(labelled, rows=labelled.rows.only(names)) if banned else labelled


def _ban_cost(
    everything: LabelledSessions,
    own: CrossFit,
    banned: tuple[str, ...],
    seed: int,
    progress: Progress,
) -> reports.BanCost | None:
    """ROC-AUC with the banned features on the same folds; None where none was left out."""
    if not banned:
        return None
    rows = everything.rows
    unrestricted = cross_fit(rows, own.fold, seed=seed, progress=progress)
    difference = auc_difference(
        rows.is_agent,
        (own.margin, unrestricted.margin),
        rows.groups,
        np.random.default_rng(seed),
        N_RESAMPLES,
    )
    return reports.BanCost(banned, roc_auc(rows.is_agent, unrestricted.margin), difference)


def _threshold(
    settings: Settings, labelled: LabelledSessions, calibration: CalibrationChoice
) -> ThresholdChoice:
    return choose_threshold(
        labelled.rows.is_agent,
        labelled.matrix["purchased"].to_numpy().astype(np.bool_),
        calibration.probability,
        marking_up_human_cost=settings.threshold.marking_up_human_cost,
        leaking_to_agent_cost=settings.threshold.leaking_to_agent_cost,
    )


def _calibration(
    labelled: LabelledSessions, choice: CalibrationChoice, seed: int
) -> reports.CalibrationReport:
    is_agent, bins = (
        labelled.rows.is_agent,
        calibration_bins(labelled.rows.is_agent, choice.probability),
    )
    share = float(is_agent.mean())
    return reports.CalibrationReport(
        method=choice.calibration.method,
        log_loss=choice.log_loss,
        ece=calibration_error(bins),
        ece_of_chance=calibration_error_of_chance(choice.probability, np.random.default_rng(seed)),
        brier=brier_score(is_agent, choice.probability),
        brier_base_rate=share * (1 - share),
        bins=bins,
    )


def _baselines(
    labelled: LabelledSessions, fold: NDArray[np.int64], seed: int, progress: Progress
) -> reports.Baselines:
    rows, rng = labelled.rows, np.random.default_rng(seed)
    progress(0, "baseline: velocity rule")
    velocity = encode_features(labelled.matrix, ["interaction_velocity"])[:, 0].astype(np.float64)
    rule = velocity_rule(velocity, rows.is_agent, rows.groups, rng)
    progress(0.2, "baseline: logistic regression")
    logistic = rank_scores(rows.is_agent, logistic_scores(rows, fold), rows.groups, rng)
    progress(0.6, "baseline: transition kernels")
    kernel = rank_scores(
        rows.is_agent,
        kernel_scores(labelled.history.sequences(), rows.is_agent, fold),
        rows.groups,
        rng,
    )
    return reports.Baselines(
        float(rows.is_agent.mean()), rule, logistic, kernel, best_feature(rows)
    )


def _gains(classifier: Classifier) -> tuple[reports.FeatureGain, ...]:
    found = classifier.booster.get_score(importance_type="total_gain")
    gain = {name: float(np.sum(found.get(name, 0.0))) for name in classifier.names}
    total = sum(gain.values()) or 1.0
    return tuple(
        reports.FeatureGain(name, value / total)
        for name, value in sorted(gain.items(), key=lambda item: -item[1])
    )


def _out_of_fold(
    labelled: LabelledSessions, whole: CrossFit, calibration: CalibrationChoice
) -> bytes:
    """Probability of each labelled session by the fold model that held its actor out."""
    table = labelled.matrix.select(["session_id", "total_interactions", "is_agent", "family"])
    table = table.append_column("fold", pa.array(whole.fold)).append_column(
        "margin", pa.array(whole.margin)
    )
    sink = io.BytesIO()
    pq.write_table(
        table.append_column("agent_probability", pa.array(calibration.probability)), sink
    )
    return sink.getvalue()


def _save(
    settings: Settings, report: ClassifierReport, files: dict[str, bytes], why: str | None
) -> None:
    manifest = Manifest(
        format=FORMAT,
        kind=KIND,
        version=report.model_version,
        created_ms=report.created_ms,
        lake_version=report.data.lake_version,
        sql_hash=definition_hash(report.features),
        labels_sha256=report.data.labels_sha256,
        seed=report.seed,
        features=report.features,
        metrics=_headline(report),
        libraries=library_versions(*LIBRARIES),
        files={},
    )
    written = {reports.FILE: report.to_file(), CLASSIFIER.card_file: model_card(report).encode()}
    store = ModelStore(settings.workspace, KIND)
    store.save(manifest, files | written)
    if why is not None:
        take_first_model(settings, KIND, report.model_version, why, now_ms=report.created_ms)


def _headline(report: ClassifierReport) -> dict[str, float]:
    return {
        "roc_auc": report.ranking.roc_auc.value,
        "pr_auc": report.ranking.pr_auc.value,
        "precision_at_recall_80": report.ranking.precision_at_recall_80.value,
        "ece": report.calibration.ece,
        "brier": report.calibration.brier,
        **_at_quote_headline(report.at_quote),
    }


def _at_quote_headline(report: AtQuoteReport | None) -> dict[str, float]:
    """Figures of all quotes; none where there are too few."""
    overall = report.overall if report else None
    if overall is None:
        return {}
    figures = overall.at_quote
    return {
        "quote_roc_auc": figures.roc_auc.value,
        "quote_ece": figures.ece.value,
        "quote_brier": figures.brier.value,
    }


def _version(now_ms: int, files: dict[str, bytes]) -> str:
    """A name that sorts by time and differs with the trees."""
    created = datetime.fromtimestamp(now_ms / 1_000, UTC)
    return f"{created:%Y%m%d-%H%M%S}-{file_digest(files[TREES])[:8]}"
