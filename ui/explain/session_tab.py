"""Session tab: SHAP values, timeline and step evidence of one session."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.views.explain.explanation import ExplanationView
from phantom_core.views.explain.session_explanation import (
    SessionExplanationView,
    example_sessions,
    session_explanation,
)
from phantom_core.views.sessions.session import session_view
from phantom_core.views.workspace.snapshot import Snapshot
from ui.charts.explain import waterfall_chart
from ui.charts.frame import show_chart
from ui.charts.session import timeline_chart
from ui.charts.steps import evidence_chart, kernel_chart
from ui.explain.subject import Subject, not_explained
from ui.frame.fragments import callback
from ui.frame.tables import csv_button
from ui.frame.wording import escape, feature_name, format_count, format_number_of
from ui.sessions.session_detail import COLOUR_NAMES

SESSION: Final = "session"


def choose_session(session_id: str) -> None:
    """Select a session in the field above the tabs."""
    st.session_state[SESSION] = session_id


def offer_examples(examples: Mapping[str, str], purpose: str) -> None:
    """Draw a button for each example session."""
    with st.container(border=True, key="examples"):
        st.markdown(f"**Choose a session {purpose}.** Enter its ID above, or select an example:")
        with st.container(horizontal=True):
            for title, session_id in examples.items():
                st.button(
                    escape(title),
                    icon=":material/person_search:",
                    on_click=callback(choose_session),
                    args=(session_id,),
                    key=f"example_{title}",
                )
        st.page_link("pages/sessions.py", label="Browse all sessions", icon=":material/timeline:")


def session_tab(
    settings: Settings,
    snapshot: Snapshot,
    session_id: str,
    subject: Subject,
    general: ExplanationView | None,
) -> None:
    """Explain the classifier's score of a session; examples where none is chosen.

    Raises:
        NotFoundError: no such session.
    """
    if not session_id:
        offer_examples(example_sessions(snapshot), "to explain")
        return
    found = session_explanation(settings, snapshot, session_id, subject.version)
    _headline(found)
    show_chart(
        waterfall_chart(found.explanation),
        _finding(found),
        "SHAP waterfall from the base value to the output f(x); log-odds of 0 is a probability of "
        "one half before calibration.",
        key="waterfall",
        download=f"why_{session_id}",
    )
    show_chart(
        timeline_chart(session_view(snapshot, session_id)),
        "Session timeline with prices",
        key="explain_timeline",
    )
    _steps(found)
    st.page_link(
        "pages/sessions.py",
        label="Open session",
        icon=":material/timeline:",
        query_params={SESSION: session_id},
    )
    if general is None:
        not_explained(subject)
    else:
        _kernels(general)


def _headline(found: SessionExplanationView) -> None:
    own, scored = found.explanation.agent_probability, found.scored_probability
    decided = "agent" if own >= found.threshold else "human"
    badge = f":{COLOUR_NAMES[found.label]}-badge[{escape(found.label)}]"
    other = ""
    if scored is not None and abs(scored - own) >= 0.005:
        other = (
            f" A model without this actor in training gives {scored:.2f}, which other pages show."
        )
    st.markdown(
        f"{badge} Saved model: **P(agent) {own:.2f}**, classified as {decided} (threshold "
        f"{found.threshold:.2f}).{other}"
    )


def _finding(found: SessionExplanationView) -> str:
    rows = found.explanation.contributions
    up, down = max(rows, key=lambda row: row.log_odds), min(rows, key=lambda row: row.log_odds)
    return (
        f"Strongest towards agent: {feature_name(up.name)}, towards human: "
        f"{feature_name(down.name)}"
    )


def _steps(found: SessionExplanationView) -> None:
    steps = found.steps
    if not len(steps):
        return
    total = float(steps["evidence"].sum())
    strongest = steps.iloc[int(np.argmax(np.abs(steps["evidence"].to_numpy(dtype=np.float64))))]
    side = "an agent" if total > 0 else "a human"
    step = f"{strongest['source']} → {strongest['target']}".replace("_", " ")
    weight = f"{strongest['evidence']:+.2f}".replace("-", "−")
    show_chart(
        evidence_chart(steps),
        f"Evidence for {side}: +{abs(total):.1f} (log-likelihood ratio) over "
        f"{format_number_of(len(steps), 'step')}; strongest {step} ({weight})",
        "Log-likelihood ratio of each step between labelled agents and humans, without this "
        "session; upwards is towards agent. Steps are not a feature of the classifier, so the two "
        "may disagree.",
        key="steps",
        download=f"steps_{found.explanation.session_id}",
    )
    with st.expander("All steps", icon=":material/list:"):
        st.dataframe(
            steps,
            hide_index=True,
            column_config={
                "elapsed_s": st.column_config.NumberColumn("After, s", format="%.1f"),
                "source": "From",
                "target": "To",
                "evidence": st.column_config.NumberColumn("Log-likelihood ratio", format="%+.3f"),
                "total": st.column_config.NumberColumn("Cumulative", format="%+.3f"),
                "humans": st.column_config.NumberColumn("By humans", format="localized"),
                "agents": st.column_config.NumberColumn("By agents", format="localized"),
            },
        )
        csv_button(
            "Download steps as CSV", steps, f"steps_{found.explanation.session_id}.csv", "steps_csv"
        )


def _kernels(general: ExplanationView) -> None:
    counted = general.explanation.kernels
    if counted is None:
        return
    kernels = counted.score()
    with (
        st.expander("Transition frequencies of humans and agents", icon=":material/grid_on:"),
        st.grid(2, min_column_width=560, gap="medium") as grid,
    ):
        for kind, name in enumerate(("Humans", "Agents")):
            with grid.cell():
                steps = format_count(float(kernels.counts[kind].sum()))
                reading = (
                    "Transition matrix: colour is the share of the next event, numbers count steps."
                )
                show_chart(
                    kernel_chart(kernels, kind),
                    f"{name}: {steps} steps",
                    reading,
                    key=f"kernel_{kind}",
                    download=f"steps_{name.lower()}",
                )
