"""Next steps: what an analyst should do next in the workspace."""

from dataclasses import dataclass
from typing import Final, Literal

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.evaluation.report import ClassifierReport
from phantom_core.views.workspace.loaded import Loaded
from phantom_core.views.workspace.snapshot import Snapshot

Page = Literal["data", "sessions", "features", "classifier", "rules", "approvals"]
HIGH_QUARANTINE: Final = 0.02
# Losing more ROC-AUC than this without timing features is worth a warning.
TIMING_LOSS: Final = 0.15


@dataclass(frozen=True, slots=True)
class NextStep:
    """One recommended action.

    Attributes:
        what: the action, as an imperative.
        why: one sentence.
        page: where to do it.
        tab: of that page; empty for its first.
    """

    what: str
    why: str
    page: Page
    tab: str = ""


@requires(Permission.READ)
def next_steps(
    snapshot: Snapshot, loaded: Loaded, report: ClassifierReport | None
) -> tuple[NextStep, ...]:
    """What to do next, most urgent first.

    Args:
        snapshot: the data.
        loaded: what it holds.
        report: of the newest classifier; None without one.
    """
    if not loaded.sessions:
        return (NextStep("Load events", "There are no sessions yet.", "data"),)
    return (*_fix(loaded), *_train(snapshot, loaded, report), *_check(report), *_review(snapshot))


def _fix(loaded: Loaded) -> list[NextStep]:
    if loaded.quarantined_share <= HIGH_QUARANTINE:
        return []
    why = (
        f"{loaded.quarantined:,} of {loaded.rows_read:,} rows read "
        f"({loaded.quarantined_share:.1%}) could not be used."
    )
    return [NextStep("Review the quarantine", why, "data", "Quarantine")]


def _train(snapshot: Snapshot, loaded: Loaded, report: ClassifierReport | None) -> list[NextStep]:
    if not loaded.labelled:
        return [
            NextStep(
                "Load labels",
                "No session is labelled human or agent, so no classifier can be trained.",
                "data",
            )
        ]
    if not (loaded.humans and loaded.agents):
        one, other = ("human", "agent") if loaded.humans else ("agent", "human")
        return [
            NextStep(
                f"Load labels of {other} sessions",
                f"All {loaded.labelled:,} labels are {one}.",
                "data",
            )
        ]
    if snapshot.scoring_problem:
        return [NextStep("Train the classifier again", snapshot.scoring_problem, "classifier")]
    if report is None:
        why = f"{loaded.humans:,} human and {loaded.agents:,} agent sessions are ready to train on."
        return [NextStep("Train the agent classifier", why, "classifier")]
    return _retrain(loaded, report)


def _retrain(loaded: Loaded, report: ClassifierReport) -> list[NextStep]:
    added = loaded.sessions - report.data.sessions
    labels = loaded.labelled - report.data.labels.human - report.data.labels.agent
    if not (added or labels):
        return []
    what = " and ".join(
        f"{n:+,} {name}" for n, name in ((added, "sessions"), (labels, "labels")) if n
    )
    return [
        NextStep(
            "Train the classifier again",
            f"The data changed since the model was trained: {what}.",
            "classifier",
        )
    ]


def _check(report: ClassifierReport | None) -> list[NextStep]:
    """A classifier that depends on timing can be evaded by agents that wait."""
    studied = report.robustness if report else None
    without = studied.without_timing if studied else None
    if (
        report is None
        or without is None
        or without.value > report.ranking.roc_auc.value - TIMING_LOSS
    ):
        return []
    fall = f"from {report.ranking.roc_auc.value:.3f} to {without.value:.3f}"
    why = f"Without timing its ROC-AUC falls {fall}: agents that wait like humans may pass."
    return [
        NextStep("See how much the classifier depends on timing", why, "classifier", "Robustness")
    ]


def _review(snapshot: Snapshot) -> list[NextStep]:
    if snapshot.threshold is None:
        return []
    likely, uncertain = snapshot.row(
        """
        SELECT COUNT(*) FILTER (WHERE agent_probability >= 0.9),
            COUNT(*) FILTER (WHERE agent_probability BETWEEN 0.4 AND 0.6)
        FROM sessions"""
    )
    why = (
        f"{likely:,} sessions have a probability of 0.9 or more, {uncertain:,} lie between 0.4 and "
        "0.6."
    )
    return [NextStep("Review the most likely agents", why, "sessions")]
