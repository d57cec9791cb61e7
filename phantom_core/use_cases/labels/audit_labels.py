"""Audit labels: find labels that contradict models which did not see them."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.labelled_sessions import LabelledSessions, read_labelled
from phantom_core.evaluation.ranking import auc_difference, rank_scores
from phantom_core.features.catalogue import feature_names
from phantom_core.labelling.audit_report import (
    MAX_SUSPECTS,
    AuditReport,
    SourceAudit,
    Suspect,
    parse_audit,
)
from phantom_core.labelling.label_audit import LabelAudit, audit_labels
from phantom_core.labelling.quick_fit import quick_cross_fit
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.model_store.result_store import ResultStore
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.splits import make_folds

N_FOLDS: Final = 5


@requires(Permission.WORK)
def audit_session_labels(
    settings: Settings, *, now_ms: int, seed: int | None = None, progress: Progress = no_progress
) -> AuditReport:
    """Estimate how many labels are wrong, list those that probably are, and store the report.

    Args:
        settings: name the workspace.
        now_ms: UTC milliseconds.
        seed: of folds, training and resamples; None means the settings' one.
        progress: called throughout; nothing is stored after it cancels.
    Raises:
        DataError: too few labels.
    """
    chosen = settings.seed if seed is None else seed
    lake, rng = open_lake(settings), np.random.default_rng(chosen)
    labelled = read_labelled(lake, feature_names(), N_FOLDS, part_progress(progress, 0, 0.2))
    rows = labelled.rows
    fold = make_folds(rows.groups, rows.is_agent, N_FOLDS, rng)
    progress(0.3, "scoring sessions by models that did not see them")
    margin = quick_cross_fit(rows, fold, seed=chosen)
    audit = audit_labels(rows.is_agent, margin, rows.groups, rng)
    progress(0.6, "training without the suspects")
    raw, without, gain = _relabelled(rows, fold, margin, audit, chosen)
    by_person = _by_person(lake, labelled)
    report = AuditReport(
        created_ms=now_ms,
        lake_version=labelled.data.lake_version,
        labels_sha256=labelled.data.labels_sha256,
        seed=chosen,
        n_sessions=len(rows.is_agent),
        sources=_sources(rows, margin, by_person, audit, chosen),
        n_suspect=int(audit.is_suspect.sum()),
        suspects=_suspects(labelled, margin, by_person, audit),
        roc_auc=raw,
        roc_auc_without=without,
        gain=gain,
    )
    progress(0.95, "storing the audit")
    audits(settings).save(report.to_file())
    return report


@requires(Permission.READ)
def audits(settings: Settings) -> ResultStore:
    """Where the newest audit is stored."""
    return ResultStore(
        settings.workspace / "label_audits",
        missing="The labels of this workspace were not audited yet.",
        hint="Run the audit on the page Label desk, or: python -m phantom_core labels audit",
    )


@requires(Permission.READ)
def newest_audit(settings: Settings) -> AuditReport:
    """The newest audit.

    Raises:
        NotFoundError: none was made.
        DataError: it cannot be read.
    """
    return parse_audit(audits(settings).read())


def _relabelled(
    rows: LabelledRows, fold: Ints, margin: Floats, audit: LabelAudit, seed: int
) -> tuple[Estimate, Estimate, Estimate]:
    """ROC-AUC as it is, and without suspects on the others, with the gain there."""
    left = ~audit.is_suspect
    raw = rank_scores(rows.is_agent, margin, rows.groups, np.random.default_rng(seed)).roc_auc
    cleaned = np.full(fold.size, np.nan)
    cleaned[left] = quick_cross_fit(rows[left], fold[left], seed=seed)
    others = rows[left]
    without = rank_scores(
        others.is_agent, cleaned[left], others.groups, np.random.default_rng(seed)
    ).roc_auc
    gain = auc_difference(
        others.is_agent,
        (cleaned[left], margin[left]),
        others.groups,
        np.random.default_rng(seed),
    )
    return raw, without, gain


def _by_person(lake: Lake, labelled: LabelledSessions) -> NDArray[np.bool_]:
    """Sessions whose label is a person's, shape (n_rows,); it overrides the experiment's."""
    with lake.connect(("session_labels",)) as connection:
        named = connection.sql(
            "SELECT session_id FROM session_labels WHERE is_agent IS NOT NULL"
        ).to_arrow_table()["session_id"]
    found = pc.is_in(labelled.matrix["session_id"], value_set=named.combine_chunks())
    return np.asarray(found.to_numpy(), np.bool_)


def _sources(
    rows: LabelledRows,
    margin: Floats,
    by_person: NDArray[np.bool_],
    audit: LabelAudit,
    seed: int,
) -> tuple[SourceAudit, ...]:
    found = [
        SourceAudit("all", audit.n_actors, audit.wrong, audit.wrong_of_human, audit.wrong_of_agent)
    ]
    for source, chosen in (("experiment", ~by_person), ("person", by_person)):
        if not chosen.any():
            continue
        n_actors = np.unique(rows.groups[chosen]).size
        try:
            one = audit_labels(
                rows.is_agent[chosen],
                margin[chosen],
                rows.groups[chosen],
                np.random.default_rng(seed),
            )
            found.append(
                SourceAudit(source, n_actors, one.wrong, one.wrong_of_human, one.wrong_of_agent)
            )
        except DataError:
            found.append(SourceAudit(source, n_actors, None, None, None))
    return tuple(found)


def _suspects(
    labelled: LabelledSessions, margin: Floats, by_person: NDArray[np.bool_], audit: LabelAudit
) -> tuple[Suspect, ...]:
    rows = np.flatnonzero(audit.is_suspect)
    rows = rows[np.argsort(audit.suspect[rows], kind="stable")][:MAX_SUSPECTS]
    names = labelled.matrix["session_id"].take(pa.array(rows)).to_pylist()
    return tuple(
        Suspect(
            name,
            "agent" if labelled.rows.is_agent[row] else "human",
            "person" if by_person[row] else "experiment",
            float(1 / (1 + np.exp(-margin[row]))),
        )
        for name, row in zip(names, rows, strict=True)
    )
