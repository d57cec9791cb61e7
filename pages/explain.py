"""Explain: what the models learned, why they scored a session so, and their rules."""

import streamlit as st

from ui.explain.model_tab import model_tab
from ui.explain.offer_tab import offer_tab
from ui.explain.rules_tab import rules_tab
from ui.explain.session_tab import SESSION, session_tab
from ui.explain.stability_tab import stability_tab
from ui.explain.subject import KIND, choose_subject, not_explained
from ui.frame.empty import nothing_loaded
from ui.frame.errors import friendly_errors, show_error
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot
from ui.frame.job_watch import watch_job
from ui.frame.page_spec import PageSpec

PAGE = PageSpec(title="Explain", icon=":material/psychology:", section="Models", order=70)

TABS = ["Model", "One session", "Rules as a tree", "Stability"]


require_frame()
with friendly_errors():
    st.title(PAGE.title)
    data = current_snapshot()
    if not data.n_sessions:
        nothing_loaded()
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        subject = choose_subject(current_settings())
        if subject is None:
            st.stop()
        session_id = st.text_input(
            "Session", placeholder="session ID", key=SESSION, bind="query-params", width=320
        ).strip()
    watch_job(KIND, "Explaining the model")
    if data.scoring_problem:
        show_error(data.scoring_problem)
    model, session, rules, stability = st.tabs(TABS, key="explain_tab", bind="query-params")
    if rules.open:
        with rules, friendly_errors():
            rules_tab(current_settings(), data, session_id)
        st.stop()
    view = subject.view(current_settings(), data)
    if model.open:
        with model, friendly_errors():
            if view is None:
                not_explained(subject)
            else:
                model_tab(subject, view)
    if session.open:
        with session, friendly_errors():
            one_by_one = session_tab if subject.kind.grain == "sessions" else offer_tab
            one_by_one(current_settings(), data, session_id, subject, view)
    if stability.open:
        with stability, friendly_errors():
            if view is None:
                not_explained(subject)
            else:
                stability_tab(current_settings(), data, subject, view)
