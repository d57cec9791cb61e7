"""Distil: a teacher's mark-ups as a small tree, evaluated on held-out actors, saved as rules."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sklearn

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import read_banned_features
from phantom_core.core.errors import DataError, InputError
from phantom_core.core.leakage_terms import LeakageTerms
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.registry import choose_named
from phantom_core.core.settings import Settings
from phantom_core.distil.distillation import FILE, Distillation, parse_distillation
from phantom_core.distil.frontier import depth_frontier, score_depth
from phantom_core.distil.grow import Recipe, grow_tree
from phantom_core.distil.optimal import optimal_markups
from phantom_core.distil.purchases import base_value
from phantom_core.distil.sample import DistillationSample, columns_of
from phantom_core.distil.teacher import ClassifierTeacher, NetworkTeacher, OptimalTeacher, Teacher
from phantom_core.distil.tree import tree_features
from phantom_core.evaluation import multitask_report
from phantom_core.evaluation.labelled_sessions import LabelledSessions, read_labelled
from phantom_core.features.catalogue import feature_names
from phantom_core.features.definitions import definition_hash
from phantom_core.features.offers.offers import RELATIONS, moments_named, read_offers
from phantom_core.lake.lake import Lake
from phantom_core.model_kinds.model_kind import MODEL_KINDS, Teaching
from phantom_core.model_store.manifest import FORMAT, Manifest, library_versions
from phantom_core.model_store.store import ModelStore, StoredModel, file_digest
from phantom_core.models.multitask.inputs import offer_inputs
from phantom_core.models.optimal_price import PricingObjective
from phantom_core.models.splits import make_folds
from phantom_core.rules.text import format_rules
from phantom_core.use_cases.models import train_classifier
from phantom_core.use_cases.models.price import default_objective, demand_scorer
from phantom_core.use_cases.models.score import score_sessions

KIND: Final = "distilled"
RULES: Final = "rules.txt"
N_FOLDS: Final = 5
FRONTIER_DEPTH: Final = 6
LIBRARIES: Final = (sklearn, np)


@requires(Permission.WORK)
def distil_rules(
    settings: Settings,
    lake: Lake,
    *,
    now_ms: int,
    teacher: str = "classifier",
    recipe: Recipe | None = None,
    without: Sequence[str] | None = None,
    seed: int | None = None,
    progress: Progress = no_progress,
) -> Distillation:
    """Distil the mark-ups of a model into a small tree, measure its fidelity, and save it.

    Args:
        settings: workspace, default seed and banned features.
        lake: the events and labels.
        now_ms: UTC milliseconds.
        teacher: one of `teachings`.
        recipe: how to grow it; None means depth 5 and 50 sessions in a leaf.
        without: features it may not read; None means those banned by an administrator.
        seed: of everything random; None means the settings' one.
        progress: called throughout; nothing is saved after it cancels.

    Raises:
        NotFoundError: the teacher's model was never trained.
        DataError: too few labels, or the teacher scores none of the sessions.
        InputError: a teacher or features that do not exist, or no feature left.
        CancelledError: progress cancelled the work.
    """
    chosen_seed, recipe = settings.seed if seed is None else seed, recipe or Recipe()
    banned = _checked(read_banned_features(settings) if without is None else without)
    objective = default_objective(settings)
    known_teacher, teacher_version = teacher_named(
        settings, lake, teacher, objective, part_progress(progress, 0, 0.2)
    )
    labelled = read_labelled(lake, feature_names(), N_FOLDS, part_progress(progress, 0.2, 0.25))
    whole, fold = _sample(lake, labelled, known_teacher, objective, chosen_seed)
    sample = whole.without(banned)
    points = depth_frontier(
        sample,
        fold,
        recipe,
        chosen_seed,
        max_depth=FRONTIER_DEPTH,
        progress=part_progress(progress, 0.25, 0.8),
    )
    progress(0.8, "evaluating the chosen depth")
    own = next((point for point in points if point.depth == recipe.depth), None) or score_depth(
        sample, fold, recipe, chosen_seed
    )
    progress(0.9, "evaluating with every feature")
    distillation = Distillation(
        version=_version(now_ms, teacher_version, recipe, banned),
        created_ms=now_ms,
        teacher=teacher,
        teacher_version=teacher_version,
        lake_version=labelled.data.lake_version,
        sessions=len(sample),
        buyers=int((sample.is_agent & (sample.base_value > 0)).sum()),
        seed=chosen_seed,
        recipe=recipe,
        without=banned,
        tree=grow_tree(sample, recipe, chosen_seed),
        fidelity=own.fidelity,
        unrestricted=score_depth(whole, fold, recipe, chosen_seed).fidelity if banned else None,
        frontier=points,
    )
    _save(settings, distillation, labelled)
    progress(1, f"saved tree {distillation.version}")
    return distillation


@requires(Permission.READ)
def read_distilled(model: StoredModel) -> Distillation:
    """Read a saved tree.

    Raises:
        DataError: a file is missing, was changed, or cannot be read.
    """
    return parse_distillation(model.read(FILE))


@requires(Permission.WORK)
def classifier_teacher(
    settings: Settings, lake: Lake, objective: PricingObjective, progress: Progress
) -> tuple[Teacher, str]:
    """The newest classifier, with out-of-fold probabilities."""
    model = ModelStore(settings.workspace, train_classifier.KIND).open()
    scores = score_sessions(settings, lake, version=model.manifest.version, progress=progress)
    # The model was trained on a part of every session that continued after the training.
    return ClassifierTeacher(
        scores.filter(scores["is_out_of_fold"]), objective.guard_rails
    ), model.manifest.version


@requires(Permission.WORK)
def network_teacher(
    settings: Settings, lake: Lake, objective: PricingObjective, progress: Progress
) -> tuple[Teacher, str]:
    """The newest network, with out-of-fold probabilities."""
    model = ModelStore(settings.workspace, multitask_report.KIND).open()
    progress(1, "reading the network's predictions")
    scores = pq.read_table(io.BytesIO(model.read(multitask_report.OUT_OF_FOLD)))
    if not scores.num_rows:
        raise DataError(
            "The network was trained on no labelled session.",
            hint="Load labels and train it again, or take the classifier.",
        )
    return NetworkTeacher(scores, objective.guard_rails), model.manifest.version


@requires(Permission.WORK)
def optimal_teacher(
    settings: Settings, lake: Lake, objective: PricingObjective, progress: Progress
) -> tuple[Teacher, str]:
    """The newest network's optimal mark-ups, each by the fold network that held its actor out."""
    model = ModelStore(settings.workspace, multitask_report.KIND).open()
    scorer = demand_scorer(model)
    scores = pq.read_table(io.BytesIO(model.read(multitask_report.OUT_OF_FOLD)))
    if "fold" not in scores.column_names:
        raise DataError(
            "The network was trained before the fold of every session was stored.",
            hint="Train the network again.",
        )
    if not scores.num_rows:
        raise DataError(
            "The network was trained on no labelled session.",
            hint="Load labels and train it again, or take the classifier.",
        )
    progress(0, "reading features at every quote")
    moments = (
        moments_named(multitask_report.parse_report(model.read(multitask_report.FILE)).data.moments)
        or "first_quote"
    )
    with lake.connect(RELATIONS) as connection:
        offers = read_offers(connection, moments, most=settings.training.most_offers)
        named = connection.sql(
            "SELECT session_key, ANY_VALUE(session_id) AS session_id FROM events GROUP BY ALL"
        ).to_arrow_table()
    session_id = named["session_id"].take(
        pc.index_in(offers["session_key"], value_set=named["session_key"].combine_chunks())
    )
    at = pc.fill_null(
        pc.index_in(session_id, value_set=scores["session_id"].combine_chunks()), -1
    ).to_numpy()
    order = np.flatnonzero(at >= 0)[np.argsort(at[at >= 0], kind="stable")]
    markup = optimal_markups(
        scorer.folds,
        scores["fold"].to_numpy(),
        scores["agent_probability"].to_numpy(),
        offer_inputs(offers.take(pa.array(order))),
        at[order].astype(np.int64),
        objective,
        part_progress(progress, 0.2, 1),
    )
    markups = pa.table(
        {"session_id": scores["session_id"], "markup_ratio": pa.array(markup, from_pandas=True)}
    )
    return OptimalTeacher(markups), model.manifest.version


class ReadTeacher(Protocol):
    """Reads the mark-ups of a saved model, and the model's version."""

    def __call__(
        self, settings: Settings, lake: Lake, objective: PricingObjective, progress: Progress
    ) -> tuple[Teacher, str]:
        """Raises NotFoundError where the model was never trained."""


@needs_no_permission
def teachings() -> tuple[Teaching, ...]:
    """Mark-ups that a tree can be distilled from, of all kinds of models, in order."""
    return tuple(one for kind in MODEL_KINDS.all() for one in kind.teachings)


@requires(Permission.WORK)
def teacher_named(
    settings: Settings, lake: Lake, name: str, objective: PricingObjective, progress: Progress
) -> tuple[Teacher, str]:
    """A teacher, and the version of its model.

    Args:
        settings: workspace.
        lake: the events.
        name: one of `teachings`.
        objective: of its prices; its mark-ups lie within the guard rails.
        progress: called throughout.
    Raises:
        InputError: there is no such teacher.
        NotFoundError: its model was never trained.
    """
    known = {one.name: one for one in teachings()}
    read = cast(ReadTeacher, known[choose_named("teacher", name, known)].read.load())
    return read(settings, lake, objective, progress)


def _checked(without: Sequence[str]) -> tuple[str, ...]:
    left_out = tuple(dict.fromkeys(without))
    if unknown := [name for name in left_out if name not in feature_names()]:
        raise InputError(
            f"There is no feature '{unknown[0]}' to leave out.",
            hint=f"Known features: {', '.join(feature_names())}.",
        )
    if len(left_out) == len(feature_names()):
        raise InputError("Every feature was left out.", hint="Keep at least one.")
    return left_out


def _sample(
    lake: Lake,
    labelled: LabelledSessions,
    teacher: Teacher,
    objective: PricingObjective,
    seed: int,
) -> tuple[DistillationSample, np.typing.NDArray[np.int64]]:
    """Labelled sessions with mark-ups, and their folds."""
    markup = teacher.markup_ratio(labelled.matrix)
    known = ~np.isnan(markup)
    if not known.any():
        raise DataError(
            f"The {teacher.name} scores none of the labelled sessions.", hint="Train it again."
        )
    with lake.connect(("events", "quotes"), version=labelled.data.lake_version) as connection:
        value = base_value(connection, labelled.matrix["session_key"].to_numpy())
    rows = labelled.rows
    sample = DistillationSample(
        columns_of(labelled.matrix, feature_names()),
        markup,
        rows.is_agent,
        value,
        rows.groups,
        objective.guard_rails,
        LeakageTerms(objective.reference_ratio, objective.leakage_weight),
    )[known]
    return sample, make_folds(sample.groups, sample.is_agent, N_FOLDS, np.random.default_rng(seed))


def _version(now_ms: int, teacher_version: str, recipe: Recipe, without: tuple[str, ...]) -> str:
    """A name that sorts by time and differs with the parameters."""
    parameters = repr((teacher_version, recipe, without)).encode()
    created = datetime.fromtimestamp(now_ms / 1_000, UTC)
    digest = file_digest(parameters)[:6]
    return f"{created:%Y%m%d-%H%M%S}-{recipe.method}{recipe.depth}-{digest}"


def _save(settings: Settings, distillation: Distillation, labelled: LabelledSessions) -> None:
    fidelity = distillation.fidelity
    figures = {
        "r2": fidelity.r2,
        "rank_correlation": fidelity.rank_correlation,
        "band_agreement": fidelity.band_agreement,
        "leakage_lost": fidelity.leakage_lost,
    }
    read = tree_features(distillation.tree)
    manifest = Manifest(
        format=FORMAT,
        kind=KIND,
        version=distillation.version,
        created_ms=distillation.created_ms,
        lake_version=distillation.lake_version,
        sql_hash=definition_hash(read),
        labels_sha256=labelled.data.labels_sha256,
        seed=distillation.seed,
        features=read,
        metrics={name: found.value for name, found in figures.items() if found},
        libraries=library_versions(*LIBRARIES),
        files={},
    )
    files = {FILE: distillation.to_file(), RULES: format_rules(distillation.rules).encode()}
    store = ModelStore(settings.workspace, KIND)
    store.save(manifest, files)
    store.promote(distillation.version, now_ms=distillation.created_ms, why="Distilled by hand.")
