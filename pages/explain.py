"""Explain: what the models learned, why they say what they say of a session, and how they read as rules."""

import streamlit as st

from ui.empty import nothing_loaded
from ui.errors import friendly_errors, show_error
from ui.explain_model_tab import model_tab
from ui.explain_offer_tab import offer_tab
from ui.explain_rules_tab import rules_tab
from ui.explain_session_tab import SESSION, session_tab
from ui.explain_stability_tab import stability_tab
from ui.explain_subject import KIND, choose_subject, not_explained
from ui.frame import require_frame
from ui.handles import settings, snapshot
from ui.job_watch import watch_job

TABS = ["Model", "One session", "Rules as a tree", "Stability"]


require_frame()
with friendly_errors():
    st.title("Explain")
    data = snapshot()
    if not data.n_sessions:
        nothing_loaded()
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        subject = choose_subject(settings())
        if subject is None:
            st.stop()
        session_id = st.text_input("Session", placeholder="id of a session", key=SESSION, bind="query-params", width=320).strip()
    watch_job(KIND, "Explaining the model")
    if data.scoring_problem:
        show_error(data.scoring_problem)
    model, session, rules, stability = st.tabs(TABS, key="explain_tab", bind="query-params")
    if rules.open:
        with rules, friendly_errors():
            rules_tab(settings(), data, session_id)
        st.stop()
    view = subject.view(settings(), data)
    if model.open:
        with model, friendly_errors():
            if view is None:
                not_explained(subject)
            else:
                model_tab(subject, view)
    if session.open:
        with session, friendly_errors():
            if subject.kind == "classifier":
                session_tab(settings(), data, session_id, subject, view)
            else:
                offer_tab(settings(), data, session_id, subject, view)
    if stability.open:
        with stability, friendly_errors():
            if view is None:
                not_explained(subject)
            else:
                stability_tab(settings(), data, subject, view)
