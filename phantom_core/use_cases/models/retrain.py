"""Retrain: learn from the last days, hold the challenger against the champion, and keep the better
one.

What is promoted is exactly what was judged: the challenger is not trained again on the days it was
judged on, so the next challenger finds days that neither learned from. A challenger that loses
stays a candidate, and the champion stays in use.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, cast

import numpy as np

from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.events.schema import OVER_MS
from phantom_core.lake.lake import Lake
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.model_store.store import ModelStore, StoredModel, replace_file
from phantom_core.monitoring.challenger_evaluation import (
    LEAST_OF_A_KIND,
    ComparedFigure,
    HeldOut,
    PromotionGate,
    check_promotion_gates,
    compare_figure,
    decide_promotion,
)
from phantom_core.monitoring.promotion_decision import (
    Counted,
    Outcome,
    RetrainOutcome,
    RetrainReport,
    Window,
    parse_retraining,
)

# Makes the model of a kind that is in use known to whoever scores with it; says in one sentence
# what was done.
Publish = Callable[[str], str]


class Contest(Protocol):
    """How one kind of model is retrained."""

    @property
    def kind(self) -> str:
        """Of the models."""

    def window(self, end_ms: int) -> Window:
        """The days looked at."""

    def train(
        self, window: Window, champion: StoredModel | None, now_ms: int, progress: Progress
    ) -> StoredModel:
        """Train a challenger and save it as a candidate."""

    def held_out(
        self, window: Window, champion: StoredModel | None, challenger: StoredModel
    ) -> dict[str, HeldOut]:
        """Rows that neither learned from, by question; the first question decides."""

    def limits(self) -> dict[str, dict[str, float]]:
        """Gates by question."""


class StartRetraining(Protocol):
    """Begins the retraining of one kind of model."""

    def __call__(self, settings: Settings, lake: Lake) -> Contest:
        """How this kind is retrained in a workspace."""


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
        now_ms: when this is, UTC milliseconds.
        kinds: of models; None means those that are always retrained, and those with a model in use.
        publish: called for every kind with a model in use, so that an earlier failure is made good;
            None keeps it in the workspace.
        progress: told all along; nothing is promoted after it says stop.
    Returns:
        A verdict per kind, also kept in the workspace's folder `retraining`.
    Raises:
        InputError: a kind that does not exist.
        CancelledError: progress said stop.
    """
    started, wanted = time.perf_counter(), tuple(kinds) if kinds else _usual(settings)
    for kind in wanted:
        MODEL_KINDS.find(kind)
    parts = [
        part_progress(progress, k / len(wanted), (k + 1) / len(wanted)) for k in range(len(wanted))
    ]
    verdicts = tuple(
        _published(
            settings, retrain_one(settings, _contest(settings, lake, kind), now_ms, part), publish
        )
        for kind, part in zip(wanted, parts, strict=True)
    )
    report = RetrainReport(
        now_ms,
        time.perf_counter() - started,
        settings.retraining.rule,
        settings.retraining.margin,
        verdicts,
    )
    folder = settings.paths.retraining
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / f"{now_ms}.json", report.to_file())
    progress(1, "; ".join(f"{verdict.kind} {verdict.outcome}" for verdict in verdicts))
    return report


def list_retrainings(settings: Settings, most: int = 30) -> tuple[RetrainReport, ...]:
    """Kept reports, the newest first; one that cannot be read is left out."""
    found = []
    for path in sorted(settings.paths.retraining.glob("*.json"), reverse=True)[:most]:
        try:
            found.append(parse_retraining(path.read_bytes()))
        except DataError:
            continue
    return tuple(found)


def _usual(settings: Settings) -> tuple[str, ...]:
    found = MODEL_KINDS.all()
    return tuple(
        kind.name
        for kind in found
        if kind.is_always_retrained or ModelStore(settings.workspace, kind.name).in_use()
    )


def _contest(settings: Settings, lake: Lake, kind: str) -> Contest:
    start = cast(StartRetraining, MODEL_KINDS.find(kind).retraining.load())
    return start(settings, lake)


def retrain_one(
    settings: Settings, contest: Contest, now_ms: int, progress: Progress
) -> RetrainOutcome:
    """Retrain one kind; what the data cannot answer leaves the champion in use and is said.

    Args:
        settings: rule, margin, seed and workspace.
        contest: how this kind is trained and asked.
        now_ms: when this is, UTC milliseconds.
        progress: told all along; nothing is promoted after it says stop.
    """
    store = ModelStore(settings.workspace, contest.kind)
    verdict = RetrainOutcome(contest.kind, "skipped", "", champion=store.in_use() or "")
    try:
        champion = _champion(store)
        verdict = replace(verdict, window=contest.window(now_ms - OVER_MS))
        assert verdict.window is not None
        challenger = contest.train(
            verdict.window, champion, now_ms, part_progress(progress, 0, 0.9)
        )
    except DataError as error:
        return replace(verdict, why=str(error))
    verdict = replace(verdict, challenger=challenger.manifest.version)
    progress(0.9, "holding the challenger against the champion")
    judged = _judged(settings, contest, verdict, champion, challenger)
    if judged.outcome == "promoted":
        store.promote(challenger.manifest.version, now_ms=now_ms, why=judged.why)
    return judged


def _published(
    settings: Settings, verdict: RetrainOutcome, publish: Publish | None
) -> RetrainOutcome:
    if publish is None or ModelStore(settings.workspace, verdict.kind).in_use() is None:
        return verdict
    return replace(verdict, published=publish(verdict.kind))


def _champion(store: ModelStore) -> StoredModel | None:
    """The model in use; None where there is none, or none that can be opened."""
    try:
        return store.open()
    except (NotFoundError, DataError):
        return None


def _judged(
    settings: Settings,
    contest: Contest,
    verdict: RetrainOutcome,
    champion: StoredModel | None,
    challenger: StoredModel,
) -> RetrainOutcome:
    assert verdict.window is not None
    replaced = ""
    try:
        answers = contest.held_out(verdict.window, champion, challenger)
    except DataError as error:
        # A champion that cannot answer prices nobody: the challenger only has to meet its gates.
        replaced = f" The champion could not be asked: {error.message}"
        answers = contest.held_out(verdict.window, None, challenger)
    verdict = replace(verdict, held_out={name: _counted(rows) for name, rows in answers.items()})
    first = next(iter(answers))
    if not answers[first].is_enough:
        return replace(
            verdict,
            outcome="kept",
            why=_too_few(verdict.held_out[first], first, champion is not None),
        )
    rng = np.random.default_rng(settings.seed)
    figures, asked = _compared(answers, contest.limits(), rng)
    decision = decide_promotion(
        figures, asked, settings.retraining.rule, settings.retraining.margin
    )
    outcome: Outcome = "promoted" if decision.is_promoted else "kept"
    return replace(
        verdict, outcome=outcome, why=decision.why + replaced, figures=figures, gates=asked
    )


def _compared(
    answers: dict[str, HeldOut], limits: dict[str, dict[str, float]], rng: np.random.Generator
) -> tuple[tuple[ComparedFigure, ...], tuple[PromotionGate, ...]]:
    enough = {name: rows for name, rows in answers.items() if rows.is_enough}
    figures = tuple(
        figure for name, rows in enough.items() for figure in compare_figure(rows, name, rng)
    )
    asked = tuple(
        gate
        for name, rows in enough.items()
        for gate in check_promotion_gates(rows, name, limits[name], rng)
    )
    return figures, asked


def _counted(rows: HeldOut) -> Counted:
    return Counted(len(rows.positive), int(rows.positive.sum()), len(np.unique(rows.actor)))


def _too_few(found: Counted, question: str, has_champion: bool) -> str:
    neither = (
        "neither the champion nor the challenger learned"
        if has_champion
        else "the challenger did not learn"
    )
    return (
        f"There are {found.rows:,} later rows by actors from whom {neither}, {found.positive:,} "
        f"of them of kind {question}; "
        f"at least {LEAST_OF_A_KIND} of each kind are needed to judge. Newer sessions will bring "
        "them."
    )
