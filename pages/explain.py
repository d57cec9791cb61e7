"""Explain: what the classifier learned, why it says what it says of a session, and how it reads as rules."""

import streamlit as st

from phantom_core.views.classifier import model_in_use, model_versions
from phantom_core.views.explanation import explanation_view
from ui.empty import missing, nothing_loaded
from ui.errors import friendly_errors, show_error
from ui.explain_model_tab import KIND, model_tab, not_explained
from ui.explain_rules_tab import rules_tab
from ui.explain_session_tab import SESSION, offer_examples, session_tab
from ui.explain_stability_tab import stability_tab
from ui.frame import require_frame
from ui.handles import settings, snapshot
from ui.job_watch import watch_job
from ui.version_choice import choose_version

TABS = ["Model", "One session", "Rules as a tree", "Stability"]


require_frame()
with friendly_errors():
    st.title("Explain")
    data = snapshot()
    if not data.n_sessions:
        nothing_loaded()
        st.stop()
    versions = model_versions(settings())
    if not versions:
        missing(
            "A classifier is needed.",
            "There is no trained model whose answers could be explained.",
            "pages/classifier.py",
            "Train one",
            ":material/target:",
        )
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        version = choose_version("Model", versions, model_in_use(settings()), "model")
        session_id = st.text_input("Session", placeholder="id of a session", key=SESSION, bind="query-params", width=320).strip()
    watch_job(KIND, "Explaining the model")
    if data.scoring_problem:
        show_error(data.scoring_problem)
    model, session, rules, stability = st.tabs(TABS, key="explain_tab", bind="query-params")
    if rules.open:
        with rules, friendly_errors():
            rules_tab(settings(), data, session_id)
        st.stop()
    view = explanation_view(settings(), data, version)
    if model.open:
        with model, friendly_errors():
            if view is None:
                not_explained(version)
            else:
                model_tab(view)
    if session.open:
        with session, friendly_errors():
            if session_id:
                session_tab(settings(), data, session_id, version, view)
            else:
                offer_examples(data, "to be explained")
    if stability.open:
        with stability, friendly_errors():
            if view is None:
                not_explained(version)
            else:
                stability_tab(settings(), data, view, versions)
