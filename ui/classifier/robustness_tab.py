"""Robustness tab: what is left where agents are new, sessions short, or clocks and user agents
lie.
"""

import streamlit as st

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.report import ClassifierReport
from ui.charts.classifier import estimates_chart
from ui.charts.decision import prefix_chart
from ui.charts.frame import show_chart
from ui.frame.wording import family_name, format_count, format_number_of

GUESSING = 0.5


def robustness_tab(report: ClassifierReport) -> None:
    """What is left where agents are new, sessions short, or clocks and user agents lie."""
    found, own = report.robustness, report.ranking.roc_auc
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
                            ("all families known", own),
                        ],
                        "ROC-AUC against all humans",
                        emphasised="all families known",
                    ),
                    f"Hardest to find when never met: {family_name(families[0].family)} "
                    f"({families[0].roc_auc.value:.3f})",
                    "Each family of agents is judged by models that never saw it; in brackets its "
                    "sessions.",
                    key="families",
                )
            else:
                st.info(
                    "No families of agents are named in the labels, so none can be left out.",
                    icon=":material/info:",
                )
        with grid.cell():
            show_chart(
                prefix_chart(found.prefixes, own.value),
                _prefix_statement(report),
                "Sessions are judged by their first events only; the dashed line is the whole "
                "session, the dotted one guessing.",
                key="prefixes",
            )
    attacks: list[tuple[str, Estimate | None]] = [("as trained", own)]
    for attack in filter(None, (found.delay_attack, found.human_clock_attack)):
        attacks += [
            (f"agents {attack.trick}", attack.roc_auc),
            (f"agents {attack.trick}; met in training", attack.roc_auc_retrained),
        ]
    attacks += [
        ("without timing features", found.without_timing),
        ("without user-agent features", found.without_user_agent),
    ]
    known = [(name, estimate) for name, estimate in attacks if estimate is not None]
    worst = min(known[1:], key=lambda item: item[1].value)
    show_chart(
        estimates_chart(known, "ROC-AUC", emphasised="as trained"),
        f"Worst of these: {worst[0]} ({worst[1].value:.3f} instead of {own.value:.3f})",
        "What is left when agents change their timing, before and after models met the trick, or "
        "when features cannot be trusted. "
        "Waits that no human has make agents easier to find.",
        key="attacks",
    )


def _prefix_statement(report: ClassifierReport) -> str:
    whole = report.ranking.roc_auc.value - GUESSING
    prefixes = report.robustness.prefixes
    enough = next(
        (result for result in prefixes if result.roc_auc_retrained.value - GUESSING >= 0.9 * whole),
        None,
    )
    if enough is None:
        return "No short prefix comes near the whole session"
    return (
        f"{format_number_of(enough.n_events, 'event')} are enough for 90 % of what the whole "
        "session's AUC has over guessing"
    )
