"""Retrain: train a challenger on the last days, and evaluate it beside the model in use.

A challenger that wins is promoted where an approved promotion policy says so, by the rule, the
margin and the gates of that policy. Without one it waits for a person.

The promoted model is exactly the evaluated one: a challenger is not trained again on its
evaluation days, so the next challenger finds days that neither was trained on. A challenger that
loses stays a candidate, and the champion stays in use.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, cast

import numpy as np

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals.approved_models import PromotionPolicy, promotion_policy
from phantom_core.core.errors import ConflictError, DataError, InputError, NotFoundError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.events.schema import OVER_MS
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.model_store.result_store import ResultStore
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.monitoring.challenger_evaluation import (
    LEAST_OF_A_KIND,
    ComparedFigure,
    HeldOut,
    PromotionGate,
    check_promotion_gates,
    compare_figure,
    decide_promotion,
    rule_named,
)
from phantom_core.monitoring.promotion_decision import (
    Counted,
    Outcome,
    RetrainOutcome,
    RetrainReport,
    Window,
    parse_retraining,
)
from phantom_core.use_cases.models.model_use import (
    pricing_version,
    promote_by_policy,
    take_first_model,
)

# Publishes the approved model of a kind to the services; returns in one sentence what was done.
Publish = Callable[[str], str]


class Retraining(Protocol):
    """How one kind of model is trained and evaluated again."""

    @property
    def kind(self) -> str:
        """Kind of the models."""

    def window(self, end_ms: int) -> Window:
        """Days to train and evaluate on."""

    def train(
        self, window: Window, champion: StoredModel | None, now_ms: int, progress: Progress
    ) -> StoredModel:
        """Train a challenger and save it as a candidate."""

    def held_out(
        self, window: Window, champion: StoredModel | None, challenger: StoredModel
    ) -> dict[str, HeldOut]:
        """Held-out rows of both models, by task; the first task decides."""

    def limits(self) -> dict[str, dict[str, float]]:
        """Promotion gates by task."""


class StartRetraining(Protocol):
    """Starts the retraining of one kind of model."""

    def __call__(self, settings: Settings, lake: Lake) -> Retraining:
        """How this kind is retrained in a workspace."""


@requires(Permission.WORK)
def retrain_models(
    settings: Settings,
    lake: Lake,
    *,
    now_ms: int,
    kinds: Sequence[str] | None = None,
    publish: Publish | None = None,
    progress: Progress = no_progress,
) -> RetrainReport:
    """Retrain the models of a workspace.

    Args:
        settings: days, rule, margin, gates and seed.
        lake: events, quotes, labels, catalogue.
        now_ms: UTC milliseconds.
        kinds: of models; None means those that are always retrained, and those with a model in use.
        publish: called for every kind with an approved model, which also repairs an earlier
            failure; None publishes nothing.
        progress: called throughout; nothing is promoted after it cancels.
    Returns:
        An outcome per kind, also saved in the workspace's folder `retraining`.
    Raises:
        InputError: a kind that does not exist.
        CancelledError: progress cancelled the retraining.
    """
    started, wanted = time.perf_counter(), tuple(kinds) if kinds else _usual(settings)
    for kind in wanted:
        MODEL_KINDS.find(kind)
    parts = [
        part_progress(progress, k / len(wanted), (k + 1) / len(wanted)) for k in range(len(wanted))
    ]
    outcomes = tuple(
        _published(
            settings,
            retrain_one(settings, _retraining_of(settings, lake, kind), now_ms, part),
            publish,
        )
        for kind, part in zip(wanted, parts, strict=True)
    )
    report = RetrainReport(
        now_ms,
        time.perf_counter() - started,
        settings.retraining.rule,
        settings.retraining.margin,
        outcomes,
    )
    ResultStore(settings.paths.retraining).save(report.to_file(), str(now_ms))
    progress(1, "; ".join(f"{one.kind} {one.outcome}" for one in outcomes))
    return report


@requires(Permission.READ)
def list_retrainings(settings: Settings, most: int = 30) -> tuple[RetrainReport, ...]:
    """Saved reports, the newest first; an unreadable one is left out."""
    found, saved = [], ResultStore(settings.paths.retraining)
    for name in saved.names()[:most]:
        try:
            found.append(parse_retraining(saved.read(name)))
        except DataError:
            continue
    return tuple(found)


@requires(Permission.READ)
def promotion_gates(settings: Settings, kind: str) -> dict[str, dict[str, float]]:
    """Limits that a challenger of a kind must meet by the settings, by task and figure."""
    return _retraining_of(settings, open_lake(settings), MODEL_KINDS.find(kind).name).limits()


def _usual(settings: Settings) -> tuple[str, ...]:
    found = MODEL_KINDS.all()
    return tuple(
        kind.name
        for kind in found
        if kind.is_always_retrained or ModelStore(settings.workspace, kind.name).in_use()
    )


def _retraining_of(settings: Settings, lake: Lake, kind: str) -> Retraining:
    start = cast(StartRetraining, MODEL_KINDS.find(kind).retraining.load())
    return start(settings, lake)


@requires(Permission.WORK)
def retrain_one(
    settings: Settings, retraining: Retraining, now_ms: int, progress: Progress
) -> RetrainOutcome:
    """Retrain one kind; where data is lacking, the champion stays and the outcome says why.

    Args:
        settings: rule, margin, seed and workspace.
        retraining: how this kind is trained and evaluated.
        now_ms: UTC milliseconds.
        progress: called throughout; nothing is promoted after it cancels.
    """
    store = ModelStore(settings.workspace, retraining.kind)
    policy = _policy(settings, retraining.kind)
    result = RetrainOutcome(
        retraining.kind,
        "skipped",
        "",
        champion=pricing_version(settings, retraining.kind) or "",
    )
    try:
        champion = _champion(store, result.champion)
        result = replace(result, window=retraining.window(now_ms - OVER_MS))
        assert result.window is not None
        challenger = retraining.train(
            result.window, champion, now_ms, part_progress(progress, 0, 0.9)
        )
    except DataError as error:
        return replace(result, why=str(error))
    result = replace(result, challenger=challenger.manifest.version)
    progress(0.9, "evaluating the challenger")
    terms = policy or _own_terms(settings, retraining)
    evaluated = _evaluated(settings, retraining, result, champion, challenger, terms)
    return (
        _settled(settings, evaluated, policy, now_ms)
        if evaluated.outcome == "promoted"
        else evaluated
    )


def _policy(settings: Settings, kind: str) -> PromotionPolicy | None:
    with control_engine(settings).connect() as connection:
        return promotion_policy(connection, kind)


def _own_terms(settings: Settings, retraining: Retraining) -> PromotionPolicy:
    """Terms to compare by where no policy is approved; they promote nothing by themselves."""
    chosen = settings.retraining
    return PromotionPolicy(chosen.rule, chosen.margin, retraining.limits())


def _settled(
    settings: Settings, result: RetrainOutcome, policy: PromotionPolicy | None, now_ms: int
) -> RetrainOutcome:
    """Promote a challenger that won, or leave it waiting for a person."""
    kind, version = result.kind, result.challenger
    if take_first_model(settings, kind, version, result.why, now_ms=now_ms):
        return result
    if policy is not None:
        try:
            with acting_as(Internal.WATCHER, settings):  # carries out what people approved
                promote_by_policy(
                    settings,
                    kind,
                    version,
                    why=result.why,
                    policy=policy.change_id,
                    now_ms=now_ms,
                )
        except (InputError, ConflictError) as error:
            return replace(result, outcome="waiting", why=f"{result.why} {error}")
        return replace(result, why=f"{result.why} Promotion policy {policy.change_id} allows it.")
    return replace(
        result,
        outcome="waiting",
        why=f"{result.why} No promotion policy is approved, so it waits for a person who may "
        "publish.",
    )


def _published(
    settings: Settings, result: RetrainOutcome, publish: Publish | None
) -> RetrainOutcome:
    if publish is None or pricing_version(settings, result.kind) is None:
        return result
    return replace(result, published=publish(result.kind))


def _champion(store: ModelStore, version: str) -> StoredModel | None:
    """The model that prices depend on; None where there is none, or none that can be opened."""
    try:
        return store.open(version) if version else None
    except (NotFoundError, DataError):
        return None


def _evaluated(
    settings: Settings,
    retraining: Retraining,
    result: RetrainOutcome,
    champion: StoredModel | None,
    challenger: StoredModel,
    terms: PromotionPolicy,
) -> RetrainOutcome:
    assert result.window is not None
    replaced = ""
    try:
        held_out = retraining.held_out(result.window, champion, challenger)
    except DataError as error:
        # A champion that cannot score prices no session: the challenger only has to pass gates.
        replaced = f" The champion could not be evaluated: {error.message}"
        held_out = retraining.held_out(result.window, None, challenger)
    result = replace(result, held_out={name: _counted(rows) for name, rows in held_out.items()})
    first = next(iter(held_out))
    if not held_out[first].is_enough:
        return replace(
            result,
            outcome="kept",
            why=_too_few(result.held_out[first], first, champion is not None),
        )
    rng = np.random.default_rng(settings.seed)
    # A policy that was agreed on before a task existed does not open a gate for it.
    figures, gates = _compared(held_out, {**retraining.limits(), **terms.gates}, rng)
    decision = decide_promotion(figures, gates, rule_named(terms.rule), terms.margin)
    outcome: Outcome = "promoted" if decision.is_promoted else "kept"
    return replace(
        result, outcome=outcome, why=decision.why + replaced, figures=figures, gates=gates
    )


def _compared(
    held_out: dict[str, HeldOut], limits: dict[str, dict[str, float]], rng: np.random.Generator
) -> tuple[tuple[ComparedFigure, ...], tuple[PromotionGate, ...]]:
    enough = {name: rows for name, rows in held_out.items() if rows.is_enough}
    figures = tuple(
        figure for name, rows in enough.items() for figure in compare_figure(rows, name, rng)
    )
    gates = tuple(
        gate
        for name, rows in enough.items()
        for gate in check_promotion_gates(rows, name, limits[name], rng)
    )
    return figures, gates


def _counted(rows: HeldOut) -> Counted:
    return Counted(len(rows.positive), int(rows.positive.sum()), len(np.unique(rows.actor)))


def _too_few(found: Counted, task: str, has_champion: bool) -> str:
    neither = (
        "neither the champion nor the challenger was trained"
        if has_champion
        else "the challenger was not trained"
    )
    return (
        f"There are {found.rows:,} later rows by actors on whom {neither}, {found.positive:,} "
        f"of them of kind {task}; at least {LEAST_OF_A_KIND} of each kind are needed to evaluate. "
        "Newer sessions will bring them."
    )
