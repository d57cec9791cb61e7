"""Train at quotes: the part of the classifier that prices are set with.

It learns from sessions cut at their quotes, on the folds of the model for whole sessions, and is
calibrated by the number of events so far.
"""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.progress import Progress, part_progress
from phantom_core.evaluation.at_quote import measure_slices
from phantom_core.evaluation.labelled_sessions import LabelledSessions
from phantom_core.evaluation.quote_figures import AtQuoteReport
from phantom_core.evaluation.quote_moments import (
    SessionsAtQuotes,
    learning_rows,
    read_moments,
    sessions_at_quotes,
)
from phantom_core.lake.lake import Lake
from phantom_core.models.calibration import (
    LEAST_IN_BAND,
    EventCurvesChoice,
    choose_event_curves,
)
from phantom_core.models.classifier import LabelledRows, fit_classifier
from phantom_core.models.cross_fit import CrossFit, cross_fit, progress_during
from phantom_core.models.curves import Curve
from phantom_core.models.event_curves import EVENTS_SO_FAR
from phantom_core.models.inference_classifier import QuoteDecision
from phantom_core.models.quote_classifier import QuoteClassifier, events_so_far

OUT_OF_FOLD_AT_QUOTES: Final = "oof_quotes.parquet"


@dataclass(frozen=True, slots=True, eq=False)
class TrainedAtQuotes:
    """The classifier at quotes.

    Attributes:
        classifier: trained on every labelled session.
        report: its evaluation.
        out_of_fold: probability of each labelled session at each of its quotes, by the fold model
            that held its actor out, as a Parquet file.
    """

    classifier: QuoteClassifier
    report: AtQuoteReport
    out_of_fold: bytes


@requires(Permission.WORK)
def train_at_quotes(
    lake: Lake,
    labelled: LabelledSessions,
    whole: CrossFit,
    whole_curve: Curve,
    *,
    threshold: float,
    seed: int,
    progress: Progress,
) -> TrainedAtQuotes:
    """Train on sessions cut at their quotes, and evaluate beside the model for whole sessions.

    Args:
        lake: the events and quotes.
        labelled: the sessions.
        whole: models of the folds, trained on whole sessions.
        whole_curve: their calibration.
        threshold: probability from which a session counts as an agent.
        seed: of the training and the resamples.
        progress: called throughout.
    """
    rng = np.random.default_rng(seed)
    progress(0, "looking up labelled sessions at their quotes")
    moments = read_moments(lake, labelled, rng)
    found = sessions_at_quotes(lake, labelled, moments, labelled.rows.names)
    rows, n_quotes = learning_rows(labelled, found), len(found.n_events)
    fold = np.concatenate([whole.fold[found.moments.session], whole.fold])
    folds = cross_fit(
        rows,
        fold,
        seed=seed,
        progress=progress_during(part_progress(progress, 0.1, 0.7), "at quotes"),
    )
    choice = _calibrated(rows, folds, n_quotes)
    probability = choice.probability[:n_quotes]
    booster = fit_classifier(
        rows, folds.n_rounds, seed=seed, progress=part_progress(progress, 0.7, 0.85)
    )
    classifier = QuoteClassifier(booster, rows.names, QuoteDecision(choice.calibration, threshold))
    progress(0.85, "evaluating at quotes")
    session = found.moments.session
    slices = (
        measure_slices(
            found,
            labelled.rows.is_agent[session],
            labelled.rows.groups[session],
            probability,
            whole_curve.probability(whole.margin_at(found.values, session)),
            rng,
        )
        if n_quotes
        else ()
    )
    report = AtQuoteReport(moments.source, choice.method, choice.log_loss, folds.n_rounds, slices)
    return TrainedAtQuotes(
        classifier, report, _out_of_fold(labelled, found, fold[:n_quotes], probability)
    )


def _calibrated(rows: LabelledRows, folds: CrossFit, n_quotes: int) -> EventCurvesChoice:
    """Curves fitted to the quotes, every one counting once; its first rows are the quotes.

    Where a class was hardly quoted a price, whole sessions are fitted to as well.
    """
    n_rows = n_quotes if _has_both_kinds(rows, folds, n_quotes) else len(rows.is_agent)
    may_count = EVENTS_SO_FAR in rows.names
    return choose_event_curves(
        folds.margin[:n_rows],
        rows.is_agent[:n_rows],
        folds.fold[:n_rows],
        events_so_far(rows.values[:n_rows], rows.names) if may_count else None,
    )


def _has_both_kinds(rows: LabelledRows, folds: CrossFit, n_quotes: int) -> bool:
    """Whether the quotes outside of every fold hold enough of both classes to fit a curve."""
    is_agent, fold = rows.is_agent[:n_quotes], folds.fold[:n_quotes]
    return all(
        min(int((is_agent[fold != k]).sum()), int((~is_agent[fold != k]).sum())) >= LEAST_IN_BAND
        for k in range(len(folds.boosters))
    )


def _out_of_fold(
    labelled: LabelledSessions, found: SessionsAtQuotes, fold: Ints, probability: Floats
) -> bytes:
    """One row per quote: session_id, event_ms, events, is_agent, fold, agent_probability."""
    session = pa.array(found.moments.session)
    table = pa.table(
        {
            "session_id": labelled.matrix["session_id"].take(session),
            "event_ms": found.moments.event_ms,
            "total_interactions": found.n_events.astype(np.int64),
            "is_agent": labelled.matrix["is_agent"].take(session),
            "fold": fold,
            "agent_probability": probability,
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
