"""Session tab: why one session was called what it was called, in features and along its time
line.
"""

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
from ui.frame.tables import csv_button
from ui.frame.wording import feature_name, format_count
from ui.sessions.session_detail import COLOUR_NAMES

SESSION: Final = "session"


def choose_session(session_id: str) -> None:
    """Put a session into the field above the tabs."""
    st.session_state[SESSION] = session_id


def offer_examples(examples: Mapping[str, str], purpose: str) -> None:
    """Sessions worth a look, by what makes them so, one click away."""
    with st.container(border=True, key="examples"):
        st.markdown(f"**Choose a session {purpose}.** Paste its id above, or take one of these:")
        with st.container(horizontal=True):
            for title, session_id in examples.items():
                st.button(
                    title,
                    icon=":material/person_search:",
                    on_click=choose_session,
                    args=(session_id,),
                    key=f"example_{title}",
                )
        st.page_link(
            "pages/sessions.py", label="Find one among all sessions", icon=":material/timeline:"
        )


def session_tab(
    settings: Settings,
    snapshot: Snapshot,
    session_id: str,
    subject: Subject,
    general: ExplanationView | None,
) -> None:
    """Why the classifier says what it says; examples where no session is chosen.

    Raises:
        NotFoundError: no such session.
    """
    if not session_id:
        offer_examples(example_sessions(snapshot), "to be explained")
        return
    found = session_explanation(settings, snapshot, session_id, subject.version)
    _headline(found)
    show_chart(
        waterfall_chart(found.explanation),
        _statement(found),
        "From the base value at the bottom to f(x) at the top, each feature of the session moves "
        "the model's log-odds; 0 is a probability of one half before calibration.",
        key="waterfall",
        download=f"why_{session_id}",
    )
    show_chart(
        timeline_chart(session_view(snapshot, session_id)),
        "What happened, and at which prices",
        key="explain_timeline",
    )
    _steps(found)
    st.page_link(
        "pages/sessions.py",
        label="Everything known about it",
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
    badge = f":{COLOUR_NAMES[found.label]}-badge[{found.label}]"
    other = ""
    if scored is not None and abs(scored - own) >= 0.005:
        other = (
            f" A model that had not met its actor says {scored:.2f}; that is the figure other "
            "pages show."
        )
    st.markdown(
        f"{badge} The saved model says **P(agent) {own:.2f}**, so it decides {decided} (threshold "
        f"{found.threshold:.2f}).{other}"
    )


def _statement(found: SessionExplanationView) -> str:
    rows = found.explanation.contributions
    up, down = max(rows, key=lambda row: row.log_odds), min(rows, key=lambda row: row.log_odds)
    return (
        f"{feature_name(up.name).capitalize()} speaks most for an agent, "
        f"{feature_name(down.name)} most for a human"
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
        f"{format_count(len(steps))} steps speak for {side} by {abs(total):.1f} nats; the "
        f"strongest is {step} ({weight})",
        "Log-likelihood ratio of each step between labelled agents and humans, the session itself "
        "left out: up speaks for an agent. "
        "The classifier does not see steps, so the two may disagree.",
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
                "evidence": st.column_config.NumberColumn("Evidence, nats", format="%+.3f"),
                "total": st.column_config.NumberColumn("So far, nats", format="%+.3f"),
                "humans": st.column_config.NumberColumn("Of humans", format="localized"),
                "agents": st.column_config.NumberColumn("Of agents", format="localized"),
            },
        )
        csv_button(
            "Download the steps", steps, f"steps_{found.explanation.session_id}.csv", "steps_csv"
        )


def _kernels(general: ExplanationView) -> None:
    counted = general.explanation.kernels
    if counted is None:
        return
    kernels = counted.score()
    with (
        st.expander("How humans and agents step in general", icon=":material/grid_on:"),
        st.grid(2, min_column_width=560, gap="medium") as grid,
    ):
        for kind, name in enumerate(("Humans", "Agents")):
            with grid.cell():
                steps = format_count(float(kernels.counts[kind].sum()))
                reading = (
                    "The stronger the colour, the more often the next event is that one; "
                    "numbers count steps seen."
                )
                show_chart(
                    kernel_chart(kernels, kind),
                    f"{name}: {steps} steps",
                    reading,
                    key=f"kernel_{kind}",
                    download=f"steps_{name.lower()}",
                )
