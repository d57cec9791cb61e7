"""Robustness tab: quality on unseen agent families, short sessions and evasive agents."""

from collections.abc import Sequence

import streamlit as st

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.report import ClassifierReport
from phantom_core.evaluation.robustness import PrefixResult
from phantom_core.use_cases.models.job_study_classifier import StudyClassifierRequest
from ui.accounts.account import start_job
from ui.charts.classifier import estimates_chart
from ui.charts.decision import prefix_chart
from ui.charts.frame import show_chart
from ui.frame.handles import open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.wording import family_name, format_count, format_number_of

RANDOM = 0.5


def robustness_tab(report: ClassifierReport, *, can_study: bool) -> None:
    """Draw the quality on unseen families, short sessions and evasive agents."""
    watch_job(StudyClassifierRequest.kind, "Study")
    if report.robustness is None:
        _offer_study(report.model_version, can_study=can_study)
        return
    found, own = report.robustness, report.ranking.roc_auc
    if found.n_sessions:
        st.caption(f"Studied on {format_count(found.n_sessions)} labelled sessions, out of fold.")
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            if found.leave_family_out:
                families = sorted(found.leave_family_out, key=lambda result: result.roc_auc.value)
                show_chart(
                    estimates_chart(
                        [
                            *(
                                (
                                    f"{family_name(result.family)} "
                                    f"({format_count(result.n_sessions)})",
                                    result.roc_auc,
                                )
                                for result in families
                            ),
                            ("all families in training", own),
                        ],
                        "ROC-AUC against all humans",
                        emphasised="all families in training",
                    ),
                    f"Hardest to detect when held out: {family_name(families[0].family)} "
                    f"({families[0].roc_auc.value:.3f})",
                    "Each family of agents is scored by models trained without it; number of "
                    "sessions "
                    "in brackets.",
                    key="families",
                )
            else:
                st.info(
                    "The labels name no agent families, so none can be held out.",
                    icon=":material/info:",
                )
        with grid.cell():
            show_chart(
                prefix_chart(found.prefixes, own.value),
                _prefix_finding(found.prefixes, own.value),
                "Sessions are scored by their first events only; the dashed line is the whole "
                "session, the dotted one random.",
                key="prefixes",
            )
    attacks: list[tuple[str, Estimate | None]] = [("as trained", own)]
    for attack in filter(None, (found.delay_attack, found.human_clock_attack)):
        attacks += [
            (f"agents {attack.trick}", attack.roc_auc),
            (f"agents {attack.trick}; seen in training", attack.roc_auc_retrained),
        ]
    attacks += [
        ("without timing features", found.without_timing),
        ("without user-agent features", found.without_user_agent),
    ]
    known = [(name, estimate) for name, estimate in attacks if estimate is not None]
    worst = min(known[1:], key=lambda item: item[1].value)
    show_chart(
        estimates_chart(known, "ROC-AUC", emphasised="as trained"),
        f"Weakest: {worst[0]} (ROC-AUC {worst[1].value:.3f} instead of {own.value:.3f})",
        "ROC-AUC when agents change their timing, before and after retraining on it, and without "
        "features that may be spoofed. Waits that no human has make agents easier to detect.",
        key="attacks",
    )


def _offer_study(version: str, *, can_study: bool) -> None:
    """Say that it was not studied, and start it."""
    st.info(
        "This model was not studied yet. Studies run after a training, while the model can be "
        "used already.",
        icon=":material/info:",
    )
    busy = any(job.kind == StudyClassifierRequest.kind for job in open_jobs().active())
    if st.button(
        "Run studies",
        type="primary",
        icon=":material/science:",
        disabled=busy or not can_study,
        help="Studies are running." if busy else None,
    ):
        start_job(StudyClassifierRequest(version=version))
        st.rerun()


def _prefix_finding(prefixes: Sequence[PrefixResult], own: float) -> str:
    whole = own - RANDOM
    enough = next(
        (result for result in prefixes if result.roc_auc_retrained.value - RANDOM >= 0.9 * whole),
        None,
    )
    if enough is None:
        return "No short prefix comes close to the whole session"
    return (
        f"{format_number_of(enough.n_events, 'event')} reach 90 % of the whole session's gain in "
        "AUC over random"
    )
