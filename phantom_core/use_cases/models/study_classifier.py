"""Study the classifier: how it does on new agents, short sessions and forged clocks.

Runs after the model is usable, and can be interrupted: each fold of each study is saved.
"""

import hashlib
import shutil
from typing import Final

import numpy as np

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation import report as reports
from phantom_core.evaluation.labelled_sessions import LabelledSessions, read_labelled
from phantom_core.evaluation.report import parse_report
from phantom_core.evaluation.robustness import (
    RobustnessStudy,
    delay_attack,
    human_clock_attack,
    prefix_results,
    unseen_families,
    with_features,
)
from phantom_core.evaluation.saved_report import save_studies
from phantom_core.features.catalogue import feature_names
from phantom_core.lake.lake import Lake
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore
from phantom_core.models.cross_fit import cross_fit, progress_during
from phantom_core.models.fold_margins import FoldCache
from phantom_core.models.splits import make_folds

# About 80 trainings: more sessions narrow their intervals less than they take time.
MOST_SESSIONS: Final = 20_000
FOLDER: Final = "studies"


@requires(Permission.WORK)
def study_classifier(
    settings: Settings, lake: Lake, *, version: str | None = None, progress: Progress = no_progress
) -> reports.ClassifierReport:
    """Study a saved classifier, and save the results beside it.

    Args:
        settings: workspace.
        lake: the events and labels that it learned from.
        version: of the model; None means the one in use.
        progress: called throughout; a study that it cancels goes on where it stopped.
    Returns:
        The report of the training, with the results.
    Raises:
        NotFoundError: no such model.
        DataError: the labels changed since it was trained.
    """
    model = ModelStore(settings.workspace, CLASSIFIER.name).open(version)
    report = parse_report(model.read(reports.FILE))
    labelled = read_labelled(
        lake, report.features, report.n_folds, part_progress(progress, 0, 0.05), report.period_ms
    )
    if labelled.data.labels_sha256 != report.data.labels_sha256:
        raise DataError(
            f"The labelled sessions changed since {report.model_version} was trained, so it cannot "
            "be studied on them.",
            hint="Train another one.",
        )
    rng = np.random.default_rng(report.seed)
    sample = sample_actors(labelled, rng)
    folder = model.folder / FOLDER
    found = run_studies(
        sample,
        n_folds=report.n_folds,
        left_out=report.without,
        seed=report.seed,
        cache=FoldCache(folder / _key(sample)),
        progress=part_progress(progress, 0.05, 1),
    )
    save_studies(model, found)
    shutil.rmtree(folder, ignore_errors=True)
    progress(1, f"studied {report.model_version}")
    return report.with_robustness(found)


@requires(Permission.WORK)
def run_studies(
    labelled: LabelledSessions,
    *,
    n_folds: int,
    left_out: tuple[str, ...],
    seed: int,
    cache: FoldCache,
    progress: Progress,
) -> reports.Robustness:
    """Run all studies on labelled sessions.

    Args:
        labelled: the sessions.
        n_folds: of actors.
        left_out: families of features that the classifier does not read.
        seed: of everything random.
        cache: of finished folds.
        progress: called throughout.
    """
    rows = labelled.rows
    fold = make_folds(rows.groups, rows.is_agent, n_folds, np.random.default_rng(seed))
    whole = cross_fit(rows, fold, seed=seed, progress=part_progress(progress, 0, 0.1))
    study = RobustnessStudy(rows, whole, labelled.history, seed, cache)
    return reports.Robustness(
        leave_family_out=unseen_families(
            study, labelled.families, part_progress(progress, 0.1, 0.45)
        ),
        prefixes=prefix_results(study, progress=part_progress(progress, 0.45, 0.75)),
        delay_attack=delay_attack(study, progress=part_progress(progress, 0.75, 0.82)),
        human_clock_attack=human_clock_attack(study, part_progress(progress, 0.82, 0.9)),
        without_timing=_without(
            study,
            "temporal",
            left_out,
            progress_during(part_progress(progress, 0.9, 0.95), "without timing"),
        ),
        without_user_agent=_without(
            study,
            "user_agent",
            left_out,
            progress_during(part_progress(progress, 0.95, 1), "without user agents"),
        ),
        n_sessions=len(rows.is_agent),
    )


@requires(Permission.READ)
def sample_actors(
    labelled: LabelledSessions, rng: np.random.Generator, most: int = MOST_SESSIONS
) -> LabelledSessions:
    """Whole actors at random, until there are about so many sessions."""
    n_sessions = np.bincount(labelled.rows.groups)
    if len(labelled.rows.groups) <= most:
        return labelled
    order = rng.permutation(len(n_sessions))
    chosen = np.zeros(len(n_sessions), np.bool_)
    chosen[order[np.cumsum(n_sessions[order]) <= most]] = True
    return labelled[chosen[labelled.rows.groups]]


def _without(
    study: RobustnessStudy, family: str, left_out: tuple[str, ...], progress: Progress
) -> Estimate | None:
    """ROC-AUC without a family; None where the classifier reads none of it, or nothing else."""
    kept = set(feature_names(without={family, *left_out}))
    remaining = tuple(name for name in study.rows.names if name in kept)
    missing = study.rows.only([name for name in study.rows.names if name not in remaining])
    return (
        with_features(study, remaining, progress, f"without-{family}")
        if remaining and not np.isnan(missing.values).all()
        else None
    )


def _key(labelled: LabelledSessions) -> str:
    """Changes with the sessions and their values."""
    content = np.ascontiguousarray(labelled.rows.values).tobytes()
    return hashlib.sha256(content).hexdigest()[:16]
